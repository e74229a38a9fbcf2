"""Differences: modes against the baseline, and models against each other, over the same pairs."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralens.stats.holm import holm
from pluralens.stats.padded_shares import ShareGroup, padded_share
from pluralens.viz.critique_comparison import Study
from pluralens.viz.critique_figures.rows import (
    heading,
    interval,
    numbers,
    panels,
    planted_entry,
    planted_mark,
)
from pluralens.viz.critique_figures.words import mode_words
from pluralens.viz.critique_logs import COMPARISON, CritiqueLog
from pluralens.viz.likert_figures.forest import ALPHA
from pluralens.viz.style import COLOURS, faint, footnote, zero_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "has_any", "table"]

COLUMNS = ["study", "kind", "of", "value", "reference", "difference", "ci_low", "ci_high", "p"]
COLUMNS += ["p_holm", "n_pairs", "n_left_out", "planted"]
# Pairs in common below which there is no estimate, as for contrasts of cells.
LEAST_PAIRS = 5
MOST_ROWS = 40
NAN = float("nan")

Logs = list[tuple[CritiqueLog, str]]


def has_any(studies: Sequence[Study]) -> bool:
    """Whether there are two logs to compare."""
    return any(_compared(study) for study in studies)


def table(studies: Sequence[Study]) -> pd.DataFrame:
    """Differences of accuracy over the pairs of question and person that two logs share.

    Modes of one model are compared with its baseline, or else with each other; models with each
    other, mode by mode. Never across studies.

    Returns:
        One row per comparison: study, kind ("mode" or "model"), of (the model, or the mode), value,
        reference, difference (value minus reference, fraction) with ci_low, ci_high and p of
        `padded_share`, p_holm over all rows, n_pairs (in both, with a verdict), n_left_out (in one
        of them only, or without a verdict), planted: the difference to be expected of simulated
        models, NaN for others.
    """
    rows = [
        {"study": study.name, **names, **_difference(one, other)}
        for study in studies
        for names, one, other in _compared(study)
    ]
    made = pd.DataFrame(rows, columns=[c for c in COLUMNS if c != "p_holm"])
    made["p_holm"] = holm(made["p"])
    return made[COLUMNS]


def _compared(study: Study) -> list[tuple[dict[str, str], CritiqueLog, CritiqueLog]]:
    """Which logs are compared: names of both, the log, and what is subtracted."""
    if study.task == COMPARISON:
        return []
    found = []
    by_model: dict[str, list[CritiqueLog]] = {}
    by_mode: dict[str, Logs] = {}
    for log, label in zip(study.logs, study.labels, strict=True):
        by_model.setdefault(label, []).append(log)
        by_mode.setdefault(log.mode, []).append((log, label))
    for label, logs in by_model.items():
        # The baseline comes first.
        pairs = [(one, logs[0]) for one in logs[1:]]
        if logs[0].mode != "baseline":
            pairs = [(one, other) for other, one in combinations(logs, 2)]
        for one, other in pairs:
            names = {"kind": "mode", "of": label, "value": one.mode, "reference": other.mode}
            found.append((names, one, other))
    for mode, models in by_mode.items():
        for (other, reference), (one, label) in combinations(models, 2):
            names = {"kind": "model", "of": mode, "value": label, "reference": reference}
            found.append((names, one, other))
    return found


def _difference(one: CritiqueLog, other: CritiqueLog) -> dict[str, Any]:
    groups = [_by_pair(log) for log in (one, other)]
    shared = groups[0].index.intersection(groups[1].index)
    every = set(one.main_arm["pair"]) | set(other.main_arm["pair"])
    counts = {"n_pairs": len(shared), "n_left_out": len(every) - len(shared)}
    planted = one.planted_accuracy - other.planted_accuracy
    if len(shared) < LEAST_PAIRS:
        return {**dict.fromkeys(("difference", "ci_low", "ci_high", "p"), NAN), **counts}
    shares = [
        ShareGroup(
            group.loc[shared, "accepted"].to_numpy(dtype=np.float64),
            group.loc[shared, "question_id"].to_numpy(),
            group.loc[shared, "persona_id"].to_numpy(),
        )
        for group in groups
    ]
    found = padded_share(*shares)
    numbers = dict(zip(("difference", "ci_low", "ci_high", "p"), found, strict=True))
    return {**numbers, **counts, "planted": planted}


def _by_pair(log: CritiqueLog) -> pd.DataFrame:
    """One row per pair that has a verdict, epochs averaged."""
    scored = log.main_arm.dropna(subset=["accepted"])
    how: dict[str, Any] = {"accepted": "mean", "question_id": "first", "persona_id": "first"}
    return scored.groupby("pair", sort=True).agg(how)


def figure(differences: pd.DataFrame, title: str) -> "Figure":
    """One row per comparison with the line of no difference."""
    rows = differences.to_dict("records")
    several = differences["study"].nunique() > 1
    shown = rows[:MOST_ROWS]
    made = panels([_label(row, several) for row in shown], (5.2,))
    (axes,) = made.axes
    zero_line(axes)
    for y, row in zip(made.at, shown, strict=True):
        strong = bool(row["p_holm"] < ALPHA)
        style: dict[str, Any] = {"colour": COLOURS[0] if strong else faint(), "filled": strong}
        interval(axes, y, (row["difference"], row["ci_low"], row["ci_high"]), **style)
        planted_mark(axes, y, row["planted"])
    axes.plot([], [], "o-", color=COLOURS[0], lw=2, label="differs from 0 (Holm p < 0.05)")
    axes.plot([], [], "o-", color=faint(), mfc=axes.get_facecolor(), lw=2, label="does not")
    planted_entry(axes, differences["planted"], "to be expected of the simulated models")
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -5.0), max(high, 5.0))
    axes.set_xlabel("difference of accuracy, percentage points")
    numbers(
        made,
        {
            "difference": [_points(row) for row in shown],
            "pairs": [f"{row['n_pairs']:,}" for row in shown],
            "left\nout": [f"{row['n_left_out']:,}" for row in shown],
        },
    )
    heading(made, f"What mode and model change\n{title}")
    hidden = f" {len(rows) - MOST_ROWS} more rows in the CSV." if len(rows) > MOST_ROWS else ""
    footnote(
        axes,
        "Over the pairs of question and person that both have a verdict on, with 95 % intervals "
        "and p by questions and persons as clusters; Holm over all rows. Left out: pairs that only "
        f"one of them has a verdict on.{hidden}",
        below=38.0,
    )
    return made.figure


def _label(row: Mapping[Any, Any], several: bool) -> tuple[str, str]:
    where = f", {row['study']}" if several else ""
    few = "" if row["n_pairs"] >= LEAST_PAIRS else " (hardly any pairs in common)"
    if row["kind"] == "mode":
        words = f"{mode_words(row['value'])} \N{MINUS SIGN} {row['reference'].replace('_', ' ')}"
        return f"{row['of']}{where}", words + few
    heading = f"models, {mode_words(row['of'])}{where}"
    return heading, f"{row['value']} \N{MINUS SIGN} {row['reference']}{few}"


def _points(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["difference"]):
        return "\N{EN DASH}"
    # Adding 0 takes the sign from a zero.
    told = [f"{round(100 * row[name]) + 0:+d}" for name in ("difference", "ci_low", "ci_high")]
    return f"{told[0]} ({told[1]} to {told[2]})".replace("-", "\N{MINUS SIGN}")
