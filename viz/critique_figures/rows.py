"""Rows of estimates with their labels at the left, panels beside each other, numbers at the right.

Labels may be of any length: they are wrapped, and a row is as high as its label.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pluralens.viz.style import COLOURS
from pluralens.viz.triplet_figures.words import wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Panels", "heading", "interval", "numbers", "panels", "percent", "planted_entry"]
__all__ += ["planted_mark", "reference_line", "titled"]

# Inches: a row of one line, and a further line of a label.
ROW, LINE = 0.29, 0.165
# Characters of a line of a label.
LABEL_WIDTH = 38
# Characters of a line of a title.
TITLE_WIDTH = 80
# Share below which a whole percent says too little.
SMALL = 0.095
DIAMOND: dict[str, Any] = {"mfc": "none", "mec": COLOURS[1], "mew": 1.6}
Label = tuple[str, str]
"""Section and label of a row; rows of the section "" stand under no heading."""


class Panels(NamedTuple):
    """Axes beside each other that share their rows.

    Attributes:
        figure: All of it.
        axes: From left to right.
        at: y of each row, in the order in which they were given.
    """

    figure: "Figure"
    axes: "list[Axes]"
    at: list[float]


def panels(rows: Sequence[Label], widths: Sequence[float], least: float = 1.0) -> Panels:
    """Make room for rows from top to bottom.

    Args:
        rows: Sections together.
        widths: Of the panels, inches.
        least: Height of a row with a label of one line, in rows of one estimate.
    """
    import matplotlib.pyplot as plt

    ticks: list[tuple[float, str]] = []
    sections: list[tuple[float, str]] = []
    y, last = 0.0, ""
    for section, label in rows:
        if section != last:
            last = section
            y += _place(sections, wrapped(section, LABEL_WIDTH), y + 0.15) + 0.15
        y += _place(ticks, wrapped(label, LABEL_WIDTH), y, least)
    height = max(y, 2.0)
    drawn, grid = plt.subplots(
        1,
        len(widths),
        figsize=(sum(widths), ROW * height / 0.77),
        sharey=True,
        squeeze=False,
        width_ratios=list(widths),
        gridspec_kw={"wspace": 0.25 / (sum(widths) / len(widths))},
    )
    axes = list(grid[0])
    axes[0].set_ylim(height - 0.35, -0.65)
    axes[0].set_yticks([at for at, _ in ticks + sections], [text for _, text in ticks + sections])
    for text in axes[0].get_yticklabels()[len(ticks) :]:
        text.set_fontweight("bold")
    for one in axes:
        one.tick_params(axis="y", length=0)
        one.grid(axis="y", visible=False)
        one.spines["left"].set_visible(False)
    return Panels(drawn, axes, [at for at, _ in ticks])


def _place(placed: list[tuple[float, str]], text: str, top: float, least: float = 1.0) -> float:
    """Put a text into its middle; returns how high it is, rows."""
    high = max(least, 1 + text.count("\n") * LINE / ROW)
    placed.append((top + (high - 1) / 2, text))
    return high


def interval(
    axes: "Axes",
    y: float,
    estimate: tuple[float, float, float],
    *,
    colour: Any = COLOURS[0],
    marker: str = "o",
    filled: bool = True,
) -> None:
    """An estimate with the ends of its interval, percent; nothing for NaN.

    Args:
        axes: Where.
        y: Row.
        estimate: Estimate, lower end, upper end, as fractions.
        colour: Of both.
        marker: Of the estimate.
        filled: Whether the marker is.
    """
    value, low, high = (100 * number for number in estimate)
    axes.plot([low, high], [y, y], color=colour, lw=2, solid_capstyle="butt", zorder=3)
    face = colour if filled else axes.get_facecolor()
    style: dict[str, Any] = {"mfc": face, "mec": colour, "mew": 1.4, "ms": 6}
    axes.plot(value, y, marker, clip_on=False, zorder=4, **style)


def planted_mark(axes: "Axes", y: float, share: float) -> None:
    """What is to be expected of a simulated model, a fraction; nothing for NaN."""
    axes.plot(100 * share, y, "D", clip_on=False, zorder=5, ms=9, **DIAMOND)


def planted_entry(axes: "Axes", shares: "pd.Series[Any]", words: str) -> None:
    """Put the mark into the legend, if there is any."""
    if shares.notna().any():
        axes.plot([], [], "D", ms=7, label=words, **DIAMOND)


def reference_line(axes: "Axes", at: float, label: str, colour: Any, dashes: str = "--") -> None:
    """A vertical line at a fraction, with its entry for the legend."""
    axes.axvline(100 * at, color=colour, lw=1.4, ls=dashes, zorder=1, label=label)


def numbers(made: Panels, columns: Mapping[str, Sequence[str]], start: float = 14) -> None:
    """Columns of numbers at the right of the last panel.

    Args:
        made: The panels.
        columns: Heading -> one text per row.
        start: Distance of the first column from the axes, points.
    """
    right = start
    top = made.axes[-1].get_ylim()[1]
    for title, texts in columns.items():
        width = max(len(part) for text in (*title.split("\n"), *texts) for part in text.split("\n"))
        right += max(4.7 * width, 14) + 8
        for y, text in [*zip(made.at, texts, strict=True), (top - 0.1, title)]:
            made.axes[-1].annotate(
                text,
                (1.0, y),
                xycoords=made.axes[-1].get_yaxis_transform(),
                xytext=(right, 0),
                textcoords="offset points",
                ha="right",
                va="bottom" if text is title else "center",
                fontsize=8,
                annotation_clip=False,
            )


def heading(made: Panels, title: str) -> None:
    """Title above everything, and each panel's legend between it and the panel."""
    entries = max(len(axes.get_legend_handles_labels()[0]) for axes in made.axes)
    # The headings of numbers have up to two lines.
    made.axes[0].set_title(titled(title), pad=10 + 13.5 * max(entries, 2))
    for axes in made.axes:
        if axes.get_legend_handles_labels()[0]:
            axes.legend(
                loc="lower left",
                bbox_to_anchor=(-0.02, 1.0),
                borderaxespad=0.3,
                handlelength=1.8,
                labelspacing=0.25,
                fontsize=8,
            )


def titled(title: str) -> str:
    """A title whose lines are no longer than a figure is wide."""
    return "\n".join(wrapped(line, TITLE_WIDTH) for line in title.split("\n"))


def percent(share: float, low: float = float("nan"), high: float = float("nan")) -> str:
    """`73 % (55-87)`, `0.7 %`, or a dash where there is nothing; small shares have a decimal."""
    if share != share:
        return "\N{EN DASH}"
    ends = f" ({100 * low:.0f}\N{EN DASH}{100 * high:.0f})" if low == low else ""
    return f"{100 * share:.{1 if 0 < share < SMALL else 0}f} %{ends}"
