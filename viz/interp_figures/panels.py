"""A few panels beside each other, placed in inches: texts around them never shrink them."""

from typing import TYPE_CHECKING

from pluralens.viz.style import footnote

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["finish", "side_by_side"]

LEFT, BELOW, ABOVE = 0.7, 0.6, 0.9
# Points: a line of the title, and of the panels' own smaller headings.
LINE = 14.0


def side_by_side(
    number: int, wide: float, high: float, gap: float = 0.7
) -> "tuple[Figure, list[Axes]]":
    """Make panels of one size.

    Args:
        number: Of panels.
        wide: Of each, inches.
        high: Of each, inches.
        gap: Between them, inches; where they share an axis 0.3 is enough.
    """
    import matplotlib.pyplot as plt

    width, height = LEFT + number * (wide + gap), BELOW + high + ABOVE
    drawn = plt.figure(figsize=(width, height))
    places = [
        ((LEFT + place * (wide + gap)) / width, BELOW / height, wide / width, high / height)
        for place in range(number)
    ]
    return drawn, [drawn.add_axes(place) for place in places]


def finish(axes: "list[Axes]", title: str, note: str, *, legend: bool = True) -> None:
    """Title above all panels, note below, and the first panel's legend at the right.

    Args:
        axes: From left to right, headings set.
        title: Of the figure.
        note: n, units and what the marks mean.
        legend: Whether there is one.
    """
    from matplotlib import rcParams

    lines = max((1 + one.get_title("left").count("\n")) * bool(one.get_title("left"))
                for one in axes)  # fmt: skip
    axes[0].annotate(
        title,
        (0.0, 1.0),
        xycoords="axes fraction",
        xytext=(0, 10 + LINE * lines),
        textcoords="offset points",
        ha="left",
        va="bottom",
        fontsize=rcParams["axes.titlesize"],
        fontweight=rcParams["axes.titleweight"],
        annotation_clip=False,
    )
    if legend:
        axes[-1].legend(
            *axes[0].get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(1.02, 1.0)
        )
    footnote(axes[0], note, below=38)
