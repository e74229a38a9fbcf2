"""Progress of what takes more than a moment: a bar on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

__all__ = ["steps"]

Step = TypeVar("Step")


def steps(items: Sequence[Step], what: str) -> Iterator[Step]:
    """Iterate, showing how far along it is on standard error."""
    if not sys.stderr.isatty():
        yield from _lines(items, what)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import track

    yield from track(items, description=escape(what), console=Console(stderr=True), transient=True)


def _lines(items: Sequence[Step], what: str) -> Iterable[Step]:
    for number, item in enumerate(items, start=1):
        print(f"{what}: {number} of {len(items)}", file=sys.stderr, flush=True)
        yield item
