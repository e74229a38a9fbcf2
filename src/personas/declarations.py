"""Derived attributes, plausibility rules and twin rules: what a manifest says beyond tables."""

from collections.abc import Mapping
from typing import Any

from pluralens._yaml_documents import Folder
from pluralens.personas.manifest import Manifest, Place
from pluralens.personas.population import Attribute, Bins, DerivedAttribute, TwinRule
from pluralens.personas.rules import Rule, bound_rule, parse_condition
from pluralens.personas.schema import AttributeSpec, BandSpec, DerivedSpec, RequiresSpec
from pluralens.personas.values import ValueList, read_values

__all__ = ["read_derived", "read_rules", "read_twin_rule"]


def read_derived(
    manifest: Manifest, folder: Folder, index: int, lists: Mapping[str, ValueList]
) -> DerivedAttribute:
    """A derived attribute: the `index`-th of the manifest.

    Raises:
        InputError: It is of an unknown attribute, its bands do not tile, or the column that it is
            read from has other values.
    """
    spec = manifest.spec.derived[index]
    place: Place = ("derived", index)
    if spec.of not in lists:
        raise manifest.unknown((*place, "of"), "attribute", spec.of, list(lists))
    base = lists[spec.of]
    if (spec.bands is None) == (spec.column is None):
        raise manifest.yaml.error(place, "one of bands and column is needed", "write one of them")
    if spec.bands is not None:
        _check_bands(manifest, (*place, "bands"), spec.bands, spec.of, base)
        values = ValueList(
            tuple(spec.bands),
            {k: tuple(b.label[k] for b in spec.bands.values()) for k in manifest.languages},
        )
        bands = list(spec.bands.values())
        lookup = [next(i for i, b in enumerate(bands) if int(v) < b.stop) for v in base.values]
    else:
        values, lookup = _from_column(manifest, folder, place, spec, base)
    return DerivedAttribute(
        spec.name, spec.label, values.values, values.labels, of=spec.of, lookup=tuple(lookup)
    )


def _from_column(
    manifest: Manifest, folder: Folder, place: Place, spec: DerivedSpec, base: ValueList
) -> tuple[ValueList, list[int]]:
    if (spec.values is None) == (spec.values_file is None):
        raise manifest.yaml.error(place, "one of values and values_file is needed", "write one")
    if base.file is None:
        raise manifest.yaml.error(
            (*place, "column"), f"{spec.of} has no values file", "use bands, or give it one"
        )
    column = str(spec.column)
    values = read_values(manifest, folder, place, spec.values, spec.values_file or "")
    base.file.require(column)
    for row in base.file.rows:
        if row.cells[column] not in values.values:
            raise base.file.error(
                row.line,
                column,
                f"{row.cells[column]!r} is not a value of {spec.name}",
                "declare it or correct it",
            )
    return values, [values.values.index(row.cells[column]) for row in base.file.rows]


def _check_bands(
    manifest: Manifest, place: Place, bands: Mapping[str, BandSpec], of: str, base: ValueList
) -> None:
    if not isinstance(base.values[0], int):
        raise manifest.yaml.error(place, f"{of} has no numbers to band", "use column instead")
    expected, last = base.values[0], int(base.values[-1])
    for key, band in bands.items():
        manifest.check_labels((*place, key, "label"), band.label)
        problem = "is empty" if band.stop <= band.first else ""
        if band.first < expected:
            problem = "overlaps the one before"
        elif band.first > expected:
            problem = "leaves a gap to the one before"
        if problem:
            raise manifest.yaml.error(
                (*place, key),
                f"the band [{band.first}, {band.stop}) {problem}",
                f"start it at {expected} and end it above; bands are half-open",
            )
        expected = band.stop
    if expected != last + 1:
        raise manifest.yaml.error(
            place, f"the bands end at {expected}", f"end the last one at {last + 1}, half-open"
        )


def read_rules(manifest: Manifest, lists: Mapping[str, ValueList]) -> tuple[Rule, ...]:
    """All forbidden combinations: the section `forbid`, and `requires` of the attributes.

    Raises:
        InputError: An attribute, value or bound is unknown.
    """
    rules: list[Rule] = []
    for i, forbidden in enumerate(manifest.spec.forbid):
        conditions = {}
        for name, condition in forbidden.items():
            if name not in lists:
                raise manifest.unknown(("forbid", i, name), "attribute", name, list(lists))
            try:
                conditions[name] = parse_condition(condition, lists[name].values)
            except ValueError as error:
                raise manifest.two_parts(("forbid", i, name), error) from None
        if not conditions:
            raise manifest.yaml.error(("forbid", i), "the rule has no condition", "add one")
        rules.append(Rule(conditions, f"forbidden: {_in_words(forbidden)}"))
    for i, spec in enumerate(manifest.spec.attributes):
        for k, bound in enumerate(spec.requires):
            rules += _bounds(manifest, ("attributes", i, "requires", k), spec, bound, lists)
    return tuple(rules)


def _bounds(
    manifest: Manifest,
    place: Place,
    spec: AttributeSpec,
    bound: RequiresSpec,
    lists: Mapping[str, ValueList],
) -> list[Rule]:
    """The rules of one entry of `requires`, one per distinct bound."""
    if bound.parent not in spec.parents:
        raise manifest.unknown((*place, "parent"), "parent", bound.parent, list(spec.parents))
    file, parent = lists[spec.name].file, lists[bound.parent]
    if file is None:
        raise manifest.yaml.error(place, "only a values file sets bounds", "use values_file")
    file.require(bound.column)
    ranks: dict[str | int, int] = {v: v for v in parent.values if isinstance(v, int)}
    if bound.order:
        ranks = {value: rank for rank, equals in enumerate(bound.order) for value in equals}
        for value in ranks:
            if value not in parent.values:
                raise manifest.unknown((*place, "order"), "value", str(value), parent.names)
    by_name = {str(value): rank for value, rank in ranks.items()}
    by_limit: dict[int, list[int]] = {}
    for position, row in enumerate(file.rows):
        cell = row.cells[bound.column]
        if cell and cell not in by_name:
            raise file.error(
                row.line,
                bound.column,
                f"{cell!r} is not a ranked value of {bound.parent}",
                "correct it, or leave the cell empty for no bound",
            )
        if cell:
            by_limit.setdefault(by_name[cell], []).append(position)
    found = (
        bound_rule(
            spec.name,
            positions,
            bound.parent,
            ranks,
            parent.values,
            limit,
            bound.bound == "at_least",
        )
        for limit, positions in by_limit.items()
    )
    return [rule for rule in found if rule is not None]


def read_twin_rule(
    manifest: Manifest,
    name: str,
    drawn: Mapping[str, Attribute],
    derived: Mapping[str, DerivedAttribute],
) -> TwinRule:
    """How twins that differ in the attribute `name` are made.

    Raises:
        InputError: It names an unknown attribute, or a bin or representative that is none.
    """
    place: Place = ("counterfactual", name)
    if name not in drawn:
        raise manifest.unknown(place, "attribute", name, list(drawn))
    spec = manifest.spec.counterfactual[name]
    for follower in spec.follow:
        if follower not in drawn or follower == name:
            others = [other for other in drawn if other != name]
            raise manifest.unknown((*place, "follow"), "other attribute", follower, others)
    if len(set(spec.follow) & set(drawn[name].table.parents)) > 1:
        raise manifest.yaml.error((*place, "follow"), "several parents follow", "let one follow")
    mine = [d for d in derived if derived[d].of == name]
    if spec.one_per is not None and spec.one_per not in mine:
        raise manifest.unknown(
            (*place, "one_per"), f"derived attribute of {name}", spec.one_per, mine
        )
    bins = None
    if spec.bins is not None:
        bins = Bins(spec.bins.of, spec.bins.distance, spec.bins.representatives)
        if bins.of not in mine:
            raise manifest.unknown(
                (*place, "bins", "of"), f"derived attribute of {name}", bins.of, mine
            )
        for value, stands in bins.representatives.items():
            code = drawn[name].codes.get(stands)
            by = derived[bins.of]
            if code is None or value != by.values[by.lookup[code]]:
                raise manifest.yaml.error(
                    (*place, "bins", "representatives", value),
                    f"{stands} is not in {value!r} of {bins.of}",
                    f"choose a value of {name} that is",
                )
    return TwinRule(
        follow=tuple(other for other in drawn if other in spec.follow),
        any_applicable=spec.targets == "applicable",
        one_per=spec.one_per,
        bins=bins,
    )


def _in_words(forbidden: Mapping[str, Any]) -> str:
    words = []
    for name, condition in forbidden.items():
        negated = isinstance(condition, dict)
        chosen = condition["not"] if negated else condition
        listed = chosen if isinstance(chosen, list) else [chosen]
        words.append(f"{name} {'not ' if negated else ''}{' or '.join(map(str, listed))}")
    return " with ".join(words)
