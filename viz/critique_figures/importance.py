"""Importance: what leaving an attribute of the persona out does to how well answers suit."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.errors import InputError
from pluralens.models.personalising_model import plain_name
from pluralens.questions.person import label_of
from pluralens.stats.acceptance import acceptance
from pluralens.stats.attribute_importance import attribute_importance
from pluralens.stats.critique_frame import FULL, NONE, WITHOUT
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
from pluralens.viz.critique_logs import CritiqueLog
from pluralens.viz.likert_figures.forest import ALPHA
from pluralens.viz.style import COLOURS, faint, footnote, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]

ABOUT = ["arm", "attribute", "label"]
ESTIMATES = ["importance", "ci_low", "ci_high", "p", "p_holm", "p_bh"]
ACCURACY = ["accuracy", "accuracy_low", "accuracy_high"]
PAIRED = ["accuracy_full", "accuracy_without", "n_pairs", "n_personas", "n_unscored", "n_absent"]
NAN = float("nan")
Arms = Mapping[str, Mapping[Any, Any]]
"""Arm -> its row of `acceptance`."""


def table(log: CritiqueLog) -> pd.DataFrame:
    """Importance and accuracy per arm, the most important attribute first.

    Returns:
        One row per arm, "full" first and "none" last: arm, attribute ("" for these two), label,
        the estimates of `attribute_importance` (of "none": of leaving all out at once), accuracy
        with accuracy_low and accuracy_high (over all pairs of the arm), and planted: the importance
        in a simulated model, NaN for others. Shares are fractions. An attribute that nobody has is
        there with its n_absent and no estimates.

    Raises:
        InputError: The pairing is broken; the message names the log.
    """
    try:
        found = attribute_importance(log.frame)
    except InputError as error:
        raise InputError(f"{log.path}: {error}") from None
    arms = {row["value"]: row for row in acceptance(log.frame, "arm").to_dict("records")}
    rows: list[dict[Any, Any]] = [_arm(log, arms, row) for row in found.table.to_dict("records")]
    known = {row["attribute"] for row in rows}
    missing = log.metadata.get("missing") or {}
    for name in log.metadata.get("attributes") or []:
        if name not in known:
            nobody: dict[Any, Any] = {"attribute": name, "n_absent": int(missing.get(name, 0))}
            rows.append(_arm(log, arms, nobody))
    rows.sort(key=lambda row: (pd.isna(row["importance"]), -row["importance"], row["attribute"]))
    whole = {"arm": FULL, "attribute": "", "label": "everything shown", "planted": NAN}
    rows.insert(0, whole | _accuracy(arms, FULL))
    if NONE in arms:
        gap = {"arm": NONE, "label": "all of these at once", "planted": _planted_gap(log)}
        rows.append(found.gap.to_dict() | gap | _accuracy(arms, NONE))
    made = pd.DataFrame(rows, columns=[*ABOUT, *ESTIMATES, *ACCURACY, *PAIRED, "planted"])
    counts = [name for name in made.columns if name.startswith("n_")]
    made[counts] = made[counts].astype("Int64")
    return made


def _arm(log: CritiqueLog, arms: Arms, row: Mapping[Any, Any]) -> dict[str, Any]:
    name = str(row["attribute"])
    empty = {column: NAN for column in ESTIMATES} | {c: 0 for c in PAIRED if c.startswith("n_")}
    about = {"arm": WITHOUT + name, "label": label_of(name), "planted": _planted(log, name)}
    return {**empty, **row, **about, **_accuracy(arms, WITHOUT + name)}


def _accuracy(arms: Arms, arm: str) -> dict[str, float]:
    if arm not in arms:
        return dict.fromkeys(ACCURACY, NAN)
    return {
        name: float(arms[arm][column])
        for name, column in zip(ACCURACY, ("accuracy", "ci_low", "ci_high"), strict=True)
    }


def _planted(log: CritiqueLog, attribute: str) -> float:
    """The attribute's planted importance; 0 where the simulated model does not look at it."""
    if "importance" not in log.planted:
        return NAN
    known = {plain_name(name): value for name, value in log.planted["importance"].items()}
    unknown = NAN if plain_name(attribute) in map(plain_name, log.planted["groups"]) else 0.0
    return float(known.get(plain_name(attribute), unknown))


def _planted_gap(log: CritiqueLog) -> float:
    """What leaving all out costs, known only where these are all that the model looks at."""
    left_out = {plain_name(name) for name in log.metadata.get("attributes") or []}
    matter = {plain_name(name) for name, weight in log.planted.get("weights", {}).items() if weight}
    return float(log.planted.get("none_gap", NAN)) if matter <= left_out else NAN


def figure(importances: pd.DataFrame, title: str) -> "Figure":
    """Left: importances with the line of none. Right: the accuracy that is left.

    Args:
        importances: The table.
        title: Model, size and judges.
    """
    rows = importances[importances["arm"] != FULL].to_dict("records")
    made = panels([_label(row) for row in rows], (4.6, 2.9))
    left, right = made.axes
    zero_line(left)
    for y, row in zip(made.at, rows, strict=True):
        strong = _holds(row)
        style: dict[str, Any] = {"colour": COLOURS[0] if strong else faint(), "filled": strong}
        interval(left, y, (row["importance"], row["ci_low"], row["ci_high"]), **style)
        left_over = row["accuracy"], row["accuracy_low"], row["accuracy_high"]
        interval(right, y, left_over, colour=faint(0.8))
        planted_mark(left, y, row["planted"])
    _references(right, importances)
    _legend(left, importances)
    low, high = left.get_xlim()
    left.set_xlim(min(low, -5.0), max(high, 5.0))
    left.set_xlabel(
        "importance, percentage points\n(accuracy with everything \N{MINUS SIGN} without it)"
    )
    right.set_xlabel("accuracy without it, %\n(answers the critic accepts)")
    right.set_xlim(-2, 102)
    counted = {
        "pairs": [f"{row['n_pairs']:,}" for row in rows],
        "who\nlack it": [f"{row['n_absent']:,}" for row in rows],
        "no\nverdict": [f"{row['n_unscored']:,}" for row in rows],
    }
    numbers(made, counted)
    heading(made, f"What the model makes of each attribute\n{title}")
    footnote(left, _note(rows), below=52.0)
    return made.figure


def _label(row: Mapping[Any, Any]) -> tuple[str, str]:
    if row["arm"] == NONE:
        return "left out together", _starred(row) + _why_not(row)
    return "left out one at a time", _starred(row) + _why_not(row)


def _why_not(row: Mapping[Any, Any]) -> str:
    """Why a row has no estimate."""
    if pd.notna(row["importance"]):
        return ""
    if row["n_pairs"]:
        return " (too few persons)"
    return " (no verdicts)" if row["n_unscored"] else " (nobody has it)"


def _starred(row: Mapping[Any, Any]) -> str:
    return f"{row['label']} *" if _holds(row) else str(row["label"])


def _holds(row: Mapping[Any, Any]) -> bool:
    """Whether it stands after correction; all at once is a single test."""
    return bool((row["p"] if row["arm"] == NONE else row["p_holm"]) < ALPHA)


def _references(axes: "Axes", importances: pd.DataFrame) -> None:
    """Lines of the accuracy with everything and with none of the attributes."""
    shown = {FULL: ("everything shown", COLOURS[2], "-"), NONE: ("none of these", COLOURS[3], "--")}
    for row in importances.to_dict("records"):
        if row["arm"] in shown and pd.notna(row["accuracy"]):
            words, colour, dashes = shown[row["arm"]]
            told = percent(*(row[name] for name in ACCURACY))
            reference_line(axes, row["accuracy"], f"{words}: {told}", colour, dashes)


def _legend(axes: "Axes", importances: pd.DataFrame) -> None:
    axes.plot([], [], "o-", color=COLOURS[0], lw=2, label="* differs from 0 (Holm p < 0.05)")
    grey: dict[str, Any] = {"color": faint(), "mfc": axes.get_facecolor(), "lw": 2}
    axes.plot([], [], "o-", label="does not", **grey)
    planted_entry(axes, importances["planted"], "planted in the simulated model")


def _note(rows: list[dict[Any, Any]]) -> str:
    pairs = max(row["n_pairs"] for row in rows)
    people = max(row["n_personas"] for row in rows)
    return (
        f"Mean over the same pairs (up to {pairs:,}, of {people:,} persons) of accepted with "
        "everything shown minus accepted without the attribute, with its 95 % interval (bootstrap "
        "over persons; t below 12). p: sign flips over persons, Holm over the attributes; all at "
        "once is one test. An importance says what an attribute adds to all the others: two that "
        "tell the same both have little. Who lack it: pairs whose person has no such value. "
        "No verdict: pairs of which an answer has none. Right: all pairs, 95 % intervals over "
        "questions and persons; brackets in percent."
    )
