"""Small hand-kept CSV tables, read strictly.

Lines that start with `#` are comments and blank lines are skipped, without shifting the line
numbers of the errors. A cell never spans lines. Every complaint is an `InputError` that names the
file, the line, the column and what to do.
"""

import csv
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from pluralens._file_bytes import file_bytes
from pluralens.errors import InputError

__all__ = ["Row", "read_rows"]

BOMS = {
    b"\xef\xbb\xbf": "a UTF-8 byte order mark",
    b"\xff\xfe": "a UTF-16 byte order mark",
    b"\xfe\xff": "a UTF-16 byte order mark",
}
WRONG_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True)
class Row:
    """One data line.

    Attributes:
        source: How errors call the file.
        line: Line number in the file, counted from 1 with comments and blank lines.
        cells: Stripped, non-empty text per column.
    """

    source: str
    line: int
    cells: dict[str, str]

    def error(self, column: str, problem: str, remedy: str) -> InputError:
        """The error for a wrong cell of this row."""
        return InputError(f"{self.source}, line {self.line}, column {column}: {problem}; {remedy}")


def read_rows(file: Traversable, source: str, headers: Sequence[tuple[str, ...]]) -> list[Row]:
    """Read a table that has one of the given headers.

    Args:
        file: The file; a `pathlib.Path` is one.
        source: How errors call the file.
        headers: The accepted headers, each the column names in their order.

    Returns:
        The data rows in file order; empty for a file with nothing below its header.

    Raises:
        InputError: The file is missing, a folder, empty or not UTF-8 without byte order mark, the
            header is none of `headers`, a row has too few or too many cells, an empty cell, a
            control character or a stray quotation mark.
    """
    lines = [
        (number, line)
        for number, line in enumerate(_read_text(file, source).split("\n"), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise InputError(
            f"{source}, line 1: the file has no header; start it with {_either(headers)}"
        )
    header = _header(lines[0][1], lines[0][0], source, headers)
    return [_row(line, number, source, header) for number, line in lines[1:]]


def _read_text(file: Traversable, source: str) -> str:
    raw = file_bytes(file, source, "the CSV file")
    for mark, name in BOMS.items():
        if raw.startswith(mark):
            raise InputError(
                f"{source}, line 1: the file starts with {name}; save as UTF-8 without BOM"
            )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        place = error.start - (before.rfind(b"\n") + 1) + 1
        raise InputError(
            f"{source}, line {line}, byte {place}: 0x{raw[error.start]:02x} is not UTF-8; "
            "save as UTF-8 without BOM"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _split(line: str, number: int, source: str, delimiter: str = ",") -> list[str]:
    try:
        cells = next(csv.reader([line], strict=True, skipinitialspace=True, delimiter=delimiter))
    except csv.Error:
        raise InputError(
            f"{source}, line {number}: a quotation mark is not closed or stands inside a cell; "
            'quote whole cells within one line and double the marks inside ("")'
        ) from None
    return [cell.strip() for cell in cells]


def _header(
    line: str, number: int, source: str, headers: Sequence[tuple[str, ...]]
) -> tuple[str, ...]:
    found = tuple(_split(line, number, source))
    if found in headers:
        return found
    for delimiter, name in WRONG_DELIMITERS.items():
        if tuple(cell.strip() for cell in line.split(delimiter)) in headers:
            raise InputError(
                f"{source}, line {number}: the columns are separated by {name}; use commas"
            )
    raise InputError(
        f"{source}, line {number}: the header is {','.join(found)!r}; it must be {_either(headers)}"
    )


def _row(line: str, number: int, source: str, header: tuple[str, ...]) -> Row:
    cells = _split(line, number, source)
    if len(cells) != len(header):
        few = len(cells) < len(header)
        column = header[len(cells)] if few else str(len(header) + 1)
        stray = [name for mark, name in WRONG_DELIMITERS.items() if few and mark in line]
        remedy = (
            f"separate the cells by commas, not {stray[0]}"
            if stray
            else f"fill in {','.join(header)}"
            if few
            else "quote cells that contain a comma"
        )
        raise InputError(
            f"{source}, line {number}, column {column}: {'missing' if few else 'one too many'} "
            f"({len(cells)} cells for {len(header)} columns); {remedy}"
        )
    row = Row(source, number, dict(zip(header, cells, strict=True)))
    for column, cell in row.cells.items():
        if not cell:
            raise row.error(column, "the cell is empty", "fill it in or delete the line")
        if any(unicodedata.category(character) == "Cc" for character in cell):
            raise row.error(column, f"{cell!r} holds a control character", "delete it")
    return row


def _either(headers: Sequence[tuple[str, ...]]) -> str:
    return " or ".join(repr(",".join(header)) for header in headers)
