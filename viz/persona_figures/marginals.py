"""Marginals: the share of every value in the set, beside the official share."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from pluralens.personas.persona import Personas
from pluralens.personas.shares import population_joint
from pluralens.viz.persona_figures.ages import Ages
from pluralens.viz.persona_figures.attributes import (
    NOTHING_MERGED,
    Merged,
    attribute_label,
    merged_label,
    merged_name,
    percent,
    value_labels,
    wrapped,
)
from pluralens.viz.style import COLOURS, faint, zero_line

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]

COLUMNS = [
    "attribute",
    "attribute_label",
    "value",
    "label",
    "n",
    "total",
    "share",
    "ci_low",
    "ci_high",
    "official_share",
    "uniform_share",
]
Counts = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]

MOST_VALUES = 12
# Inches: a row of a value, a heading with the axis under its block, and the parts of a column.
ROW, BLOCK = 0.29, 0.72
LABELS, BARS, NUMBERS, GAP = 2.45, 2.6, 1.7, 0.15
TEXT_WIDTH = 32
SHARE = "share in the set"
INTERVAL = "95 % interval"
OFFICIAL = "official share"
UNIFORM = "uniform share"
NOTE_WIDTH = 165


def table(
    personas: Personas,
    ages: Ages,
    axes: Sequence[str] = (),
    merged: Mapping[str, Merged] = NOTHING_MERGED,
    *,
    at_random: bool = True,
) -> pd.DataFrame:
    """Counts and shares of every value of every attribute, drawn and derived.

    Args:
        personas: The set.
        ages: Youngest and oldest age of the official shares.
        axes: Attributes that the set was balanced on, if it was.
        merged: Axis -> group -> the values that were merged into it before balancing. Such an axis
            has a second block of rows, `merged_name(axis)`, with its groups as values.
        at_random: Whether the personas were drawn; those of a balanced set were chosen.

    Returns:
        Columns attribute, attribute_label, value, label, n, total, share, ci_low, ci_high,
        official_share, uniform_share. Shares are fractions and add up to 1 per attribute. ci is
        the 95 % Wilson interval, NaN if not at random. uniform_share, NaN but for the axes, is an
        equal part of those to whom the axis applies for each value that occurs.
    """
    population = personas.population
    blocks = []
    for attribute in population.all_attributes:
        values = population.values(attribute)
        block = pd.DataFrame(
            {
                "attribute": attribute,
                "attribute_label": attribute_label(population, attribute),
                "value": [str(value) for value in values],
                "label": value_labels(population, attribute),
                "n": np.bincount(personas.column(attribute).astype(np.intp), minlength=len(values)),
                "official_share": population_joint(population, [attribute], age=ages),
            }
        )
        is_axis = attribute in axes
        groups = merged.get(attribute) if is_axis else None
        applies = np.array([population.is_applicable(attribute, value) for value in values])
        uniform = _uniform(block["n"].to_numpy(), applies & is_axis & (not groups))
        blocks.append(_with_shares(block, uniform, at_random))
        if groups:
            block = _merged(block, groups)
            uniform = _uniform(block["n"].to_numpy(), np.ones(len(block), dtype=np.bool_))
            blocks.append(_with_shares(block, uniform, at_random))
    return pd.concat(blocks, ignore_index=True)[COLUMNS]


def _merged(block: pd.DataFrame, groups: Merged) -> pd.DataFrame:
    """The rows of values added up to groups; a value in no group stays on its own."""
    group_of = {value: group for group, values in groups.items() for value in values}
    known = dict(zip(block["value"], block["label"], strict=True))
    group = block["value"].map(lambda value: group_of.get(value, value))
    added = block.groupby(group, sort=False)[["n", "official_share"]].sum()
    labels = [known.get(value, value) for value in added.index]
    return (
        added.rename_axis("value")
        .reset_index()
        .assign(
            attribute=merged_name(str(block["attribute"].iloc[0])),
            attribute_label=merged_label(str(block["attribute_label"].iloc[0])),
            label=labels,
        )
    )


def _uniform(n: Counts, possible: npt.NDArray[np.bool_]) -> Floats:
    """Equal parts of the personas of the possible values that occur; NaN for the others."""
    groups = possible & (n > 0)
    part = n[groups].sum() / n.sum() / max(1, groups.sum())
    return np.where(groups, part, np.nan)


def _with_shares(block: pd.DataFrame, uniform: Floats, at_random: bool) -> pd.DataFrame:
    n = block["n"].to_numpy()
    total = int(n.sum())
    low, high = _wilson(n, total)
    return block.assign(
        total=total,
        share=n / total,
        ci_low=low if at_random else np.nan,
        ci_high=high if at_random else np.nan,
        uniform_share=uniform,
    )


def _wilson(n: Counts, total: int) -> tuple[Floats, Floats]:
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(n, total, alpha=0.05, method="wilson")
    # Rounding carries the ends of 0 and of all past the possible.
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


class _Block(NamedTuple):
    """One attribute as it is drawn, values from top to bottom."""

    heading: str
    rows: pd.DataFrame

    @property
    def height(self) -> float:
        return BLOCK + ROW * len(self.rows)


def _block(part: pd.DataFrame) -> _Block:
    """The values that occur or could; of many the most frequent, the others in one row."""
    heading = str(part["attribute_label"].iloc[0])
    part = part[(part["n"] > 0) | (part["official_share"] > 0)]
    if len(part) <= MOST_VALUES + 1:
        return _Block(heading, part)
    by_size = part.sort_values(["n", "official_share"], ascending=False, kind="stable")
    others = by_size.iloc[MOST_VALUES:]
    added = ["n", "share", "official_share"]
    rest = others.iloc[:1].assign(
        label=f"{len(others)} other values",
        value="",
        **{name: others[name].sum() for name in added},
        uniform_share=others["uniform_share"].sum(min_count=1),
    )
    if others["ci_low"].notna().any():
        low, high = _wilson(rest["n"].to_numpy(), int(rest["total"].iloc[0]))
        rest = rest.assign(ci_low=low, ci_high=high)
    return _Block(heading, pd.concat([by_size.iloc[:MOST_VALUES], rest]))


def _columns(blocks: Sequence[_Block]) -> list[list[_Block]]:
    """Two columns of about the same height, in order."""
    half = sum(block.height for block in blocks) / 2
    left: list[_Block] = []
    height = 0.0
    for block in blocks:
        if left and height + block.height / 2 > half:
            break
        left.append(block)
        height += block.height
    return [column for column in (left, list(blocks[len(left) :])) if column]


def _draw(axes: "Axes", block: _Block) -> None:
    rows = block.rows
    y = np.arange(len(rows))
    share, official = 100 * rows["share"], 100 * rows["official_share"]
    low, high = 100 * rows["ci_low"], 100 * rows["ci_high"]
    uniform = 100 * rows["uniform_share"]
    axes.barh(y, share, height=0.62, color=COLOURS[0], alpha=0.75, lw=0, zorder=2, label=SHARE)
    if low.notna().any():
        axes.hlines(y, low, high, color=faint(0.9), lw=1.6, zorder=3, label=INTERVAL)
    marks: dict[str, Any] = {"ls": "", "clip_on": False}
    axes.plot(
        official,
        y,
        "D",
        mfc="none",
        mec=COLOURS[1],
        mew=1.6,
        ms=6,
        zorder=4,
        label=OFFICIAL,
        **marks,
    )
    if uniform.notna().any():
        axes.plot(
            uniform, y, "|", color=COLOURS[2], mew=2.6, ms=14, zorder=5, label=UNIFORM, **marks
        )
    top = max(float(part.fillna(0).max()) for part in (share, official, high, uniform))
    axes.set_xlim(0, min(1.06 * top, 104))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    zero_line(axes)
    labels = [wrapped(label, TEXT_WIDTH) for label in rows["label"]]
    axes.set_yticks(y, labels, fontsize=8, linespacing=0.95)
    axes.tick_params(axis="y", length=0, pad=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.set_title(block.heading, fontsize=10)
    _numbers(axes, rows)


def _numbers(axes: "Axes", rows: pd.DataFrame) -> None:
    """n, share and, in brackets, official share at the right of each row."""
    for place, row in enumerate(rows.to_dict("records")):
        official = f"({percent(row['official_share'])})"
        for x, text in ((40, f"{row['n']:,}"), (77, percent(row["share"])), (120, official)):
            axes.annotate(
                text,
                (1.0, place),
                xycoords=axes.get_yaxis_transform(),
                xytext=(x, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=8,
                annotation_clip=False,
            )


def figure(marginals: pd.DataFrame, title: str, attributes: Sequence[str], about: str) -> "Figure":
    """One block of bars per attribute, each with its own scale from 0.

    Args:
        marginals: The table.
        title: What set it is.
        attributes: Which of its attributes to draw; merged axes are drawn as merged.
        about: Whom the official shares are of, for the note.
    """
    import matplotlib.pyplot as plt

    parts = {name: part for name, part in marginals.groupby("attribute", sort=False)}
    chosen = [parts.get(merged_name(name), parts[name]) for name in attributes]
    columns = _columns([_block(part) for part in chosen])
    column_width = LABELS + BARS + NUMBERS
    width = len(columns) * column_width + (len(columns) - 1) * GAP
    height = max(sum(block.height for block in column) for column in columns)
    drawn = plt.figure(figsize=(width, height))
    for number, column in enumerate(columns):
        left = number * (column_width + GAP) + LABELS
        y = height
        for block in column:
            y -= block.height
            # Below the bars of a block is its axis, above them its heading.
            place = (left, y + 0.36, BARS, ROW * len(block.rows))
            axes = drawn.add_axes(
                (place[0] / width, place[1] / height, place[2] / width, place[3] / height)
            )
            _draw(axes, block)
    _surroundings(drawn, marginals, title, about)
    return drawn


def _surroundings(drawn: "Figure", marginals: pd.DataFrame, title: str, about: str) -> None:
    """Title, legend and note, around all blocks."""
    _, height = drawn.get_size_inches()
    total = int(marginals["total"].iloc[0])
    handles: dict[str, Artist] = {}
    for axes in drawn.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(str(label), handle)
    present = [label for label in (SHARE, INTERVAL, OFFICIAL, UNIFORM) if label in handles]
    drawn.text(
        0,
        1 + 0.38 / height,
        f"Shares of all values (%)\n{title}",
        fontweight="bold",
        fontsize=12,
        va="bottom",
    )
    drawn.legend(
        [handles[label] for label in present],
        present,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0 + 0.05 / float(height)),
        ncols=len(present),
        borderaxespad=0,
        borderpad=0,
    )
    interval = (
        "Intervals: 95 % Wilson, the spread of a random draw of this size. A set that was drawn at "
        "a temperature above 0, with exclusions or from a balanced one differs on purpose."
        if marginals["ci_low"].notna().any()
        else "The set was balanced: its personas were chosen, so there are no intervals, and it "
        "differs from the official shares on purpose. Uniform share: all groups of a balanced "
        "attribute equally often."
    )
    note = (
        f"n = {total:,} personas. At the right: n, share in the set and, in brackets, the official "
        f"share {about}, exact from the population's tables. Each attribute has its own scale "
        f"from 0. {interval}"
    )
    note = textwrap.fill(note.replace(" %", "\u00a0%"), NOTE_WIDTH, break_on_hyphens=False)
    drawn.text(0, -0.05 / height, note, fontsize=8, va="top")
