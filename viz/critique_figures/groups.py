"""Groups: whom the answers suit, by the demographic groups that the task was told to look at."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.models.personalising_model import plain_name
from pluralens.questions.person import label_of
from pluralens.stats.acceptance import acceptance
from pluralens.stats.critique_frame import GROUP, group_columns
from pluralens.viz.critique_comparison import Study
from pluralens.viz.critique_figures.rows import (
    heading,
    interval,
    numbers,
    panels,
    percent,
    reference_line,
)
from pluralens.viz.critique_figures.words import about, mode_words
from pluralens.viz.critique_logs import COMPARISON, CritiqueLog
from pluralens.viz.style import COLOURS, faint, footnote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LEAST_PAIRS", "MOST_SERIES", "figure", "has_any", "table"]

# Pairs that a group needs for an estimate; as in the log's metrics.
LEAST_PAIRS = 10
# Logs that fit side by side into a row.
MOST_SERIES = 4
MARKERS = ("o", "s", "^", "D")
NAN = float("nan")
ALL = "all"
# Rows between two series.
APART = 0.3
# In a colour that shows on all series and in either theme.
PLANTED: dict[str, Any] = {"color": "#7F7F7F", "ms": 11, "mew": 2, "ls": "", "zorder": 5}


def has_any(studies: Sequence[Study]) -> bool:
    """Whether any log says which groups its persons belong to."""
    return any(
        group_columns(log.main_arm)
        for study in studies
        if study.task != COMPARISON
        for log in study.logs
    )


def table(studies: Sequence[Study]) -> pd.DataFrame:
    """Accuracy per log and demographic group.

    Returns:
        One row per log for everybody (attribute "all") and per group: study, judging, task, model,
        simulated, mode, attribute, value, the columns of `acceptance` but value, and planted: the
        accuracy in a simulated model where it is known for the group, NaN for others. Estimates of
        groups of fewer than `LEAST_PAIRS` pairs are NaN.
    """
    rows: list[dict[Any, Any]] = []
    for study in studies:
        if study.task == COMPARISON:
            continue
        for log, label in zip(study.logs, study.labels, strict=True):
            first = about(study, log, label)
            frame = log.main_arm
            parts = [(ALL, acceptance(frame, min_pairs=LEAST_PAIRS))]
            for column in group_columns(frame):
                found = acceptance(frame, column, min_pairs=LEAST_PAIRS)
                parts.append((column.removeprefix(GROUP), found))
            for attribute, part in parts:
                for row in part.to_dict("records"):
                    planted = _planted(log, attribute, str(row["value"]))
                    rows.append({**first, "attribute": attribute, **row, "planted": planted})
    return pd.DataFrame(rows)


def _planted(log: CritiqueLog, attribute: str, value: str) -> float:
    if attribute == ALL:
        return log.planted_accuracy
    # What is planted is the accuracy of answers to people who are shown.
    if log.mode == "baseline" or log.judging.options.get("protocol") == "pairwise":
        return NAN
    groups = log.planted.get("group_accuracy") or {}
    named = {plain_name(name): values for name, values in groups.items()}
    return float(named.get(plain_name(attribute), {}).get(value, NAN))


def figure(groups: pd.DataFrame, title: str) -> "Figure":
    """One row per group; several logs side by side within it.

    Args:
        groups: The rows of at most `MOST_SERIES` logs.
        title: What is compared.
    """
    keys = list(dict.fromkeys(_series(row) for row in groups.to_dict("records")))
    rows = list(dict.fromkeys(zip(groups["attribute"], groups["value"], strict=True)))
    found = {
        (row["attribute"], row["value"], _series(row)): row for row in groups.to_dict("records")
    }
    labels = [
        (
            "everybody" if attribute == ALL else label_of(attribute),
            "" if attribute == ALL else value,
        )
        for attribute, value in rows
    ]
    made = panels(labels, (5.4,), least=max(1.0, APART * len(keys) + 0.3))
    (axes,) = made.axes
    for number, key in enumerate(keys):
        shift = (number - (len(keys) - 1) / 2) * APART
        for y, (attribute, value) in zip(made.at, rows, strict=True):
            row = found.get((attribute, value, key))
            if row is None:
                continue
            style: dict[str, Any] = {"colour": COLOURS[number], "marker": MARKERS[number]}
            ends = (row["accuracy"], row["ci_low"], row["ci_high"])
            interval(axes, y + shift, ends, **style)
            if pd.notna(row["accuracy"]):
                axes.plot(100 * row["planted"], y + shift, "|", clip_on=False, **PLANTED)
        # What all of them share is in the title.
        words = ", ".join(
            part for place, part in enumerate(key) if len({one[place] for one in keys}) > 1
        )
        words = words or key[1]
        axes.plot([], [], MARKERS[number], ls="-", color=COLOURS[number], lw=2, label=words)
        if len(keys) == 1 and pd.notna(found[(ALL, ALL, key)]["accuracy"]):
            reference_line(axes, found[(ALL, ALL, key)]["accuracy"], "everybody", faint(0.6))
    planted_any = groups["planted"].notna().any()
    if planted_any:
        words = "to be expected of the simulated model"
        axes.plot([], [], "|", label=words, **PLANTED)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("accuracy, % (answers the critic accepts)")
    numbers(made, _numbers(rows, keys, found))
    heading(made, f"Whom the answers suit\n{title}")
    footnote(
        axes,
        "Accuracy with everything shown; 95 % intervals with questions and persons as clusters; in "
        f"brackets, percent. Groups of fewer than {LEAST_PAIRS} pairs with a verdict have counts "
        "and no estimate.",
        below=38.0,
    )
    return made.figure


def _series(row: Mapping[Any, Any]) -> tuple[str, str, str]:
    return row["model"], mode_words(row["mode"]), row["study"]


def _numbers(
    rows: Sequence[tuple[str, str]],
    keys: Sequence[tuple[str, str, str]],
    found: Mapping[tuple[str, str, tuple[str, str, str]], Mapping[Any, Any]],
) -> dict[str, list[str]]:
    """Of one log accuracy and counts; of several the pairs, which are the same as a rule."""
    if len(keys) > 1:
        counts = [
            [found[(*row, key)]["n_pairs"] for key in keys if (*row, key) in found] for row in rows
        ]
        words = [
            f"{min(n):,}" if min(n) == max(n) else f"{min(n):,}\N{EN DASH}{max(n):,}"
            for n in counts
        ]
        return {"pairs": words}
    one = [found[(*row, keys[0])] for row in rows]
    return {
        "accuracy": [percent(row["accuracy"], row["ci_low"], row["ci_high"]) for row in one],
        "pairs": [f"{row['n_pairs']:,}" for row in one],
        "persons": [f"{row['n_personas']:,}" for row in one],
        "no\nverdict": [f"{row['n_unscored']:,}" for row in one],
    }
