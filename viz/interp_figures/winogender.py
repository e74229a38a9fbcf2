"""Winogender: whose pronoun is expected, against the labour market and against what was planted."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import pearsonr

from pluralens.stats.clusters import cluster_sums, estimate_mean, t_interval
from pluralens.stats.winogender_scores import occupation_table, winogender_scores
from pluralens.viz.interp_figures.panels import finish, side_by_side
from pluralens.viz.interp_figures.words import titled
from pluralens.viz.interp_logs import InterpLog
from pluralens.viz.style import COLOURS, faint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure", "has_planted", "planted_correlation", "planted_figure", "scores_table"]
__all__ += ["table"]

VARIANTS = {"sum": "whole sentence", "next": "next token"}
PRONOUNS = ("male", "female", "neutral")
LEVEL = 0.95


def _variant(log: InterpLog, variant: str) -> pd.DataFrame:
    assert log.frame is not None
    names = {f"{pronoun}_{variant}": pronoun for pronoun in PRONOUNS}
    return log.frame[["occupation", "referent", "share", *names]].rename(columns=names)


def table(log: InterpLog) -> pd.DataFrame:
    """Log-odds per occupation.

    Returns:
        One row per variant (`sum`: whole sentence, `next`: next token) and occupation: the columns
        of `occupation_table`, ci_low and ci_high of log_odds (t, over the occupation's sentences),
        and planted: the log-odds that a toy was trained with, NaN for others; nats.
    """
    planted = log.planted.get("log_odds") or {}
    parts = []
    for variant in VARIANTS:
        frame = _variant(log, variant)
        own = occupation_table(frame)
        odds = (frame["male"] - frame["female"]).groupby(frame["occupation"].astype(str))
        ends = {name: _interval(values.dropna().to_numpy()) for name, values in odds}
        own["ci_low"], own["ci_high"] = (
            [ends[name][side] for name in own["occupation"]] for side in (0, 1)
        )
        own["planted"] = [float(planted.get(name, np.nan)) for name in own["occupation"]]
        own.insert(0, "variant", variant)
        parts.append(own)
    return pd.concat(parts, ignore_index=True)


def _interval(values: Any) -> tuple[float, float]:
    if len(values) < 2:
        return float("nan"), float("nan")
    low, high = t_interval(estimate_mean(cluster_sums(values)), LEVEL)
    return float(low[0]), float(high[0])


def scores_table(log: InterpLog) -> pd.DataFrame:
    """The scores of `winogender_scores`, one row per variant."""
    rows = [
        {"variant": name, **winogender_scores(_variant(log, name), seed=_seed(log))._asdict()}
        for name in VARIANTS
    ]
    return pd.DataFrame(rows)


def _seed(log: InterpLog) -> int:
    return int(log.metadata.get("seed", 0))


def figure(occupations: pd.DataFrame, scores: pd.DataFrame, log: InterpLog) -> "Figure":
    """Log-odds against the share of women, one point per occupation."""
    drawn, panels = side_by_side(len(VARIANTS), 3.7, 3.1, gap=0.5)
    for axes, (variant, words) in zip(panels, VARIANTS.items(), strict=True):
        rows = occupations[occupations["variant"] == variant]
        axes.axhline(0, color=faint(), linewidth=1.2, zorder=1)
        axes.axvline(50, color=faint(0.35), linewidth=1.0, zorder=1)
        axes.vlines(rows["share"], rows["ci_low"], rows["ci_high"], color=COLOURS[0], alpha=0.35)
        axes.plot(rows["share"], rows["log_odds"], "o", color=COLOURS[0], ms=4.5, label="measured")
        if rows["planted"].notna().any():
            axes.plot(
                rows["share"], rows["planted"], "D", mfc="none", mec=COLOURS[1], ms=6, mew=1.2,
                label="planted",
            )  # fmt: skip
        (one,) = scores[scores["variant"] == variant].to_dict("records")
        axes.set_title(f"{words}\n{_correlation(one)}", fontsize=9, fontweight="normal")
        axes.set(xlim=(-3, 103), xlabel="women in the occupation, %")
    panels[0].set_ylabel("log P(he) \N{MINUS SIGN} log P(she), nats")
    (first, *_) = scores.to_dict("records")
    unusable = first["n_items"] - first["n_scored"]
    finish(
        panels,
        titled("Whose pronoun is expected, and who works there", log),
        f"n={first['n_scored']:,} sentences (each with he, she and they) about "
        f"{first['n_occupations']:,} occupations"
        + (f"; {unusable:,} more are unusable" if unusable else "")
        + ". Above 0: he is likelier. r: Pearson, rho: Spearman, 95 % CI by bootstrap over "
        "occupations. Bars: 95 % CI over the occupation's sentences.",
        legend=bool(occupations["planted"].notna().any()),
    )
    return drawn


def _correlation(scores: dict[Any, Any]) -> str:
    def told(name: str) -> str:
        value, low, high = (scores[f"{name}{end}"] for end in ("", "_low", "_high"))
        words = f"{value:.2f} ({low:.2f} to {high:.2f})"
        return words.replace("-", "\N{MINUS SIGN}") if value == value else "n/a"

    return f"r = {told('correlation')}\nrho = {told('rank_correlation')}"


def has_planted(log: InterpLog) -> bool:
    """Whether log-odds were planted for occupations of this log."""
    return log.frame is not None and bool(
        set(log.planted.get("log_odds") or {}) & set(log.frame["occupation"].astype(str))
    )


def planted_correlation(occupations: pd.DataFrame, variant: str = "sum") -> float:
    """Pearson's r of measured and planted log-odds over occupations; NaN with fewer than three."""
    rows = occupations[occupations["variant"] == variant].dropna(subset=["log_odds", "planted"])
    both = rows[["log_odds", "planted"]].to_numpy(dtype=np.float64)
    if len(both) < 3 or (both.std(axis=0) == 0).any():
        return float("nan")
    return float(pearsonr(*both.T).statistic)


def planted_figure(occupations: pd.DataFrame, log: InterpLog) -> "Figure":
    """Measured against planted log-odds, with the line on which both are equal."""
    drawn, panels = side_by_side(len(VARIANTS), 3.2, 3.2, gap=0.5)
    for axes, (variant, words) in zip(panels, VARIANTS.items(), strict=True):
        _planted_panel(axes, occupations[occupations["variant"] == variant])
        r = planted_correlation(occupations, variant)
        axes.set_title(f"{words}\nr = {r:.3f}", fontsize=9, fontweight="normal")
        axes.set_xlabel("planted log-odds of he, nats")
    panels[0].set_ylabel("measured log-odds of he, nats")
    finish(
        panels,
        titled("Measured beside planted", log),
        f"One point per occupation, n={occupations['occupation'].nunique():,}. Bars: 95 % CI over "
        "the occupation's sentences. Line: measured = planted.",
        legend=False,
    )
    return drawn


def _planted_panel(axes: "Axes", rows: pd.DataFrame) -> None:
    axes.axline((0, 0), slope=1, color=faint(), linewidth=1.2, zorder=1)
    axes.vlines(rows["planted"], rows["ci_low"], rows["ci_high"], color=COLOURS[0], alpha=0.35)
    axes.plot(rows["planted"], rows["log_odds"], "o", color=COLOURS[0], ms=4.5)
