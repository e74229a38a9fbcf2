"""Cells: how well answers suit people in whom several attributes meet."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.errors import InputError
from pluralens.stats.acceptance import acceptance
from pluralens.stats.cells import cell_accuracy, cell_contrasts
from pluralens.viz.critique_figures.rows import (
    heading,
    interval,
    numbers,
    panels,
    percent,
    reference_line,
)
from pluralens.viz.critique_logs import CritiqueLog
from pluralens.viz.likert_figures.forest import ALPHA
from pluralens.viz.style import COLOURS, faint, footnote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["contrasts", "figure", "overlap_words", "table"]

EVERYONE = "everyone asked"
COLUMNS = ["cell", "n_people", "accuracy", "ci_low", "ci_high", "pooled", "own_weight"]
COUNTS = ["n_answers", "n_pairs", "n_personas", "n_unscored"]
# Overlaps that are named one by one.
MOST_OVERLAPS = 3
# Rows between the raw estimate and the pooled one below it.
APART = 0.32


def table(log: CritiqueLog) -> pd.DataFrame:
    """Accuracy per cell, raw and partially pooled, in the order of the cells' file.

    Returns:
        One row per cell, those without anybody too, and a last one for everyone asked: cell,
        n_people (in the cell), and the columns of `cell_accuracy`. Shares are fractions.

    Raises:
        InputError: The header does not name the cells, or lacks one that a sample is in.
    """
    names = _names(log)
    found = cell_accuracy(log.main_arm).set_index("cell")
    strange = [cell for cell in found.index if cell not in names]
    if strange:
        raise InputError(
            f"{log.path}: has samples of cell {strange[0]!r}, which its header does not name; the "
            "names of one person's cells may have no more than 1,000 letters in all: shorten them "
            "in the intersections file, and run the task again"
        )
    rows: list[dict[Any, Any]] = []
    for cell, n_people in names.items():
        own = found.loc[cell].to_dict() if cell in found.index else dict.fromkeys(COUNTS, 0)
        rows.append({"cell": cell, "n_people": n_people, **own})
    (everyone,) = acceptance(log.main_arm).to_dict("records")
    n_people = log.main_arm["persona_id"].nunique()
    rows.append({**everyone, "cell": EVERYONE, "n_people": n_people})
    return pd.DataFrame(rows, columns=[*COLUMNS, *COUNTS]).astype(dict.fromkeys(COUNTS, "int64"))


def contrasts(log: CritiqueLog) -> pd.DataFrame:
    """The columns of `cell_contrasts`: every two cells that somebody is in."""
    return cell_contrasts(log.main_arm)


def _names(log: CritiqueLog) -> dict[str, int]:
    """Cell -> persons in it, as the header says."""
    cells = log.metadata.get("cells")
    if not cells:
        raise InputError(
            f"{log.path}: lacks the cells in its metadata, so it was written by another version of "
            "pluralens; run the task again or use that version"
        )
    return {str(cell["name"]): int(cell["n"]) for cell in cells}


def overlap_words(log: CritiqueLog) -> str:
    """Which cells share persons, in a sentence; empty if none do."""
    shared = [
        f"{' and '.join(map(str, one['cells']))} ({one['n']:,} shared)"
        for one in log.metadata.get("overlaps") or []
        if one["n"]
    ]
    if not shared:
        return ""
    more = f" and {len(shared) - MOST_OVERLAPS} more" if len(shared) > MOST_OVERLAPS else ""
    return (
        f"Cells that share persons, who count in each: {'; '.join(shared[:MOST_OVERLAPS])}{more}."
    )


def figure(cells: pd.DataFrame, compared: pd.DataFrame, title: str, overlaps: str) -> "Figure":
    """One row per cell: raw with its interval, and below it the pooled estimate.

    Args:
        cells: The table.
        compared: The contrasts.
        title: Model, size and judges.
        overlaps: Which cells share persons, for the note.
    """
    rows = cells.to_dict("records")
    asked = [row for row in rows if row["n_people"]]
    nobody = [row for row in rows if not row["n_people"]]
    shown = asked + nobody
    sections = (
        ["cells"] * (len(asked) - 1) + ["all together"] + ["nobody is in these cells"] * len(nobody)
    )
    made = panels([(s, row["cell"]) for s, row in zip(sections, shown, strict=True)], (5.6,))
    (axes,) = made.axes
    everyone = asked[-1]
    if pd.notna(everyone["accuracy"]):
        reference_line(axes, everyone["accuracy"], EVERYONE, faint(0.7))
    pooled = bool(cells["pooled"].notna().any())
    for y, row in zip(made.at, shown, strict=True):
        up = APART / 2 if pd.notna(row["pooled"]) else 0.0
        interval(axes, y - up, (row["accuracy"], row["ci_low"], row["ci_high"]))
        mark: dict[str, Any] = {"mfc": "none", "mec": COLOURS[1], "mew": 1.6, "ms": 5.5}
        axes.plot(100 * row["pooled"], y + up, "s", clip_on=False, zorder=4, **mark)
    axes.plot([], [], "o-", color=COLOURS[0], lw=2, label="raw, with its 95 % interval")
    if pooled:
        axes.plot([], [], "s", mfc="none", mec=COLOURS[1], mew=1.6, ms=5.5, label="pooled")
    axes.set_xlim(-2, 102)
    axes.set_xlabel("accuracy, % (answers the critic accepts)")
    raw = [percent(row["accuracy"], row["ci_low"], row["ci_high"]) for row in shown]
    columns = {
        "raw": raw,
        "pooled": [percent(row["pooled"]) for row in shown],
        "persons": [f"{row['n_people']:,}" for row in shown],
        "answers": [f"{row['n_answers']:,}" for row in shown],
        "no\nverdict": [f"{row['n_unscored']:,}" for row in shown],
    }
    if not pooled:
        del columns["pooled"]
    numbers(made, columns)
    heading(made, f"How well answers suit people where attributes meet\n{title}")
    footnote(axes, f"{_note(compared, pooled)} {overlaps}".strip(), below=38.0)
    return made.figure


def _note(compared: pd.DataFrame, pooled: bool) -> str:
    tested = compared["p"].notna()
    holding = int((compared["p_holm"] < ALPHA).sum())
    words = (
        "Intervals: Jeffreys, with persons and questions as clusters; in brackets, percent. "
        "Answers: those with a verdict; unreadable ones count as not accepted. "
    )
    if pooled:
        words += (
            "Pooled: drawn toward the cells' mean, the more the fewer answers a cell has "
            "(beta-binomial empirical Bayes); better on average, worse for a cell that truly "
            "stands apart. "
        )
    if not tested.any():
        return words + "No two cells have enough pairs with a verdict to be compared."
    words += f"Contrasts of two cells: {int(tested.sum())}, of which {holding} hold (Holm p < 0.05)"
    untested = int((~tested).sum())
    return words + (f"; {untested} more have too few pairs." if untested else ".")
