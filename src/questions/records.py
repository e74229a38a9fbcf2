"""Rows of a file or data set, with their places, before anything in them is believed."""

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pluralens.errors import InputError
from pluralens.questions.attribute_names import snake_case

__all__ = ["Records", "cell_text", "content_id", "content_digest"]


@dataclass(frozen=True)
class Records:
    """A table.

    Attributes:
        source: How errors call it.
        columns: Names of the columns in snake case, in the order of the table.
        rows: Cells by column as texts of one line; empty for what is missing.
        places: What errors call each row: `line 3`, `row 3`.
    """

    source: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    places: tuple[str, ...]

    @classmethod
    def of(
        cls,
        source: str,
        columns: Sequence[str],
        rows: Iterable[Mapping[str, Any]],
        places: Sequence[str],
    ) -> "Records":
        """Take the cells of a table as texts.

        Raises:
            InputError: Two columns have the same name, one has none, a cell is neither text nor
                number, or there are no rows.
        """
        names: dict[str, str] = {}
        for column in columns:
            name = snake_case(column)
            if not name:
                raise InputError(f"{source}: a column is called {column!r}; name every column")
            if name in names:
                raise InputError(
                    f"{source}: the columns {names[name]!r} and {column!r} have the same name; "
                    "drop or rename one"
                )
            names[name] = column
        texts = tuple(
            {
                name: cell_text(row.get(column), f"{source}, {place}, column {column}")
                for name, column in names.items()
            }
            for row, place in zip(rows, places, strict=True)
        )
        if not texts:
            raise InputError(f"{source}: there are no rows; add some")
        return cls(source, tuple(names), texts, tuple(places))

    def error(self, row: int, column: str, problem: str, remedy: str) -> InputError:
        """The error for a cell; rows count from 0."""
        return InputError(
            f"{self.source}, {self.places[row]}, column {column}: {problem}; {remedy}"
        )

    def ids(self, what: str, columns: Sequence[str]) -> list[str]:
        """The key of every row: its cell `id`, or a hash of its content where no column is `id`.

        Args:
            what: First letters of the ids that are made.
            columns: What the content is; columns that the table lacks are empty.

        Raises:
            InputError: An id is missing, no word, or stands there twice.
        """
        given = "id" in self.columns
        found: dict[str, int] = {}
        for i, row in enumerate(self.rows):
            key = row["id"] if given else content_id(what, [row.get(name, "") for name in columns])
            if given and (not key or " " in key or "/" in key):
                raise self.error(
                    i, "id", f"{key!r} is no id", "write one word without '/', or drop the column"
                )
            if key in found:
                problem = (
                    f"the id {key!r} stands in {self.places[found[key]]} too"
                    if given
                    else f"the row stands in {self.places[found[key]]} too"
                )
                raise self.error(i, "id", problem, "give each row an id of its own, or delete one")
            found[key] = i
        return list(found)


def cell_text(value: Any, place: str) -> str:
    """A cell as text of one line, empty if it is missing.

    Whole numbers are written as such, whatever a table keeps them as; control characters and line
    breaks become spaces.

    Raises:
        InputError: It is a list, an object or anything else that is no text.
    """
    if value is None:
        return ""
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        if not value.is_integer():
            return repr(value)
        value = int(value)
    if isinstance(value, (bool, int)):
        return str(value)
    if not isinstance(value, str):
        raise InputError(
            f"{place}: {type(value).__name__} is neither text nor number; give every attribute a "
            "column of its own"
        )
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in value).split())


def content_id(what: str, cells: Sequence[str]) -> str:
    """A key made of content: `what` and 12 hexadecimal digits."""
    return what + content_digest(cells)[:12]


def content_digest(content: Any) -> str:
    """Hash of JSON values, 32 hexadecimal digits."""
    from pluralens.personas.keyed_hash import keyed_hash

    return keyed_hash("records", 16, content).hex()
