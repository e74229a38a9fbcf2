"""From a folder to a checked `Population`.

Everything that can be wrong in the files is found on the way, once, and named by file, line and
column; what comes after may rely on it: parents come first, tables cover what is possible, labels
exist.
"""

from collections.abc import Mapping, Sequence
from importlib.resources.abc import Traversable

import numpy as np

from pluralens._yaml_documents import CsvFile, Folder
from pluralens.personas.declarations import read_derived, read_rules, read_twin_rule
from pluralens.personas.manifest import Place, read_manifest
from pluralens.personas.population import Attribute, Population, Source
from pluralens.personas.schema import AttributeSpec, ParentSpec
from pluralens.personas.tables import Bools, ConditionalTable, ParentColumn, compile_table
from pluralens.personas.values import ValueList, integer_values, read_values

__all__ = ["read_population"]


def read_population(root: Traversable, name: str) -> Population:
    """Read a population from its folder.

    Args:
        root: The folder.
        name: How errors call it.

    Raises:
        InputError: For the first thing that is wrong.
    """
    folder = Folder(root, name)
    reader = _Reader(folder)
    spec, manifest = reader.manifest.spec, reader.manifest
    drawn = {a.name: reader.attribute(i) for i, a in enumerate(spec.attributes)}
    derived = {
        d.name: read_derived(manifest, folder, i, reader.lists) for i, d in enumerate(spec.derived)
    }
    return Population(
        id=spec.id,
        version=spec.version,
        title=spec.title,
        languages=tuple(spec.languages),
        drawn=drawn,
        derived=derived,
        rules=read_rules(manifest, reader.lists),
        twin_rules={
            name: read_twin_rule(manifest, name, drawn, derived) for name in spec.counterfactual
        },
        digest=folder.digest(),
    )


class _Reader:
    """Reads attributes in order; what was read before is what later ones may have as parents."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.lists: dict[str, ValueList] = {}
        self.tables: dict[str, ConditionalTable] = {}

    def attribute(self, index: int) -> Attribute:
        spec = self.manifest.spec.attributes[index]
        place: Place = ("attributes", index)
        listed = self.lists[spec.name] = self._values(place, spec)
        for value in spec.not_applicable:
            if value not in listed.values:
                raise self.manifest.unknown(
                    (*place, "not_applicable"), "value", value, listed.names
                )
        self.tables[spec.name] = self._table(place, spec, listed.names)
        assumed = [
            *([spec.assumed] if spec.assumed else []),
            *(f"{v}: {100 * s.share:g} percent. {s.assumed}" for v, s in spec.shares.items()),
        ]
        return Attribute(
            name=spec.name,
            labels=spec.label,
            values=listed.values,
            value_labels=listed.labels,
            not_applicable=frozenset(spec.not_applicable),
            table=self.tables[spec.name],
            source=Source(spec.source.title, spec.source.licence, " ".join(assumed) or None),
        )

    def _values(self, place: Place, spec: AttributeSpec) -> ValueList:
        given = [spec.range, spec.values, spec.values_file]
        if sum(g is not None for g in given) != 1:
            raise self.manifest.yaml.error(
                place, "exactly one of range, values and values_file is needed", "write one of them"
            )
        if spec.range is not None:
            return integer_values(self.manifest, (*place, "range"), spec.range)
        return read_values(self.manifest, self.folder, place, spec.values, spec.values_file or "")

    def _table(self, place: Place, spec: AttributeSpec, names: list[str]) -> ConditionalTable:
        parents = self._parents((*place, "parents"), spec.parents)
        needed = self._needed(list(spec.parents))
        table = self.folder.read_csv(spec.table)
        if len(spec.groups) + bool(spec.shares) > 1:
            raise self.manifest.yaml.error(
                place, "groups and shares: there may be one group, or shares", "drop the others"
            )
        for group in spec.groups:
            return self._grouped((*place, "groups", group), spec, table, parents, needed, group)
        for value in spec.shares:
            if value not in names:
                raise self.manifest.unknown((*place, "shares", value), "value", value, names)
        rest = 1 - sum(share.share for share in spec.shares.values())
        if rest <= 0:
            raise self.manifest.yaml.error(
                (*place, "shares"), "the shares reach 1", "leave room for the other values"
            )
        own = [name for name in names if name not in spec.shares]
        compiled = compile_table(table, own, parents, needed)
        weights = np.zeros((*needed.shape, len(names)))
        weights[..., [names.index(name) for name in own]] = compiled.weights * rest
        for value, share in spec.shares.items():
            weights[..., names.index(value)] = np.where(compiled.defined, share.share, 0.0)
        return ConditionalTable(compiled.parents, weights, compiled.defined)

    def _grouped(
        self,
        place: Place,
        spec: AttributeSpec,
        table: CsvFile,
        parents: list[ParentColumn],
        needed: Bools,
        group: str,
    ) -> ConditionalTable:
        """Divide the weight of the column `group` among the values that have no column."""
        names = self.lists[spec.name].names
        inner = spec.groups[group]
        if group in names:
            raise self.manifest.yaml.error(place, "the group has the name of a value", "rename it")
        for parent in inner.parents:
            if parent not in spec.parents:
                raise self.manifest.unknown(
                    (*place, "parents", parent), "parent here", parent, list(spec.parents)
                )
        own = [name for name in names if name in table.header]
        divided = [name for name in names if name not in table.header]
        outer = compile_table(table, [*own, group], parents, needed)
        dropped = tuple(i for i, p in enumerate(parents) if p.name not in inner.parents)
        ordered = {p.name: inner.parents[p.name] for p in parents if p.name in inner.parents}
        within = compile_table(
            self.folder.read_csv(inner.table),
            divided,
            self._parents((*place, "parents"), ordered),
            np.asarray((outer.weights[..., -1] > 0).any(axis=dropped)),
        )
        weights = np.zeros((*needed.shape, len(names)))
        weights[..., [names.index(name) for name in own]] = outer.weights[..., :-1]
        weights[..., [names.index(name) for name in divided]] = outer.weights[..., -1:] * (
            np.expand_dims(within.weights, dropped)
        )
        return ConditionalTable(outer.parents, weights, outer.defined)

    def _parents(self, place: Place, parents: Mapping[str, ParentSpec]) -> list[ParentColumn]:
        columns = []
        for name, parent in parents.items():
            listed = self.lists[name]
            for value in parent.alias:
                if value not in listed.names:
                    raise self.manifest.unknown(
                        (*place, name, "alias", value), "value", value, listed.names
                    )
            if parent.match == "band" and not isinstance(listed.values[0], int):
                raise self.manifest.yaml.error(
                    (*place, name, "match"), f"{name} has no numbers to band", "match it exactly"
                )
            columns.append(ParentColumn(name, listed.values, parent.match == "band", parent.alias))
        return columns

    def _needed(self, parents: Sequence[str]) -> Bools:
        """Combinations of parents' values that must have a row.

        Those that are possible as far as pairs of parents tell: nobody of 40 is still at school,
        so no table needs a row for it.
        """
        needed = np.ones([len(self.lists[p].values) for p in parents], dtype=np.bool_)
        for later, name in enumerate(parents):
            table = self.tables[name]
            for earlier, other in enumerate(parents):
                if other not in table.parents:
                    continue
                axis = table.parents.index(other)
                rest = tuple(i for i in range(len(table.parents)) if i != axis)
                possible = np.asarray((table.weights > 0).any(axis=rest))
                shape = [1] * len(parents)
                shape[earlier], shape[later] = possible.shape
                needed &= (possible if earlier < later else possible.T).reshape(shape)
        return needed
