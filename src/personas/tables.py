"""Conditional tables: from the rows of a CSV to one dense array of shares.

Two layouts, told apart by the header. Wide: one row per combination of parents, one column per
value. Long: columns `value` and `weight`, one row per combination and value, 0 where no row is. In
both, a parent matched exactly is a column of its name and a parent matched by bands is a pair of
columns `<parent>_from` and `<parent>_to`, half-open. A column `note` is free text.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from pluralens._yaml_documents import CsvFile, CsvRow
from pluralens.errors import InputError

__all__ = ["ConditionalTable", "ParentColumn", "compile_table"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
# One part of a row's key: a value, or a band [from, to).
KeyPart = str | tuple[int, int]

NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?|\.[0-9]+")
INTEGER = re.compile(r"-?[0-9]+")
MAX_CELLS = 2**26


@dataclass(frozen=True, eq=False)
class ConditionalTable:
    """P(value | parents).

    Attributes:
        parents: Names of the parents, in the order of the axes.
        weights: Shares, shape (*parent sizes, values); 1 in sum over the last axis, or all 0 where
            the table has no row.
        defined: Where it has one, shape (*parent sizes).
    """

    parents: tuple[str, ...]
    weights: Floats
    defined: Bools


@dataclass(frozen=True)
class ParentColumn:
    """How a table names a parent's values: see `pluralens.personas.schema.ParentSpec`."""

    name: str
    values: tuple[str | int, ...]
    band: bool
    alias: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that hold the key."""
        return (f"{self.name}_from", f"{self.name}_to") if self.band else (self.name,)

    def codes(self, part: KeyPart) -> list[int]:
        """Positions of the values that a key stands for; empty for an unknown key."""
        if isinstance(part, tuple):
            return [i for i, v in enumerate(self.values) if part[0] <= int(v) < part[1]]
        return [i for i, v in enumerate(self.values) if self.alias.get(str(v), str(v)) == part]


def compile_table(
    table: CsvFile,
    columns: Sequence[str],
    parents: Sequence[ParentColumn],
    needed: Bools,
) -> ConditionalTable:
    """Check a table and spread its rows over all combinations of the parents' values.

    Args:
        table: The file.
        columns: The values that the table gives weights for, in order.
        parents: Its parents, in order.
        needed: Combinations that must have a row, shape (*parent sizes).

    Returns:
        The table; its last axis follows `columns`.

    Raises:
        InputError: Naming file, line and column, for every way in which a table can be wrong.
    """
    if needed.size * len(columns) > MAX_CELLS:
        raise InputError(
            f"{table.name}: the parents {', '.join(p.name for p in parents)} have {needed.size} "
            "combinations of values, too many for a table; use fewer parents or values"
        )
    key_columns = [column for parent in parents for column in parent.columns]
    table.require(*key_columns)
    long = "value" in table.header and "weight" in table.header
    rows = (
        _long_rows(table, columns, parents, key_columns)
        if long
        else _wide_rows(table, columns, parents, key_columns)
    )
    weights = np.zeros((*needed.shape, len(columns)))
    owner = np.full(needed.shape, -1)
    for number, (key, (row, row_weights)) in enumerate(rows.items()):
        total = sum(row_weights)
        if not total > 0:
            raise table.error(
                row.line,
                "weight" if long else columns[0],
                "all weights of this row are 0",
                "give at least one value a positive weight",
            )
        block = np.ix_(*(p.codes(part) for p, part in zip(parents, key, strict=True)))
        if (taken := int(owner[block].max())) >= 0:
            raise _overlap(table, parents, key, row, list(rows.values())[taken][0])
        owner[block] = number
        weights[block] = np.array(row_weights) / total
    defined = owner >= 0
    if (needed & ~defined).any():
        raise _hole(table, parents, needed & ~defined, defined, rows)
    return ConditionalTable(tuple(p.name for p in parents), weights, defined)


Rows = dict[tuple[KeyPart, ...], tuple[CsvRow, list[float]]]


def _wide_rows(
    table: CsvFile, columns: Sequence[str], parents: Sequence[ParentColumn], keys: Sequence[str]
) -> Rows:
    table.require(*columns)
    for column in table.header:
        if column not in columns and column not in keys and column != "note":
            raise table.error(
                table.header_line,
                column,
                f"{column!r} is neither a declared value nor a parent",
                f"declare it in population.yaml or correct it{_closest(column, columns)}",
            )
    rows: Rows = {}
    for row in table.rows:
        key = _key(table, row, parents)
        if key in rows:
            raise table.error(
                row.line,
                (*keys, columns[0])[0],
                f"the row repeats the combination of line {rows[key][0].line}",
                "delete one of the two",
            )
        rows[key] = row, [_weight(table, row, column) for column in columns]
    return rows


def _long_rows(
    table: CsvFile, columns: Sequence[str], parents: Sequence[ParentColumn], keys: Sequence[str]
) -> Rows:
    for column in table.header:
        if column not in (*keys, "value", "weight", "note"):
            raise table.error(
                table.header_line,
                column,
                f"{column!r} is neither a parent nor `value`, `weight` or `note`",
                "delete the column or declare the parent in population.yaml",
            )
    position = {value: i for i, value in enumerate(columns)}
    rows: Rows = {}
    lines: dict[tuple[tuple[KeyPart, ...], str], int] = {}
    for row in table.rows:
        key = _key(table, row, parents)
        value = row.cells["value"]
        if value not in position:
            raise table.error(
                row.line,
                "value",
                f"{value!r} is not a declared value",
                f"declare it in population.yaml or correct it{_closest(value, columns)}",
            )
        earlier = lines.setdefault((key, value), row.line)
        if earlier != row.line:
            raise table.error(
                row.line, "value", f"the row repeats line {earlier}", "delete one of the two"
            )
        weights = rows.setdefault(key, (row, [0.0] * len(columns)))[1]
        weights[position[value]] = _weight(table, row, "weight")
    return rows


def _key(table: CsvFile, row: CsvRow, parents: Sequence[ParentColumn]) -> tuple[KeyPart, ...]:
    key: list[KeyPart] = []
    for parent in parents:
        part: KeyPart
        if parent.band:
            low, high = (_integer(table, row, column) for column in parent.columns)
            first, stop = int(parent.values[0]), int(parent.values[-1]) + 1
            if low >= high:
                raise table.error(
                    row.line,
                    parent.columns[1],
                    f"the band [{low}, {high}) is empty",
                    "bands are half-open, so the end must be above the start",
                )
            if low < first or high > stop:
                raise table.error(
                    row.line,
                    parent.columns[0 if low < first else 1],
                    f"the band [{low}, {high}) leaves [{first}, {stop})",
                    f"stay within the values of {parent.name}",
                )
            part = (low, high)
        else:
            part = row.cells[parent.name]
            if not parent.codes(part):
                known = list(dict.fromkeys(parent.alias.get(str(v), str(v)) for v in parent.values))
                raise table.error(
                    row.line,
                    parent.name,
                    f"{part!r} is not a value of {parent.name}",
                    f"declare it in population.yaml or correct it{_closest(part, known)}",
                )
        key.append(part)
    return tuple(key)


def _weight(table: CsvFile, row: CsvRow, column: str) -> float:
    cell = row.cells[column]
    if NUMBER.fullmatch(cell) and math.isfinite(weight := float(cell)):
        return weight
    if cell.startswith("-") and NUMBER.fullmatch(cell[1:]):
        raise table.error(row.line, column, f"the weight {cell} is negative", "write 0 or more")
    raise table.error(
        row.line,
        column,
        f"the weight {cell!r} is not a number",
        "write a number with a decimal point, 0 for none",
    )


def _integer(table: CsvFile, row: CsvRow, column: str) -> int:
    cell = row.cells[column]
    if not INTEGER.fullmatch(cell):
        raise table.error(row.line, column, f"{cell!r} is not a whole number", "write a bound")
    return int(cell)


def _overlap(
    table: CsvFile,
    parents: Sequence[ParentColumn],
    key: tuple[KeyPart, ...],
    row: CsvRow,
    other: CsvRow,
) -> InputError:
    # Exact keys cannot overlap without being equal, so a band does.
    parent, part = next(
        (p, k)
        for p, k in zip(parents, key, strict=True)
        if isinstance(k, tuple) and k != tuple(int(other.cells[c]) for c in p.columns)
    )
    assert isinstance(part, tuple)
    return table.error(
        row.line,
        parent.columns[0],
        f"the band [{part[0]}, {part[1]}) overlaps the band of line {other.line}",
        "bands are half-open: let one start where the other ends",
    )


def _hole(
    table: CsvFile,
    parents: Sequence[ParentColumn],
    missing: Bools,
    defined: Bools,
    rows: Rows,
) -> InputError:
    if not parents:
        return InputError(f"{table.name}: the table has no rows; add one per value")
    at = tuple(int(i) for i in np.argwhere(missing)[0])
    combination = ", ".join(f"{p.name}={p.values[i]}" for p, i in zip(parents, at, strict=True))
    for axis, parent in enumerate(parents):
        line = tuple(slice(None) if a == axis else i for a, i in enumerate(at))
        if parent.band and defined[line].any():
            value = int(parent.values[at[axis]])
            before = [
                (key[axis], row)
                for key, (row, _) in rows.items()
                if all(at[a] in p.codes(key[a]) for a, p in enumerate(parents) if a != axis)
            ]
            number, row = min(
                (abs(part[1] - value), row.line) for part, row in before if isinstance(part, tuple)
            )
            return table.error(
                row,
                parent.columns[1],
                f"gap: no band covers {combination}",
                "let the bands touch (half-open: each starts where the one before ends)",
            )
    last = table.rows[-1].line if table.rows else table.header_line
    return table.error(
        last,
        parents[0].columns[0],
        f"the table has no row for {combination}",
        "add one, or an alias in population.yaml",
    )


def _closest(word: str, known: Sequence[str]) -> str:
    found = get_close_matches(word, known, n=1)
    return f" (the closest is {found[0]!r})" if found else ""
