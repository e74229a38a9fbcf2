"""Share of accepted answers, in total and by who asks or what is shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralens.errors import InputError
from pluralens.stats.clusters import check_level
from pluralens.stats.persona_frame import attribute_groups, outcome_matrix, require_columns
from pluralens.stats.two_way_clusters import TwoWayMean, two_way_mean

__all__ = ["acceptance", "persons_of", "share_of"]

COLUMNS = ["value", "accuracy", "se", "ci_low", "ci_high", "size", "n_answers", "n_pairs"]
COLUMNS += ["n_personas", "n_unscored", "enough"]


def share_of(frame: pd.DataFrame, column: str, *, level: float = 0.95) -> TwoWayMean:
    """Mean of a column of shares with an interval over questions and persons.

    Args:
        frame: Critique frame. Where it has persons in `persona_id_second`, an answer belongs to
            both.
        column: Values from 0 to 1, NaN for none.
        level: Confidence level.

    Raises:
        InputError: A column is missing or not numeric, or `level` is out of range.
    """
    values = outcome_matrix(frame, [column], "critique frame")[:, 0]
    require_columns(frame, ["question_id"], "critique frame")
    return two_way_mean(values, frame["question_id"], persons_of(frame), level=level)


def persons_of(frame: pd.DataFrame) -> NDArray[np.object_]:
    """Persons that each answer belongs to.

    Args:
        frame: Critique frame.

    Returns:
        `[n, 1]`, or `[n, 2]` where samples compare two persons.

    Raises:
        InputError: The frame has no `persona_id`.
    """
    require_columns(frame, ["persona_id"], "critique frame")
    columns = ["persona_id"]
    if "persona_id_second" in frame.columns and frame["persona_id_second"].notna().any():
        columns.append("persona_id_second")
    return frame[columns].to_numpy(dtype=object)


def acceptance(
    frame: pd.DataFrame,
    by: str | None = None,
    *,
    min_pairs: int = 1,
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate the share of accepted answers, with `two_way_mean`'s interval.

    Answers without verdict are counted and are in no share; unreadable answers count as not
    accepted, which `critique_frame` sees to.

    Args:
        frame: Critique frame.
        by: Column whose values are looked at one at a time; None for everything at once.
        min_pairs: Pairs with a verdict below which the estimates are NaN.
        level: Confidence level.

    Returns:
        One row per value, or one with the value "all": value, accuracy, se, ci_low, ci_high, size
        (effective number of answers), n_answers (with a verdict), n_pairs, n_personas (with one),
        n_unscored, enough (n_pairs >= `min_pairs`).

    Raises:
        InputError: A column is missing or not numeric, or an option is out of range.
    """
    check_level(level)
    if min_pairs < 1:
        raise InputError(f"min_pairs: {min_pairs} is too few; give at least 1")
    require_columns(frame, ["pair", "question_id", "persona_id", "accepted"], "critique frame")
    parts = {"all": frame}
    if by is not None:
        parts = {v: frame.iloc[rows] for v, rows in attribute_groups(frame, by).items()}
    table = []
    for value, part in parts.items():
        found = share_of(part, "accepted", level=level)
        n_pairs = int(part.loc[part["accepted"].notna(), "pair"].nunique())
        enough = n_pairs >= min_pairs
        numbers = found.mean, found.se, found.ci_low, found.ci_high, found.size
        if not enough:
            numbers = (float("nan"),) * 5
        counts = found.n, n_pairs, found.n_persons, len(part) - found.n
        table.append((value, *numbers, *counts, enough))
    return pd.DataFrame(table, columns=COLUMNS)
