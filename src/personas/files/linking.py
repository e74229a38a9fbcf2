"""The pairs in a file: every twin must differ from its base as its row says, and nowhere else."""

import numpy as np
import numpy.typing as npt

from pluralens.errors import InputError
from pluralens.personas.counterfactuals import PLACEBO, PairLink, joined_values
from pluralens.personas.files.layout import Table, forced_text, shown
from pluralens.personas.persona import Personas
from pluralens.personas.selection import ID

__all__ = ["checked_links"]

Rows = npt.NDArray[np.intp]


def checked_links(
    table: Table, everyone: Personas, bases: Rows, twins: Rows
) -> tuple[PairLink, ...]:
    """The links of the twins, in the order of their rows.

    Args:
        table: The file.
        everyone: The personas of all rows.
        bases: Rows of base personas.
        twins: Rows of twins.

    Raises:
        InputError: A base is missing, a pair id is malformed or there twice, or base and twin
            differ otherwise than the row says.
    """
    base_rows = dict(zip(everyone.ids[bases].tolist(), bases.tolist(), strict=True))
    partners = []
    seen: dict[str, int] = {}
    for row in twins.tolist():
        base_id, pair_id = table.columns["base_id"][row], table.columns["pair_id"][row]
        if base_id not in base_rows:
            raise table.error(
                row,
                "base_id",
                f"there is no base persona {shown(base_id)} for this twin",
                "add its row or delete this one",
            )
        partners.append(base_rows[base_id])
        if not ID.fullmatch(pair_id):
            raise table.error(
                row, "pair_id", f"{shown(pair_id)} is no id", "an id is 16 of the digits 0-9, a-f"
            )
        if pair_id in seen:
            first = table.place(seen[pair_id])
            raise table.error(
                row, "pair_id", f"{pair_id} stands in {first} already", "delete one of them"
            )
        seen[pair_id] = row
    old, new = everyone.take(np.array(partners, dtype=np.intp)), everyone.take(twins)
    names = everyone.population.attributes
    differs = np.array([old.codes[n] != new.codes[n] for n in names]).reshape(len(names), -1).T
    return tuple(
        _link(table, row, old, new, i, [n for n, d in zip(names, changed, strict=True) if d])
        for i, (row, changed) in enumerate(zip(twins.tolist(), differs.tolist(), strict=True))
    )


def _link(
    table: Table, row: int, old: Personas, new: Personas, i: int, changed: list[str]
) -> PairLink:
    """The link of the i-th pair, whose sides differ in `changed`."""
    cells = {name: column[row] for name, column in table.columns.items()}
    attribute = cells["changed_attribute"]
    population = old.population
    # Twins in two attributes at once are written `gender+religion`, and so are their values.
    meant = [] if attribute == PLACEBO else attribute.split("+")
    if not set(meant) <= set(population.drawn) or len(set(meant)) < len(meant):
        raise table.error(
            row,
            "changed_attribute",
            f"{shown(attribute)} is no attribute of population {population.id}",
            f"write {', '.join((*population.attributes, PLACEBO))}, or two joined by '+'",
        )

    def sides(name: str) -> tuple[str | int, str | int]:
        values = population.values(name)
        return values[int(old.codes[name][i])], values[int(new.codes[name][i])]

    for name in meant:
        if name not in changed:
            raise table.error(
                row, name, "the twin has the value of its base", "change it or delete the row"
            )
    before, after = (joined_values([sides(name)[side] for name in meant]) for side in (0, 1))
    for column, value in (("from_value", before), ("to_value", after)):
        if cells[column] != str(value):
            raise table.error(
                row,
                column,
                f"{shown(cells[column])} is not what the personas have",
                f"write {value!r}" if meant else "a placebo has none, so empty the cell",
            )
    forced = tuple((name, *sides(name)) for name in changed if name not in meant)
    if cells["forced"] != forced_text(forced):
        raise _wrong_forced(table, row, cells["forced"], forced)
    return PairLink(
        cells["pair_id"],
        cells["base_id"],
        cells["persona_id"],
        attribute,
        before,
        after,
        forced,
    )


def _wrong_forced(
    table: Table, row: int, cell: str, forced: tuple[tuple[str, str | int, str | int], ...]
) -> InputError:
    """The error for a twin that differs from its base elsewhere than its row says."""
    listed = {part.partition(":")[0].strip() for part in cell.split(";")}
    for name, before, after in forced:
        if name not in listed:
            return table.error(
                row,
                name,
                f"the twin has {after!r} and its base {before!r}, though {name} is neither changed "
                "nor forced",
                "a minimal pair differs in nothing else; correct the row or delete it",
            )
    return table.error(
        row,
        "forced",
        f"{shown(cell)} is not how the personas differ",
        f"write {forced_text(forced)!r}" if forced else "empty the cell",
    )
