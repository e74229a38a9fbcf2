"""What commands print: results on standard output, progress and notes on standard error.

With `--json` there is one JSON document on standard output and nothing else. Texts from files,
models and databases are never taken for markup, and their control characters are escaped.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["note", "plain", "show_facts", "show_json", "show_line", "show_table", "working"]

# Nothing is cut off in a pipe or a file.
UNLIMITED = 1000


def plain(text: object) -> str:
    """A text without control characters: those are written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def show_json(document: Any) -> None:
    """Print one JSON document; what is no number there is null."""
    print(json.dumps(_finite(document), indent=2, default=str, allow_nan=False))


def show_line(text: object) -> None:
    """Print one line."""
    print(plain(text))


def note(text: object) -> None:
    """Print one line on standard error."""
    print(plain(text), file=sys.stderr, flush=True)


def show_facts(facts: Mapping[str, object]) -> None:
    """Print a line per fact, keys aligned."""
    width = max(map(len, facts), default=0)
    for key, value in facts.items():
        show_line(f"{key:<{width}}  {value}")


def show_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None
) -> None:
    """Print a table; numbers are flush right."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    heading = None if title is None else escape(plain(title))
    table = Table(
        title=heading,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for i, column in enumerate(columns):
        numbers = all(isinstance(row[i], (int, float)) for row in rows)
        table.add_column(escape(column), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(plain(_number(cell))) for cell in row))
    _console(sys.stdout).print(table)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say what is being done: a spinner on a terminal, a line elsewhere."""
    if not sys.stderr.isatty():
        note(f"{what} ...")
        yield
        return
    from rich.markup import escape

    with _console(sys.stderr).status(escape(plain(what))):
        yield


def _console(stream: TextIO) -> "Console":
    from rich.console import Console

    width = None if stream.isatty() else UNLIMITED
    return Console(file=stream, width=width, highlight=False)


def _number(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return str(cell)
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:.2f}"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
