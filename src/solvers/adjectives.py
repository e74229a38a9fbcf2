"""The adjectives of the persona Likert benchmark: which qualities the model is asked about."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pluralens._resources import data_file
from pluralens._strict_csv import Row, read_rows
from pluralens.errors import InputError

__all__ = ["Adjective", "load_adjectives", "select_items"]

FULL = ("id", "adjective", "dimension", "valence", "active", "pair_id")
SHORT = ("id", "adjective")
UNSPECIFIED = "unspecified"

# No underscore: `<id>_rev` and `<id>_ev` are keys of the score, so an id must never end in them.
ID = re.compile(r"[A-Za-z][A-Za-z0-9]*")
DIMENSION = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
# Keys that scores and result tables use beside the items.
RESERVED = frozenset(
    "asked rated refused invalid reasked semantic aligned entropy compared mismatched".split()
) | {UNSPECIFIED}
VALENCES = {"-1": -1, "0": 0, "1": 1, "+1": 1}
ACTIVE = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True)
class Adjective:
    """One item.

    Attributes:
        id: Key of the item's ratings in `Score.value`.
        adjective: The word as it stands in the question.
        dimension: What it belongs to in the stereotype content literature.
        valence: 1 if the quality is favourable, -1 if unfavourable, 0 if neither (an item with 0
            is no part of favourability scores).
        pair_id: Id of the same item in the other language; the item's own id if there is none.
    """

    id: str
    adjective: str
    dimension: str
    valence: int
    pair_id: str


def load_adjectives(language: str, cases: str | Path | None = None) -> tuple[Adjective, ...]:
    """Read the active items, from the built-in table of a language or from a file.

    A table has the columns `id,adjective,dimension,valence,active,pair_id`, or only
    `id,adjective`: then every item is active, its dimension is `unspecified` and its valence 1, so
    a high rating counts as favourable.

    Args:
        language: `de` or `en`; not looked at when `cases` is given.
        cases: CSV file to read instead of the built-in table.

    Returns:
        The items in file order.

    Raises:
        InputError: The language has no table, the file cannot be read, or a cell is wrong; the
            message names file, line, column and remedy.
    """
    if cases is None:
        source = f"datasets/adjectives/{_known_language(language)}.csv"
        rows = read_rows(data_file("adjectives", f"{language}.csv"), source, (FULL, SHORT))
    else:
        source = str(cases)
        rows = read_rows(_own_file(cases), source, (FULL, SHORT))
    items = [_adjective(row) for row in rows]
    _refuse_repeats(rows)
    active = tuple(item for item, used in items if used)
    if not active:
        raise InputError(
            f"{source}, column active: no item is active; write 1 for the items to ask"
            if items
            else f"{source}: there is no item below the header; add at least one"
        )
    return active


def select_items(
    adjectives: Sequence[Adjective], items: str | Iterable[str] | None
) -> tuple[Adjective, ...]:
    """Choose items by id or by dimension.

    Args:
        adjectives: The items to choose from.
        items: Ids and names of dimensions, comma-separated or as a list; None for all items.

    Returns:
        The chosen items, each once, in the order of `adjectives`.

    Raises:
        InputError: An entry is neither an id nor a dimension, or there is no entry.
    """
    if items is None:
        return tuple(adjectives)
    if not isinstance(items, Iterable) or isinstance(items, Mapping):
        raise InputError(f"items={items!r} must be ids or dimensions, separated by commas")
    parts = items.split(",") if isinstance(items, str) else [str(item) for item in items]
    wanted = {part.strip() for part in parts} - {""}
    if not wanted:
        raise InputError("items: nothing is chosen; name ids or dimensions, or leave it out")
    known = list(dict.fromkeys(key for item in adjectives for key in (item.id, item.dimension)))
    for entry in sorted(wanted.difference(known)):
        close = get_close_matches(entry, known, n=1, cutoff=0.0)
        raise InputError(
            f"items: {entry!r} is neither an id nor a dimension; the closest is {close[0]!r}"
            if close
            else f"items: {entry!r} cannot be chosen; there are no items to choose from"
        )
    return tuple(item for item in adjectives if item.id in wanted or item.dimension in wanted)


def _own_file(cases: str | Path) -> Path:
    if not isinstance(cases, (str, Path)):
        raise InputError(f"cases={cases!r} must be the path of one CSV file; give it as text")
    try:
        return Path(cases).expanduser()
    except RuntimeError:
        raise InputError(
            f"cases={str(cases)!r}: there is no such user's home folder; write the path in full"
        ) from None


def _known_language(language: str) -> str:
    known = sorted(
        entry.name.removesuffix(".csv")
        for entry in data_file("adjectives").iterdir()
        if entry.name.endswith(".csv")
    )
    if language not in known:
        raise InputError(
            f"language: there are no adjectives for {language!r}; choose {' or '.join(known)}, "
            "or give a file of your own with cases"
        )
    return language


def _adjective(row: Row) -> tuple[Adjective, bool]:
    cells = row.cells
    for column in ("id", "pair_id"):
        _check_id(row, column)
    if "dimension" not in cells:
        return Adjective(cells["id"], cells["adjective"], UNSPECIFIED, 1, cells["id"]), True
    if not DIMENSION.fullmatch(cells["dimension"]):
        raise row.error(
            "dimension",
            f"{cells['dimension']!r} is not a name",
            "use a letter first, then letters, digits, - and _",
        )
    if cells["valence"] not in VALENCES:
        raise row.error(
            "valence",
            f"{cells['valence']!r} is not -1, 0 or 1",
            "write 1 for a favourable word, -1 for an unfavourable one, 0 for neither",
        )
    if cells["active"].lower() not in ACTIVE:
        raise row.error(
            "active",
            f"{cells['active']!r} is not 0 or 1 (or false or true)",
            "write 1 to ask the item, 0 to leave it out",
        )
    item = Adjective(
        cells["id"],
        cells["adjective"],
        cells["dimension"],
        VALENCES[cells["valence"]],
        cells["pair_id"],
    )
    return item, ACTIVE[cells["active"].lower()]


def _check_id(row: Row, column: str) -> None:
    value = row.cells.get(column)
    if value is None:
        return
    if not ID.fullmatch(value):
        raise row.error(
            column,
            f"{value!r} is not an id",
            "use a letter first, then letters and digits only (_rev and _ev are result keys)",
        )
    if value.lower() in RESERVED:
        raise row.error(column, f"{value!r} is the name of a result column", "choose another id")


def _refuse_repeats(rows: Sequence[Row]) -> None:
    # Inactive rows count too: switching one on must not turn a sound file into a broken one.
    for column in ("id", "adjective", "pair_id"):
        first: dict[str, int] = {}
        for row in rows:
            if column not in row.cells:
                continue
            value = row.cells[column]
            earlier = first.setdefault(value.casefold(), row.line)
            if earlier != row.line:
                raise row.error(
                    column, f"{value!r} already stands in line {earlier}", "keep one of them"
                )
    ids = {row.cells["id"].casefold() for row in rows}
    for row in rows:
        if row.cells.get("dimension", "").casefold() in ids:
            raise row.error(
                "dimension",
                f"{row.cells['dimension']!r} is also the id of an item",
                "rename one of them",
            )
