"""Stance distribution: how the stances of every perspective lie on the axis."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralens.stats.stance_shares import stance_shares
from pluralens.viz.style import COLOURS, faint, footnote
from pluralens.viz.triplet_figures.words import (
    DEFAULT_BOUNDS,
    Bounds,
    about,
    drawn_part,
    names,
    stance_axis,
    wrapped,
)
from pluralens.viz.triplet_logs import TripletLog

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]

# Graders write tenths; the bins have them in their middle.
EDGES = np.linspace(-1.05, 1.05, 22)
ROW_HEIGHT = 0.42
# Characters of a line that is as wide as the axes.
MODEL_NAME = 54
# Where the numbers beside the strips stand, in widths of the axes.
COUNTED = ("stances", "refused", "empty", "unscored")
COLUMNS = (1.12, 1.33, 1.54, 1.71, 1.85, 1.97, 2.10)


def table(logs: Sequence[TripletLog], bounds: Bounds = DEFAULT_BOUNDS) -> pd.DataFrame:
    """Counts of stances per bin, beside the shares and counts of their perspective.

    Returns:
        One row per model, scenario, perspective and bin: the columns of `words.ABOUT`, low, high
        (ends of the bin), count, share (of the stances), and the columns of
        `pluralens.stats.stance_shares` and `threshold`, repeated in every bin.
    """
    rows: list[dict[Any, Any]] = []
    for log in logs:
        for conflict, frame in log.parts:
            for perspective in stance_shares(frame, threshold=bounds.threshold).to_dict("records"):
                same = frame["perspective"] == perspective["perspective"]
                stances = frame.loc[same, "stance"].dropna().to_numpy(float)
                counts = np.histogram(stances, EDGES)[0]
                for low, high, count in zip(EDGES[:-1], EDGES[1:], counts, strict=True):
                    share = count / len(stances) if len(stances) else float("nan")
                    ends = {"low": round(float(low), 2), "high": round(float(high), 2)}
                    found = {**ends, "count": int(count), "share": share}
                    told = {**perspective, "threshold": bounds.threshold}
                    rows.append({**about(log, conflict), **found, **told})
    return pd.DataFrame(rows)


def figure(bins: pd.DataFrame, title: str) -> "Figure":
    """A strip of bars per model and perspective, with shares and counts beside it."""
    import matplotlib.pyplot as plt

    part = drawn_part(bins)
    models = names(part)
    n_lines = 4 * len(models)
    drawn, axes = plt.subplots(figsize=(5.4, 1.2 + ROW_HEIGHT * n_lines))
    ticks: list[tuple[float, str]] = []
    y = 0.0
    for model in models:
        heading = wrapped(model, MODEL_NAME)
        up = 0.1 + 0.18 * heading.count("\n")
        axes.text(-1.1, y - up, heading, fontweight="bold", fontsize=9, va="center")
        of_model = part[part["model"] == model]
        # Each model has its own scale, or one that always says the same would flatten the others.
        tallest = float(of_model["share"].fillna(0.0).max())
        for _, rows in of_model.groupby("side", sort=False):
            y += 1
            _strip(axes, rows, y, tallest)
            ticks.append((y - 0.3, _teller(rows.iloc[0].to_dict())))
        y += 1
    threshold = float(part["threshold"].iloc[0])
    for at in (-threshold, threshold):
        axes.axvline(at, color=faint(0.8), lw=1, ls="--", zorder=3)
    axes.axvline(0.0, color=faint(), lw=1.2, zorder=1)
    axes.set_xlim(-1.1, 1.1)
    axes.set_ylim(y - 0.6, -0.85)
    axes.set_yticks([at for at, _ in ticks], [text for _, text in ticks])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"stance, points\n({stance_axis(part)})")
    columns = (f"< \N{MINUS SIGN}{threshold:g}", "between", f"> {threshold:g}")
    for text, x in zip((*columns, *COUNTED), COLUMNS, strict=True):
        _beside(axes, x, -0.1, text)
    axes.set_title(f"Stances by who asks\n{title}")
    footnote(
        axes,
        "Bars: shares of the stances in bins of 0.1, every model on its own scale. Dot: "
        f"mean with its 95 % interval. Dashed: from \N{PLUS-MINUS SIGN}{threshold:g} on an answer "
        "takes a side; beside it the shares of stances below, between and above with 95 % "
        "intervals (triplets as clusters; none with fewer than 5), and how many answers have a "
        "stance, were refusals, were empty, or got no number from the grader.",
        below=58.0,
    )
    return drawn


def _teller(row: Mapping[Any, Any]) -> str:
    who = {1: row["plus_party"], -1: row["minus_party"]}.get(row["side"])
    return f"the {who} asks" if who else "neutral"


def _strip(axes: "Axes", rows: pd.DataFrame, y: float, tallest: float) -> None:
    """The bars of one perspective, standing on `y`, and the numbers beside them."""
    first = rows.iloc[0]
    colour = {1: COLOURS[0], -1: COLOURS[1]}.get(int(first["side"]), faint(0.7))
    heights = 0.78 * rows["share"].fillna(0.0) / (tallest or 1.0)
    # The axis points down.
    axes.bar(
        (rows["low"] + rows["high"]) / 2, -heights, width=0.092, bottom=y, color=colour, alpha=0.7
    )
    axes.axhline(y, color=faint(0.35), lw=0.8, zorder=1)
    axes.plot([first["ci_low"], first["ci_high"]], [y, y], color=colour, lw=3, zorder=4)
    axes.plot(first["mean"], y, "o", color=colour, ms=6, zorder=5)
    shares = [
        f"{100 * first[part]:.0f} % ({100 * first[f'{part}_low']:.0f}"
        f"\N{EN DASH}{100 * first[f'{part}_high']:.0f})"
        if pd.notna(first[part])
        else "\N{EN DASH}"
        for part in ("p_neg", "p_neu", "p_pos")
    ]
    counts = [f"{first[name]:,}" for name in ("n_stance", "n_refused", "n_empty", "n_unscored")]
    for x, text in zip(COLUMNS, [*shares, *counts], strict=True):
        _beside(axes, x, y - 0.3, text)


def _beside(axes: "Axes", x: float, y: float, text: str) -> None:
    axes.text(
        x, y, text, transform=axes.get_yaxis_transform(), ha="center", va="center", fontsize=8
    )
