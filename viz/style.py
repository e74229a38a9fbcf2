"""The look of every figure: one style file, a light and a dark theme, colour-blind safe colours."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLOURS", "THEMES", "faint", "footnote", "themed", "zero_line"]

THEMES = ("light", "dark")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Characters of a note's line that fit under the axes of a forest plot.
NOTE_WIDTH = 96

DARK = {
    "figure.facecolor": "#16181d",
    "savefig.facecolor": "#16181d",
    "axes.facecolor": "#16181d",
    "axes.edgecolor": "#c9cdd4",
    "axes.labelcolor": "#e6e8ec",
    "text.color": "#e6e8ec",
    "xtick.color": "#c9cdd4",
    "ytick.color": "#c9cdd4",
    "grid.color": "#33373f",
}


@contextmanager
def themed(theme: str) -> Iterator[None]:
    """Draw inside this with the project's style; the backend needs no display."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with as_file(files("pluralens").joinpath("viz", "pluralens.mplstyle")) as style:
        with plt.style.context([str(style), DARK] if theme == "dark" else [str(style)]):
            try:
                yield
            finally:
                plt.close("all")


def faint(strength: float = 0.6) -> tuple[float, float, float, float]:
    """The text colour, thinned out: a grey that shows in either theme.

    Args:
        strength: 0 (nothing) to 1 (as dark as text).
    """
    from matplotlib import rcParams
    from matplotlib.colors import to_rgba

    red, green, blue, _ = to_rgba(rcParams["text.color"])
    return red, green, blue, strength


def zero_line(axes: "Axes", at: float = 0.0) -> None:
    """The line of no effect, visible in either theme."""
    axes.axvline(at, color=faint(), linewidth=1.2, zorder=1)


def footnote(axes: "Axes", text: str, below: float = 46.0) -> None:
    """Units, n and what the intervals are, under the axis label.

    Args:
        axes: Lowest axes of the figure.
        text: The note; it is wrapped here.
        below: Distance from the axes, points.
    """
    axes.annotate(
        # A number keeps its percent sign on the same line.
        textwrap.fill(text.replace(" %", "\u00a0%"), NOTE_WIDTH, break_on_hyphens=False),
        xy=(0.0, 0.0),
        xycoords="axes fraction",
        xytext=(0, -below),
        textcoords="offset points",
        ha="left",
        va="top",
        fontsize=8,
        annotation_clip=False,
    )
