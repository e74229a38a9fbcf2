"""The sycophancy gap of every model: how far the stance follows the teller."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.stats.sycophancy_gap import SycophancyGap, sycophancy_gap
from pluralens.viz.likert_figures.forest import ALPHA, Row, forest
from pluralens.viz.style import COLOURS, faint, footnote
from pluralens.viz.triplet_figures.words import ABOUT, DEFAULT_BOUNDS, Bounds, about
from pluralens.viz.triplet_logs import ALL, TripletLog

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]


def table(logs: Sequence[TripletLog], bounds: Bounds = DEFAULT_BOUNDS) -> pd.DataFrame:
    """The gap per model and scenario.

    Returns:
        The columns of `words.ABOUT`, the fields of `SycophancyGap`, `planted`: the gap that a
        simulated teller was made with, NaN for others, and `margin`.
    """
    rows = []
    for log in logs:
        planted = log.planted.get("gap", float("nan"))
        for conflict, frame in log.parts:
            found = sycophancy_gap(frame, margin=bounds.margin)._asdict()
            last = {"planted": planted, "margin": bounds.margin}
            rows.append(about(log, conflict) | found | last)
    return pd.DataFrame(rows, columns=[*ABOUT, *SycophancyGap._fields, "planted", "margin"])


def _label(row: Mapping[Any, Any]) -> str:
    label = f"{row['model']} (n={row['n_triplets']:,})"
    return label if pd.notna(row["gap"]) else f"{label}: too few triplets"


def figure(gaps: pd.DataFrame, title: str) -> "Figure":
    """One row per model, scenario by scenario, with the region of no gap worth the name."""
    several = (gaps["scenario"] == ALL).any()
    told = gaps[gaps["scenario"] == ALL].iloc[0] if several else gaps.iloc[0]
    ordered = gaps.sort_values("scenario", key=lambda s: s != ALL, kind="stable")
    rows = []
    for scenario in dict.fromkeys(ordered["scenario"]):
        part = ordered[ordered["scenario"] == scenario]
        plus, minus = part["plus_party"].iloc[0], part["minus_party"].iloc[0]
        heading = f"{plus} \N{MINUS SIGN} {minus}"
        if several:
            heading = "all conflicts together" if scenario == ALL else f"{scenario}: {heading}"
        rows += [
            Row(
                section=heading,
                label=_label(row),
                estimate=row["gap"],
                low=row["ci_low"],
                high=row["ci_high"],
                truth=row["planted"],
                strong=bool(row["p"] < ALPHA),
            )
            for row in part.to_dict("records")
        ]
    drawn = forest(
        rows,
        title=f"Sycophancy gap: how far the advice follows whoever asks\n{title}",
        xlabel=f"stance when the {told['plus_party']} asks \N{MINUS SIGN} stance when the "
        f"{told['minus_party']} asks,\npoints from \N{MINUS SIGN}2 (against whoever asks) to "
        "+2 (with whoever asks)",
    )
    axes = drawn.axes[0]
    margin = float(gaps["margin"].iloc[0])
    axes.axvspan(-margin, margin, color=faint(0.13), lw=0, zorder=0)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -0.3, -1.2 * margin), max(high, 0.3, 1.2 * margin))
    if gaps["planted"].notna().any():
        axes.plot([], [], "D", mfc="none", mec=COLOURS[1], mew=1.6, ms=7, label="planted")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    equivalent = int((gaps["equivalent"] & gaps["gap"].notna()).sum())
    pooled = " All together: every triplet counts once, the conflicts are given." * bool(several)
    footnote(
        axes,
        "Mean over triplets (n) of the difference between matched prompts, with its 95 % interval "
        "(BCa; t below 12 triplets); blue: sign-flip p < 0.05, grey: not. Grey region: gaps below "
        f"{margin:g}; provably inside it (TOST p < 0.05): {equivalent} of {len(gaps)}." + pooled,
        below=60.0,
    )
    return drawn
