"""Numbers by layer, or by number of ablated heads, with their intervals and a band of chance."""

from typing import TYPE_CHECKING

import pandas as pd

from pluralens.viz.style import COLOURS, faint, footnote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BAND", "COLUMNS", "figure"]

COLUMNS = ("series", "x", "value", "low", "high")
BAND = "chance band"
"""A series of this name is drawn as a grey band from `low` to `high`."""


def figure(
    frame: pd.DataFrame, *, title: str, xlabel: str, ylabel: str, level: float, note: str = ""
) -> "Figure":
    """Draw one line per series.

    Args:
        frame: Rows with the columns of `COLUMNS`; `low` and `high` are NaN where there is no
            interval.
        title: What is shown, of what.
        xlabel: What x counts.
        ylabel: What the numbers are, with their unit.
        level: The number that means nothing found, drawn as a line.
        note: n, and what the intervals are.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    drawn, axes = plt.subplots(figsize=(7.0, 3.8))
    axes.axhline(level, color=faint(), linewidth=1.2, zorder=1)
    names = list(dict.fromkeys(frame["series"]))
    lines = [name for name in names if name != BAND]
    for name, rows in frame.groupby("series", sort=False):
        x, low, high = rows["x"], rows["low"], rows["high"]
        if name == BAND:
            axes.fill_between(x, low, high, color=faint(0.2), linewidth=0, label=BAND)
            continue
        place = lines.index(str(name))
        colour, marker = COLOURS[place % len(COLOURS)], "osD^vP"[place % 6]
        axes.plot(x, rows["value"], color=colour, marker=marker, markersize=4, label=str(name))
        axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(title)
    if len(names) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    if note:
        footnote(axes, note, below=38)
    return drawn
