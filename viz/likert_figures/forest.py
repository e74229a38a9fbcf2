"""A forest plot: estimates with intervals, in sections, with room for every label."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pluralens.viz.style import COLOURS, faint, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ALPHA", "Row", "difference_row", "forest"]

ALPHA = 0.05
ROW_HEIGHT = 0.27
MOST_ROWS = 70


class Row(NamedTuple):
    """One estimate.

    Attributes:
        section: Heading under which the row stands.
        label: Its name.
        estimate: Point estimate; NaN draws the label only.
        low: Lower end of the interval.
        high: Upper end.
        band_low: Lower end of the grey band behind it; NaN for none.
        band_high: Upper end of it.
        truth: Planted value, marked with a diamond; NaN for none.
        strong: Whether the row stands out (for example after correction for multiplicity).
    """

    section: str
    label: str
    estimate: float
    low: float
    high: float
    band_low: float = math.nan
    band_high: float = math.nan
    truth: float = math.nan
    strong: bool = True


def difference_row(section: str, label: str, row: Mapping[Any, Any]) -> Row:
    """A row of effects: coloured when it holds after correction, with its placebo band if any."""
    return Row(
        section=section,
        label=label,
        estimate=row["difference"],
        low=row["ci_low"],
        high=row["ci_high"],
        band_low=row.get("placebo_low", math.nan),
        band_high=row.get("placebo_high", math.nan),
        strong=bool(row["p_adjusted"] < ALPHA),
    )


def _draw(axes: "Axes", rows: Sequence[Row], positions: Sequence[float]) -> None:
    for row, y in zip(rows, positions, strict=True):
        if not math.isnan(row.band_low):
            axes.fill_betweenx(
                [y - 0.42, y + 0.42], row.band_low, row.band_high, color=faint(0.17), lw=0
            )
        colour = COLOURS[0] if row.strong else faint()
        if not math.isnan(row.low):
            axes.plot([row.low, row.high], [y, y], color=colour, lw=2, solid_capstyle="butt")
        if not math.isnan(row.estimate):
            axes.plot(row.estimate, y, "o", color=colour, ms=5)
        if not math.isnan(row.truth):
            axes.plot(row.truth, y, "D", mfc="none", mec=COLOURS[1], mew=1.6, ms=7)


def forest(rows: Sequence[Row], *, title: str, xlabel: str, zero: float | None = 0.0) -> "Figure":
    """Draw rows top-down under their sections.

    Args:
        rows: Estimates, sections together.
        title: Title.
        xlabel: What is on the axis, with its unit.
        zero: Where the line of no effect is; None for none.
    """
    import matplotlib.pyplot as plt

    kept = list(rows[:MOST_ROWS])
    positions: list[float] = []
    headings: list[tuple[float, str]] = []
    y, section = 0.0, None
    for row in kept:
        if row.section != section:
            section = row.section
            headings.append((y, section))
            y += 1
        positions.append(y)
        y += 1
    drawn, axes = plt.subplots(figsize=(7.4, 1.5 + ROW_HEIGHT * max(y, 3)))
    if zero is not None:
        zero_line(axes, zero)
    _draw(axes, kept, positions)
    axes.set_ylim(max(y, 3) - 0.3, -0.7)
    axes.set_yticks(
        [*positions, *(h for h, _ in headings)],
        [*(r.label for r in kept), *(name for _, name in headings)],
    )
    for text in axes.get_yticklabels()[len(kept) :]:
        text.set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(xlabel)
    hidden = len(rows) - len(kept)
    axes.set_title(title + (f"\n({hidden} more rows in the CSV)" if hidden else ""))
    return drawn
