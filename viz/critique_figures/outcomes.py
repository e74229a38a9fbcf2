"""Outcomes: how many answers are unreadable, declined, quote the person, or got no verdict."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.stats.acceptance import share_of
from pluralens.viz.critique_comparison import Study
from pluralens.viz.critique_figures.rows import heading, interval, numbers, panels, percent
from pluralens.viz.critique_figures.words import about, mode_words, series
from pluralens.viz.style import COLOURS, footnote, zero_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]

# Columns of the frame, and what their panels are called.
OUTCOMES = {
    "invalid": "unreadable",
    "refused": "declined",
    "leak": "quotes the person",
    "unscored": "no verdict",
}


def table(studies: Sequence[Study]) -> pd.DataFrame:
    """Shares of what answers are apart from being accepted, over all arms.

    Returns:
        One row per log and outcome ("invalid", "refused", "leak", "unscored"): study, judging,
        task, model, simulated, mode, outcome, share with ci_low and ci_high, n (answers for which
        it is known: of leak the readable ones; comparisons know neither refused nor leak).
        Fractions.
    """
    rows = []
    for study in studies:
        for log, label in zip(study.logs, study.labels, strict=True):
            for outcome in OUTCOMES:
                found = share_of(log.frame, outcome)
                ends = {"share": found.mean, "ci_low": found.ci_low, "ci_high": found.ci_high}
                rows.append({**about(study, log, label), "outcome": outcome, **ends, "n": found.n})
    return pd.DataFrame(rows)


def figure(outcomes: pd.DataFrame, title: str) -> "Figure":
    """One row per log, one panel per outcome, all on one scale."""
    logs = outcomes[outcomes["outcome"] == "unscored"].to_dict("records")
    sections = series(logs)
    labels = [
        (section, mode_words(row["mode"])) for section, row in zip(sections, logs, strict=True)
    ]
    made = panels(labels, (1.95,) * len(OUTCOMES))
    top = float(outcomes["ci_high"].fillna(0.0).max())
    for number, ((outcome, words), axes) in enumerate(
        zip(OUTCOMES.items(), made.axes, strict=True)
    ):
        zero_line(axes)
        part = outcomes[outcomes["outcome"] == outcome].to_dict("records")
        for y, row in zip(made.at, part, strict=True):
            interval(axes, y, (row["share"], row["ci_low"], row["ci_high"]), colour=COLOURS[number])
            told = percent(row["share"]) if row["n"] else "not asked"
            x = 100 * (row["ci_high"] if row["n"] else 0.0)
            style: dict[str, Any] = {"xytext": (5, 0), "textcoords": "offset points"}
            axes.annotate(told, (x, y), va="center", fontsize=8, annotation_clip=False, **style)
        axes.set_xlim(-0.02 * 100 * top, max(100 * top * 1.35, 5.0))
        axes.set_xlabel(f"{words}, %")
    numbers(made, {"answers": [f"{row['n']:,}" for row in logs]}, start=30)
    heading(made, f"What the answers are apart from suiting\n{title}")
    footnote(
        made.axes[0],
        "Shares of all answers, of all arms and attempts; quotes the person: of the readable "
        "answers, those with a value of the persona word for word. Declined: by its words or by a "
        "filter; such an answer is judged all the same. No verdict: the critic's fault. 95 % "
        "intervals with questions and persons as clusters.",
        below=38.0,
    )
    return made.figure
