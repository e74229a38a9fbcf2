"""Slope plot: how the mean stance moves from one teller over the neutral version to the other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.stats.stance_shares import stance_shares
from pluralens.viz.style import COLOURS, faint, footnote
from pluralens.viz.triplet_figures.words import (
    DEFAULT_BOUNDS,
    Bounds,
    about,
    between,
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

# With more models than this their lines and intervals hide each other in one panel.
MOST_TOGETHER = 3
PANELS_PER_ROW = 4
# Characters of a line.
PANEL_NAME = 28
TELLER = 12
MARKERS = ("o", "s", "^")
EXPECTED = {1: "expected_plus", -1: "expected_minus", 0: "expected_neutral"}
LIMITS = (-1.08, 1.08)


def table(logs: Sequence[TripletLog], bounds: Bounds = DEFAULT_BOUNDS) -> pd.DataFrame:
    """Mean stance, shares and counts per model, scenario and perspective.

    Returns:
        The columns of `words.ABOUT` and of `pluralens.stats.stance_shares`, and `planted`: the
        expected stance that a simulated teller was made with, NaN for others; and `threshold`.
    """
    rows = []
    for log in logs:
        for conflict, frame in log.parts:
            shares = stance_shares(frame, threshold=bounds.threshold)
            first = pd.DataFrame([about(log, conflict)] * len(shares))
            planted = [log.planted.get(EXPECTED[side], float("nan")) for side in shares["side"]]
            rows.append(
                pd.concat(
                    [first, shares.assign(planted=planted, threshold=bounds.threshold)], axis=1
                )
            )
    return pd.concat(rows, ignore_index=True)


def figure(means: pd.DataFrame, title: str) -> "Figure":
    """One line per model; with many models, one panel each and the others in grey behind it."""
    import matplotlib.pyplot as plt

    part = drawn_part(means)
    models = names(part)
    if len(models) <= MOST_TOGETHER:
        drawn, axes = plt.subplots(figsize=(6.4, 4.2))
        for index, model in enumerate(models):
            shift = (index - (len(models) - 1) / 2) * 0.05
            line = {"color": COLOURS[index], "marker": MARKERS[index], "label": model}
            _line(axes, part[part["model"] == model], shift, line)
        _dress(axes, part)
        axes.set_ylabel(f"mean stance\n({stance_axis(part)})", fontsize=9)
        axes.set_title(f"Whose side the advice takes, by who asks\n{title}")
        if len(models) > 1:
            axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        lowest = axes
    else:
        lowest = _panels(part, models, title)
        drawn = lowest.figure  # type: ignore[assignment]
    triplets = between([int(n) for n in part["n_triplets"]])
    prompts = between([int(n) for n in part["n_stance"]])
    grey = " Grey: the other models." if len(models) > MOST_TOGETHER else ""
    planted = " Diamonds: what was planted." if part["planted"].notna().any() else ""
    footnote(
        lowest,
        f"Means over {prompts} answers with a stance in {triplets} triplets per model and teller; "
        "bars: 95 % intervals with triplets as clusters. A flat line is advice that does not "
        f"depend on who asks; one that rises leans to whoever asks.{grey}{planted}",
        below=52.0,
    )
    return drawn


def _panels(part: pd.DataFrame, models: Sequence[str], title: str) -> "Axes":
    """Small panels; returns the lower left one."""
    import matplotlib.pyplot as plt

    columns = min(PANELS_PER_ROW, len(models))
    n_rows = -(-len(models) // columns)
    headings = [wrapped(model, PANEL_NAME) for model in models]
    lines = max(heading.count("\n") for heading in headings) + 1
    drawn, grid = plt.subplots(
        n_rows,
        columns,
        figsize=(2.7 * columns, (2.6 + 0.16 * lines) * n_rows),
        sharey=True,
        squeeze=False,
        gridspec_kw={"hspace": 0.34 + 0.08 * lines, "wspace": 0.1},
    )
    top_lines = max(heading.count("\n") for heading in headings[:columns]) + 1
    for index, axes in enumerate(grid.flat):
        if index >= len(models):
            axes.set_visible(False)
            continue
        for other in models:
            if other != models[index]:
                rows = _ordered(part[part["model"] == other])
                axes.plot(range(len(rows)), rows["mean"], color=faint(0.25), lw=1, zorder=1)
        one = part[part["model"] == models[index]]
        _line(axes, one, 0.0, {"color": COLOURS[0], "marker": "o"})
        _dress(axes, one)
        axes.set_title(headings[index], fontsize=9, fontweight="normal")
    drawn.supylabel(f"mean stance ({stance_axis(part)})", fontsize=9, x=0.055)
    drawn.suptitle(
        f"Whose side the advice takes, by who asks\n{title}",
        x=drawn.subplotpars.left,
        y=drawn.subplotpars.top + (0.25 + 0.16 * top_lines) / drawn.get_figheight(),
        ha="left",
        va="bottom",
        fontsize=11,
        fontweight="bold",
    )
    lowest: Axes = grid[-1, 0]
    return lowest


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """The party at -1, neutral, the party at +1."""
    return rows.sort_values("side", kind="stable")


def _line(axes: "Axes", rows: pd.DataFrame, shift: float, line: dict[str, Any]) -> None:
    rows = _ordered(rows)
    x = rows["side"] + 1 + shift
    axes.plot(x, rows["mean"], lw=2, ms=6, **line)
    axes.vlines(x, rows["ci_low"], rows["ci_high"], color=line["color"], lw=2)
    diamond: dict[str, Any] = {"mfc": "none", "mec": faint(0.9), "mew": 1.2, "ms": 8, "zorder": 4}
    axes.plot(x, rows["planted"], "D", clip_on=False, **diamond)
    # A teller without an estimate leaves a gap in the line, and is named in its place.
    for at, row in zip(x, rows.to_dict("records"), strict=True):
        if pd.isna(row["mean"]):
            why = "no stance" if row["n_stance"] == 0 else "too few triplets"
            axes.text(at, 0.04, why, rotation=90, ha="center", va="bottom", fontsize=8)


def _dress(axes: "Axes", rows: pd.DataFrame) -> None:
    plus, minus = rows["plus_party"].iloc[0], rows["minus_party"].iloc[0]
    axes.axhline(0.0, color=faint(), lw=1.2, zorder=1)
    axes.set_ylim(*LIMITS)
    axes.set_xlim(-0.35, 2.35)
    tellers = [f"{wrapped(who, TELLER)}\nasks" for who in (minus, plus)]
    axes.set_xticks(range(3), [tellers[0], "neutral", tellers[1]])
    axes.grid(axis="x", visible=False)
