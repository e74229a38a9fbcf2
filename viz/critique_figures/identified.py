"""Identification: can a blind reader tell for which of two people an answer was written?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.stats.identification import identification
from pluralens.viz.critique_comparison import Study
from pluralens.viz.critique_figures.rows import (
    heading,
    interval,
    numbers,
    panels,
    percent,
    planted_entry,
    planted_mark,
    reference_line,
)
from pluralens.viz.critique_figures.words import about, mode_words, series
from pluralens.viz.critique_logs import COMPARISON, CritiqueLog
from pluralens.viz.style import COLOURS, faint, footnote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "has_any", "table"]

CHANCE = 0.5


def has_any(studies: Sequence[Study]) -> bool:
    """Whether there is a log of comparisons."""
    return any(study.task == COMPARISON for study in studies)


def table(studies: Sequence[Study]) -> pd.DataFrame:
    """What critics identified.

    Returns:
        One row per log of comparisons: study, judging, task, model, simulated, mode, the fields of
        `Identification`, and planted: the accuracy to be expected of a critic without errors for a
        simulated model, NaN for others. Shares are fractions; 0.5 is chance.
    """
    return pd.DataFrame(
        [
            {
                **about(study, log, label),
                **identification(log.frame)._asdict(),
                "planted": _planted(log),
            }
            for study in studies
            if study.task == COMPARISON
            for log, label in zip(study.logs, study.labels, strict=True)
        ]
    )


def _planted(log: CritiqueLog) -> float:
    if not log.planted:
        return float("nan")
    # Without a persona there is nothing to tell two answers apart by.
    return CHANCE if log.mode == "baseline" else float(log.planted["identification"])


def figure(identified: pd.DataFrame, title: str) -> "Figure":
    """Accuracy, position bias and agreement of both orders, each with the line of chance."""
    rows = identified.to_dict("records")
    sections = series(rows)
    labels = [
        (section, mode_words(row["mode"])) for section, row in zip(sections, rows, strict=True)
    ]
    made = panels(labels, (4.0, 2.3, 2.3))
    left, middle, right = made.axes
    for axes in (left, middle):
        reference_line(axes, CHANCE, "chance", faint(0.7))
        axes.set_xlim(-2, 102)
    right.set_xlim(-2, 102)
    for y, row in zip(made.at, rows, strict=True):
        up = 0.13
        interval(left, y - up, (row["accuracy"], row["ci_low"], row["ci_high"]))
        ends = row["bias_free"], row["bias_free_low"], row["bias_free_high"]
        interval(left, y + up, ends, colour=COLOURS[2], marker="s", filled=False)
        planted_mark(left, y - up, row["planted"])
        first = row["first_chosen"], row["first_low"], row["first_high"]
        interval(middle, y, first, colour=COLOURS[3])
        same = row["consistent"], row["consistent_low"], row["consistent_high"]
        interval(right, y, same, colour=COLOURS[4])
    left.plot([], [], "o-", color=COLOURS[0], lw=2, label="both orders")
    hollow: dict[str, Any] = {"color": COLOURS[2], "mfc": left.get_facecolor(), "lw": 2}
    left.plot([], [], "s-", label="without position bias", **hollow)
    planted_entry(left, identified["planted"], "to be expected of the simulated model")
    left.set_xlabel("right choices, %")
    middle.set_xlabel("choices of whichever\nanswer stood first, %")
    right.set_xlabel("same choice in\nboth orders, %")
    columns = {
        "right": [percent(row["accuracy"], row["ci_low"], row["ci_high"]) for row in rows],
        "p of\nchance": [_p(row["p"]) for row in rows],
        "compar-\nisons": [f"{row['n']:,}" for row in rows],
        "left\nout": [f"{row['n_left_out']:,}" for row in rows],
    }
    numbers(made, columns)
    heading(made, f"Can a blind critic tell for whom an answer was written?\n{title}")
    footnote(
        left,
        "The critic sees one person and two answers, one of which was written for somebody else: "
        "each comparison is asked for both persons in both orders, four choices. Intervals: 95 %, "
        "with questions and persons as clusters. Without position bias: two-alternative forced "
        "choice of signal detection. Left out: comparisons without all four verdicts.",
        below=52.0,
    )
    return made.figure


def _p(p: float) -> str:
    if p != p:
        return "\N{EN DASH}"
    return "<0.001" if p < 0.001 else f"{p:.3f}"
