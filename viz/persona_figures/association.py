"""Association heatmap: Cramér's V of every pair of attributes."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from pluralens.personas.persona import Personas
from pluralens.personas.population import Population
from pluralens.personas.shares import population_joint
from pluralens.stats.cramers_v import cramers_v, cramers_v_by_chance, cramers_v_table
from pluralens.viz.persona_figures.ages import Ages
from pluralens.viz.persona_figures.attributes import (
    NOTHING_MERGED,
    Merged,
    attribute_label,
    grouped,
    merged_label,
    merged_name,
    wrapped,
)
from pluralens.viz.style import footnote

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]

CELL = 0.72
# Light at 0, darker with strength; the other way round on dark ground. One hue, so that it reads
# the same with any colour vision.
LIGHT = ("#f2f6fa", "#7cbde6", "#0072B2", "#00314f")
DARK = ("#22262e", "#0b4f7a", "#2f97d4", "#c3e6fa")


class _Grouping(NamedTuple):
    """An attribute as it is compared: its values, or what they were merged into."""

    name: str
    label: str
    attribute: str
    groups: npt.NDArray[np.intp]


def _groupings(
    population: Population, axes: Sequence[str], merged: Mapping[str, Merged]
) -> list[_Grouping]:
    found = []
    for name in grouped(population, axes):
        values = [str(value) for value in population.values(name)]
        label = attribute_label(population, name)
        if name in axes and merged.get(name):
            group_of = {v: group for group, members in merged[name].items() for v in members}
            names = [group_of.get(value, value) for value in values]
            codes = {group: i for i, group in enumerate(dict.fromkeys(names))}
            groups = np.array([codes[group] for group in names], dtype=np.intp)
            found.append(_Grouping(merged_name(name), merged_label(label), name, groups))
        found.append(_Grouping(name, label, name, np.arange(len(values), dtype=np.intp)))
    return found


def table(
    personas: Personas,
    ages: Ages,
    axes: Sequence[str] = (),
    merged: Mapping[str, Merged] = NOTHING_MERGED,
) -> pd.DataFrame:
    """Cramér's V of every pair; what is read from one attribute is not compared with itself.

    Args:
        personas: The set.
        ages: Youngest and oldest age of the official shares.
        axes: Attributes that the set was balanced on.
        merged: Axis -> group -> the values merged into it; such an axis is there both ways.

    Returns:
        Columns attribute, other, attribute_label, other_label, values, other_values (how many
        occur), n, v, v_by_chance (expected of independent attributes in a set of this size),
        official_v (exact, of the population's tables). NaN where an attribute has one value.
    """
    population = personas.population
    rows = []
    for other, own in combinations(_groupings(population, axes, merged), 2):
        if population.source_of(other.attribute) == population.source_of(own.attribute):
            continue
        a = own.groups[personas.column(own.attribute)]
        b = other.groups[personas.column(other.attribute)]
        official = population_joint(population, [own.attribute, other.attribute], age=ages)
        both = np.zeros((own.groups.max() + 1, other.groups.max() + 1))
        np.add.at(both, (own.groups[:, None], other.groups[None, :]), official)
        values, others = len(np.unique(a)), len(np.unique(b))
        rows.append(
            {
                "attribute": own.name,
                "other": other.name,
                "attribute_label": own.label,
                "other_label": other.label,
                "values": values,
                "other_values": others,
                "n": len(personas),
                "v": cramers_v(a, b),
                "v_by_chance": cramers_v_by_chance(values, others, len(personas)),
                "official_v": cramers_v_table(both),
            }
        )
    return pd.DataFrame(rows)


def _is_dark() -> bool:
    from matplotlib import rcParams
    from matplotlib.colors import to_rgb

    return sum(to_rgb(rcParams["axes.facecolor"])) < 1.5


def _colours() -> "Colormap":
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("association", DARK if _is_dark() else LIGHT)


def _numbers(axes: "Axes", pairs: pd.DataFrame, order: Sequence[str], colours: "Colormap") -> None:
    """The set's V in each cell, the population's below it."""
    for row in pairs.to_dict("records"):
        place = (order.index(row["other"]), order.index(row["attribute"]) - 1)
        known = not np.isnan(row["v"])
        red, green, blue, _ = colours(row["v"] if known else 0.0)
        ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
        official = "" if np.isnan(row["official_v"]) else f"({row['official_v']:.2f})"
        axes.annotate(
            f"{row['v']:.2f}" if known else "\u2013",
            place,
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            va="center",
            color=ink,
            fontsize=10,
        )
        axes.annotate(
            official,
            place,
            xytext=(0, -9),
            textcoords="offset points",
            ha="center",
            va="center",
            color=ink,
            fontsize=7,
        )


def _depth(drawn: "Figure", axes: "Axes") -> float:
    """How far the labels reach below the axes, with some room, in points."""
    drawn.canvas.draw()
    ends = [text.get_window_extent().y0 for text in axes.get_xticklabels()]
    return 12.0 + 72.0 / drawn.dpi * float(axes.get_window_extent().y0 - min(ends))


def figure(pairs: pd.DataFrame, title: str, about: str) -> "Figure":
    """The lower triangle; numbers in every cell, colour from 0 to 1.

    Args:
        pairs: The table.
        title: What set it is.
        about: Whom the official numbers are of, for the note.
    """
    import matplotlib.pyplot as plt

    order = list(dict.fromkeys([*pairs["other"], *pairs["attribute"]]))
    labels = dict(zip(pairs["other"], pairs["other_label"], strict=True))
    labels |= dict(zip(pairs["attribute"], pairs["attribute_label"], strict=True))
    size = len(order) - 1
    values = np.full((size, size), np.nan)
    for row in pairs.to_dict("records"):
        values[order.index(row["attribute"]) - 1, order.index(row["other"])] = row["v"]
    drawn, axes = plt.subplots(figsize=(2.9 + CELL * size, 1.9 + CELL * size))
    colours = _colours()
    picture = axes.imshow(np.ma.masked_invalid(values), vmin=0, vmax=1, cmap=colours)
    _numbers(axes, pairs, order, colours)
    axes.set_xticks(
        range(size),
        [wrapped(labels[name], 22) for name in order[:-1]],
        rotation=40,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(size), [wrapped(labels[name], 28) for name in order[1:]])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_title(f"Which attributes go together\n{title}")
    # In the empty triangle, or beside the cells if there are too few for it to have room.
    axes.apply_aspect()
    room = axes.get_position().width * drawn.get_figwidth()
    place = (0.66, 0.94) if size > 4 else (1 + 0.4 / room, 0.9)
    inset = axes.inset_axes((*place, 1.8 / room if size <= 4 else 0.32, 0.15 / room))
    bar = drawn.colorbar(picture, cax=inset, orientation="horizontal", ticks=[0, 0.5, 1])
    bar.set_label("Cramér's V of the set", fontsize=8)
    bar.outline.set_visible(False)
    chance = sorted({f"{v:.2f}" for v in pairs["v_by_chance"].dropna()})
    spread = " to ".join(dict.fromkeys((*chance[:1], *chance[-1:])))
    by_chance = (
        " V is above 0 by chance too: in a set of this size independent attributes show about "
        f"{spread}."
        if chance
        else ""
    )
    footnote(
        axes,
        f"n = {int(pairs['n'].iloc[0]):,} personas. Cramér's V: 0 is independent, 1 is that one "
        "attribute tells the other. In brackets: exact V of the population's tables, "
        f"{about}.{by_chance}",
        below=_depth(drawn, axes),
    )
    return drawn
