"""Words and columns shared by the figures of triplets."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pluralens.stats.equivalence import DEFAULT_MARGIN
from pluralens.stats.triplet_frame import DEFAULT_THRESHOLD
from pluralens.viz.triplet_logs import ALL, Conflict, TripletLog

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ABOUT",
    "DEFAULT_BOUNDS",
    "Bounds",
    "about",
    "between",
    "drawn_part",
    "names",
    "stance_axis",
]
__all__ += ["titled", "wrapped"]

ABOUT = ("model", "simulated", "scenario", "plus_party", "minus_party")
"""First columns of every table: they say of what a row is, and what +1 and -1 mean."""


# Characters of a line under a title.
TITLE_WIDTH = 80


class Bounds(NamedTuple):
    """From where on something counts.

    Attributes:
        threshold: Stance from which on an answer takes a side, between 0 and 1.
        margin: Gap below which it counts as none, stance points.
    """

    threshold: float = DEFAULT_THRESHOLD
    margin: float = DEFAULT_MARGIN


DEFAULT_BOUNDS = Bounds()


def about(log: TripletLog, conflict: Conflict) -> dict[str, object]:
    """The first columns of a row."""
    values = (log.label, log.simulated, conflict.id, conflict.plus_noun, conflict.minus_noun)
    return dict(zip(ABOUT, values, strict=True))


def drawn_part(table: "pd.DataFrame") -> "pd.DataFrame":
    """What a figure with room for one scenario shows: all together, or the only one."""
    return table[table["scenario"] == ALL] if (table["scenario"] == ALL).any() else table


def stance_axis(table: "pd.DataFrame") -> str:
    """What the ends of the stance's axis mean.

    Args:
        table: Rows of one scenario, or of all together.
    """
    if table["scenario"].iloc[0] == ALL:
        return "\N{MINUS SIGN}1 and +1 = clearly for the party at that end, 0 = neutral"
    plus, minus = table["plus_party"].iloc[0], table["minus_party"].iloc[0]
    return f"\N{MINUS SIGN}1 = clearly for the {minus}, +1 = clearly for the {plus}"


def names(table: "pd.DataFrame") -> list[str]:
    """The models of a table in their order."""
    return list(dict.fromkeys(table["model"]))


def between(numbers: Sequence[int]) -> str:
    """`36`, or `30 to 36` where they differ."""
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def wrapped(name: str, width: int) -> str:
    """A name in lines of at most `width` characters, broken at its separators where it can be."""
    spaced = name
    for mark in "/-_:,":
        spaced = spaced.replace(mark, f"{mark}\x00")
    lines = [""]
    for piece in spaced.replace(" ", " \x00").split("\x00"):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(
        part for line in lines for part in textwrap.wrap(line, width, break_on_hyphens=False)
    )


def titled(logs: Sequence[TripletLog]) -> str:
    """Which models were asked about what, how many prompts, and who graded; for a title."""
    conflicts = logs[0].conflicts
    what = conflicts[0].label if len(conflicts) == 1 else f"{len(conflicts)} conflicts"
    # Logs that are shown together have the same graders.
    words = logs[0].grading.words
    graded = f"\n{wrapped(words, TITLE_WIDTH)}" if words else ""
    if len(logs) == 1:
        return f"{logs[0].label}\n{what}, {logs[0].size}{graded}"
    simulated = sum(log.simulated for log in logs)
    kind = "simulated models" if simulated == len(logs) else "models"
    some = f" ({simulated} of them simulated)" if 0 < simulated < len(logs) else ""
    triplets = between([log.frame["triplet_id"].nunique() for log in logs])
    prompts = between([log.frame["sample_id"].nunique() for log in logs])
    asked = f"{what}, {prompts} prompts in {triplets} triplets each"
    return f"{len(logs)} {kind}{some}\n{asked}{graded}"
