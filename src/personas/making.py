"""Selections from populations and from other selections, with what they were made with.

Each function returns a `Selection` that is not stored yet: `Store.add` does that.

    pool = make_pool("pool-a", population="de", n=20_000, temperature=0.1, seed=42)
    balanced = make_balanced_from(pool, "balanced-a", n=2_000, seed=42)
    pairs = make_counterfactual(balanced, "cf-a", ["gender", "religion"])
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError
from pluralens.personas.options import AGE, DEFAULT_AGE
from pluralens.personas.persona import Personas
from pluralens.personas.population import Population, load_population, population_ids
from pluralens.personas.selection import Selection, check_name

if TYPE_CHECKING:
    from pluralens.personas.balancing import BalanceReport
    from pluralens.personas.counterfactuals import CounterfactualSet, PairLink
    from pluralens.personas.persona import Persona
    from pluralens.personas.store import Store

__all__ = [
    "make_balanced_from",
    "make_balanced_of",
    "make_counterfactual",
    "make_import",
    "make_pool",
    "make_reality",
]

Excluded = Mapping[str, Collection[str | int]]


def make_pool(
    name: str,
    *,
    population: str | Path,
    n: int,
    seed: int = 0,
    temperature: float | Mapping[str, float] = 0.0,
    age: tuple[int, int] = DEFAULT_AGE,
    exclude: Excluded | None = None,
) -> Selection:
    """What the sampler gives; the options are those of `pluralens.personas.sampling.sample`.

    Args:
        name: Of the selection.
        population: Id or folder.
        n: How many personas.
        seed: Of the sampler.
        temperature: Flattening of the shares, in [0, 1], for all attributes or per attribute.
        age: Youngest and oldest age, both included.
        exclude: Attribute -> values that are not drawn.

    Raises:
        InputError: The name is unusable or an option is wrong.
    """
    from pluralens.personas.sampling import sample

    check_name("selection", name)
    people, source = _located(population)
    personas = sample(people, n, seed=seed, temperature=temperature, age=age, exclude=exclude)
    return Selection(
        name=name,
        kind="pool",
        personas=personas,
        seed=int(seed),
        parameters={"n": len(personas), **_drawing(people, temperature, age, exclude)},
        source=source,
    )


def make_reality(pool: Selection, name: str, *, n: int, seed: int = 0) -> Selection:
    """A smaller set, distributed as the pool is: seeded, without replacement.

    Raises:
        InputError: The name is unusable, or `n` is below 1 or above the size of the pool.
    """
    from pluralens.personas.reality import reality_sample

    check_name("selection", name)
    personas = reality_sample(pool.personas, n, seed=seed)
    return Selection(
        name=name,
        kind="reality",
        personas=personas,
        seed=int(seed),
        parameters={"n": len(personas)},
        source=pool.source,
        parent=pool.name,
    )


def make_balanced_from(
    pool: Selection,
    name: str,
    *,
    n: int,
    seed: int = 0,
    axes: Sequence[str] | None = None,
    min_share: float = 0.01,
) -> Selection:
    """A set with near-uniform axes, chosen from a pool.

    Args:
        pool: Who can be chosen; its twins, if it has any, cannot.
        name: Of the selection.
        n: How many personas.
        seed: Of the choice.
        axes: What is balanced; None for the defaults.
        min_share: Subregions with a smaller share of the pool are merged into their region.

    Raises:
        InputError: The name is unusable or an option is wrong.
    """
    from pluralens.personas.balancing import balanced_select

    check_name("selection", name)
    personas, report = balanced_select(pool.personas, n, seed=seed, axes=axes, min_share=min_share)
    return Selection(
        name=name,
        kind="balanced",
        personas=personas,
        seed=int(seed),
        parameters={"method": "select", "n": len(personas), **_balance(report, min_share)},
        source=pool.source,
        report=report.to_json(),
        parent=pool.name,
    )


def make_balanced_of(
    name: str,
    *,
    population: str | Path,
    n: int,
    seed: int = 0,
    axes: Sequence[str] | None = None,
    min_share: float = 0.01,
    temperature: float | Mapping[str, float] = 0.0,
    age: tuple[int, int] = DEFAULT_AGE,
    exclude: Excluded | None = None,
) -> Selection:
    """A set with near-uniform axes, drawn from the population's own tables.

    Args:
        name: Of the selection.
        population: Id or folder.
        n: How many personas.
        seed: Of everything random.
        axes: What is balanced; None for the defaults.
        min_share: Subregions with a smaller share of the population are merged into their region.
        temperature: Flattening of the shares, in [0, 1], for all attributes or per attribute.
        age: Youngest and oldest age, both included.
        exclude: Attribute -> values that are not drawn.

    Raises:
        InputError: The name is unusable or an option is wrong.
    """
    from pluralens.personas.balancing import balanced_generate

    check_name("selection", name)
    people, source = _located(population)
    drawing: dict[str, Any] = {"temperature": temperature, "age": age, "exclude": exclude}
    personas, report = balanced_generate(
        people, n, seed=seed, axes=axes, min_share=min_share, **drawing
    )
    return Selection(
        name=name,
        kind="balanced",
        personas=personas,
        seed=int(seed),
        parameters={
            "method": "generate",
            "n": len(personas),
            **_balance(report, min_share),
            **_drawing(people, temperature, age, exclude),
        },
        source=source,
        report=report.to_json(),
    )


def make_counterfactual(
    base: Selection,
    name: str,
    attributes: Sequence[str],
    *,
    per_attribute: int | None = None,
    order: int = 1,
    seed: int = 0,
) -> Selection:
    """The personas of a selection with their twins: minimal pairs.

    Args:
        base: Selection of the base personas; it has no twins yet.
        name: Of the new selection.
        attributes: What is changed; `placebo` among them gives every base an identical twin too.
        per_attribute: Twins per base and attribute; None for all values.
        order: 1 for twins in one attribute; 2 for twins in two at once as well.
        seed: Of targets and forced changes.

    Returns:
        Twins base by base. The report says how many pairs each attribute has, and lists every
        base and attribute without a pair under `skipped`, with its reason.

    Raises:
        InputError: The name is unusable, the base has twins, an option is wrong, or nobody has
            a twin.
    """
    from pluralens.personas.counterfactuals import PLACEBO, counterfactual_pairs, placebo_pairs

    check_name("selection", name)
    if base.links:
        raise InputError(
            f"selection {base.name} has twins already, and twins of twins differ in more than they "
            "say; make the pairs from "
            + (base.parent if base.parent else "a selection without twins")
        )
    named = [attributes] if isinstance(attributes, str) else list(attributes)
    changed = [attribute for attribute in named if attribute != PLACEBO]
    if len(named) - len(changed) > 1:
        raise InputError(f"attributes: {PLACEBO!r} is given twice; name it once")
    if not named:
        raise InputError("attributes: nothing is named; name what twins differ in, as in gender")
    personas, sets = base.personas, []
    if changed or order != 1:
        people, options = personas.population, {"seed": seed, "order": order}
        sets.append(
            counterfactual_pairs(people, personas, changed, per_attribute=per_attribute, **options)
        )
    if len(changed) < len(named):
        sets.append(placebo_pairs(personas))
    pairs = _base_by_base(personas, sets)
    skipped = [asdict(skip) for found in sets for skip in found.skipped]
    if not pairs:
        reason = f" ({skipped[0]['reason']})" if skipped else ""
        raise InputError(
            f"selection {base.name}: nobody has a twin in {', '.join(named)}{reason}; name another "
            "attribute"
        )
    return Selection(
        name=name,
        kind="counterfactual",
        personas=personas,
        seed=int(seed),
        parameters={"attributes": named, "per_attribute": per_attribute, "order": order},
        source=base.source,
        report={
            "pairs": dict(Counter(link.attribute for link, _ in pairs)),
            "skipped": skipped,
        },
        parent=base.name,
        twins=Personas.from_rows(personas.population, [twin for _, twin in pairs]),
        links=tuple(link for link, _ in pairs),
    )


def _base_by_base(
    bases: Personas, sets: "Sequence[CounterfactualSet]"
) -> "list[tuple[PairLink, Persona]]":
    """All pairs with their twins; within a base in the order they were made in."""
    position = {persona_id: i for i, persona_id in enumerate(bases.ids.tolist())}
    return sorted(
        (pair for found in sets for pair in zip(found.links, found.twins, strict=True)),
        key=lambda pair: position[pair[0].base_id],
    )


def make_import(
    store: "Store",
    path: str | Path,
    *,
    name: str | None = None,
    population: str | Path | None = None,
) -> Selection:
    """A selection from a file, ready for a store.

    Its parent stays its parent where the store has the same one and can read it. Otherwise the
    name of the parent goes to the parameters, as `original_parent`.

    Args:
        store: Where the selection will be stored.
        path: File that was exported, or made by hand.
        name: Name of the selection; None for the one in the file.
        population: Id or folder of the population; None for the one in the file.

    Raises:
        InputError: Something in the file is wrong.
    """
    from pluralens.personas.files import read_selection

    source = None if population is None else _located(population)[1]
    selection = read_selection(path, name=name, population=source)
    if selection.parent is None or _comes_from(store, selection):
        return selection
    parameters = {"original_parent": selection.parent, **selection.parameters}
    return replace(selection, parent=None, parameters=parameters)


def _comes_from(store: "Store", selection: Selection) -> bool:
    """Whether the store has the parent, and not merely another selection of its name."""
    info = {info.name: info for info in store.infos()}.get(str(selection.parent))
    people = selection.personas.population
    if info is None or info.population != people.id or info.n < len(selection.personas):
        return False
    try:
        parent = store.selection(info.name).personas
    except InputError:
        # Its tables have moved or changed: nobody can tell any more that it is the one.
        return False
    same = parent.population.digest == people.digest
    return same and set(selection.personas.ids.tolist()) <= set(parent.ids.tolist())


def _located(source: str | Path) -> tuple[Population, str]:
    """A population, and what finds it again from any folder: its id or an absolute path."""
    population = load_population(source)
    known = isinstance(source, str) and source in population_ids()
    return population, str(source) if known else str(Path(source).resolve())


def _drawing(
    people: Population,
    temperature: float | Mapping[str, float],
    age: tuple[int, int],
    exclude: Excluded | None,
) -> dict[str, Any]:
    """Options of drawing as JSON has them; no ages where there are none."""
    flat = dict(temperature) if isinstance(temperature, Mapping) else temperature
    excluded = {name: list(values) for name, values in (exclude or {}).items()}
    ages = list(age) if AGE in people.drawn else None
    return {"temperature": flat, "age": ages, "exclude": excluded}


def _balance(report: "BalanceReport", min_share: float) -> dict[str, Any]:
    """Options of balancing as JSON has them, the default axes by their names."""
    return {"axes": [axis.axis for axis in report.axes], "min_share": min_share}
