"""A selection's table as CSV: UTF-8, LF, metadata in comment lines `# key: JSON` at the top."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pluralens.errors import InputError
from pluralens.personas.files.layout import METADATA_KEYS, Table

__all__ = ["csv_bytes", "read_csv"]

# The first line of a file that pluralens wrote; without it, comment lines are only that.
TITLE = "# pluralens selection"
# A spreadsheet takes a cell that starts so for a formula; a mark before it, doubled where the
# value has one itself, makes it text, and is taken away again when the file is read.
FORMULA = ("=", "+", "-", "@")
MARK = "'"
WRONG_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def csv_bytes(columns: Mapping[str, Sequence[Any]], metadata: Mapping[str, Any]) -> bytes:
    """The file's content."""
    text = io.StringIO()
    text.write(f"{TITLE}\n")
    for key in METADATA_KEYS:
        text.write(f"# {key}: {json.dumps(metadata[key], ensure_ascii=False)}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*map(_marked, columns.values()), strict=True))
    return text.getvalue().encode()


def read_csv(raw: bytes, source: str) -> Table:
    """Take a CSV file apart.

    Args:
        raw: Its content.
        source: How errors call it.

    Raises:
        InputError: It is not UTF-8, has no header, a column twice, or rows of another length.
    """
    lines = _text(raw, source).split("\n")
    top = 0
    while top < len(lines) and (not lines[top].strip() or lines[top].startswith("#")):
        top += 1
    metadata = None
    if lines[0].rstrip() == TITLE:
        metadata = _metadata(lines[1:top], source)
    reader = csv.reader(lines[top:], strict=True)
    rows: list[list[str]] = []
    numbers: list[int] = []
    try:
        for row in reader:
            if any(row):
                rows.append(row)
                numbers.append(top + reader.line_num)
    except csv.Error as error:
        raise InputError(
            f"{source}, line {top + reader.line_num}: the line is no CSV ({error}); quote whole "
            'cells and double the marks inside ("")'
        ) from None
    if not rows:
        raise InputError(
            f"{source}: the file has no header; start it with the names of the columns"
        )
    header = _header(rows[0], numbers[0], source)
    for row, number in zip(rows, numbers, strict=True):
        if len(row) != len(header):
            raise InputError(
                f"{source}, line {number}: {len(row)} cells for {len(header)} columns; "
                "give every row a cell per column and quote cells that hold a comma"
            )
    cells = list(zip(*rows[1:], strict=True)) or [()] * len(header)
    columns = {
        name: [_unmarked(cell.strip()) for cell in column]
        for name, column in zip(header, cells, strict=True)
    }
    return Table(source, columns, numbers[1:], metadata)


def _marked(cells: Sequence[Any]) -> Sequence[Any]:
    risky = (*FORMULA, MARK)
    return [f"{MARK}{c}" if isinstance(c, str) and c.startswith(risky) else c for c in cells]


def _unmarked(cell: str) -> str:
    return cell[1:] if cell[:1] == MARK and cell[1:2] in (*FORMULA, MARK) else cell


def _text(raw: bytes, source: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{source}, line 1: the file is UTF-16; save it as UTF-8")
    try:
        # Spreadsheets put a mark before UTF-8.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            f"{source}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; save it as UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _metadata(lines: Sequence[str], source: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        key, colon, value = line.lstrip("# ").partition(":")
        try:
            if not colon or key in found:
                raise ValueError
            found[key] = json.loads(value)
        except (ValueError, RecursionError):
            raise InputError(
                f"{source}, line {number}: this is no line `# key: JSON value` of an exported "
                "selection, or one twice; restore it, or delete all lines that start with # to "
                "import the personas as a new selection"
            ) from None
    return found


def _header(names: Sequence[str], line: int, source: str) -> list[str]:
    header = [name.strip() for name in names]
    for delimiter, called in WRONG_DELIMITERS.items():
        if len(header) == 1 and delimiter in header[0]:
            raise InputError(
                f"{source}, line {line}: the columns are separated by {called}; use commas"
            )
    for name in header:
        if header.count(name) > 1:
            raise InputError(f"{source}, line {line}: the column {name!r} occurs twice; drop one")
    return header
