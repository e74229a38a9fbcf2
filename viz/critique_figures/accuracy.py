"""Accuracy: how many answers suit their person, per model and mode."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.stats.acceptance import acceptance
from pluralens.viz.critique_comparison import Study
from pluralens.viz.critique_figures.rows import (
    heading,
    interval,
    numbers,
    panels,
    percent,
    planted_entry,
    planted_mark,
)
from pluralens.viz.critique_figures.words import about, mode_words, series
from pluralens.viz.critique_logs import COMPARISON
from pluralens.viz.style import footnote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]

NAN = float("nan")


def table(studies: Sequence[Study]) -> pd.DataFrame:
    """Accuracy of every log that has one; of several arms, of the full one.

    Returns:
        One row per log: study, judging, task, model, simulated, mode, the columns of `acceptance`
        but value and enough, and planted: what a critic without errors should find in a simulated
        model, NaN for others. Shares are fractions.
    """
    rows: list[dict[Any, Any]] = []
    for study in studies:
        if study.task == COMPARISON:
            continue
        for log, label in zip(study.logs, study.labels, strict=True):
            (row,) = acceptance(log.main_arm).drop(columns=["value", "enough"]).to_dict("records")
            rows.append(about(study, log, label) | row | {"planted": log.planted_accuracy})
    return pd.DataFrame(rows)


def figure(accuracies: pd.DataFrame, title: str) -> "Figure":
    """One row per log, model by model."""
    rows = accuracies.to_dict("records")
    sections = series(rows)
    labels = [
        (section, mode_words(row["mode"])) for section, row in zip(sections, rows, strict=True)
    ]
    made = panels(labels, (5.2,))
    (axes,) = made.axes
    for y, row in zip(made.at, rows, strict=True):
        interval(axes, y, (row["accuracy"], row["ci_low"], row["ci_high"]))
        planted_mark(axes, y, row["planted"])
    planted_entry(axes, accuracies["planted"], "to be expected of the simulated model")
    axes.set_xlim(-2, 102)
    axes.set_xlabel("accuracy, % (answers the critic accepts)")
    columns = {
        "accuracy": [percent(row["accuracy"], row["ci_low"], row["ci_high"]) for row in rows],
        "pairs": [f"{row['n_pairs']:,}" for row in rows],
        "answers": [f"{row['n_answers']:,}" for row in rows],
        "no\nverdict": [f"{row['n_unscored']:,}" for row in rows],
    }
    numbers(made, columns)
    heading(made, f"How many answers suit their person\n{title}")
    footnote(
        axes,
        "Accuracy: answers that the critic accepts, of those with a verdict; unreadable ones count "
        "as not accepted; with the protocol pairwise, wins over the baseline answer, ties half. "
        "Intervals: 95 %, with questions and persons as clusters; in brackets, percent.",
        below=38.0,
    )
    return made.figure
