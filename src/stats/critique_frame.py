"""Sample scores of the PERSONA tasks as one tidy frame, for the log's metrics and the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pluralens.errors import InputError
from pluralens.stats.stance_frame import vote_columns
from pluralens.stats.triplet_columns import VOTE

__all__ = ["COLUMNS", "FULL", "GROUP", "NONE", "WITHOUT", "critique_frame", "group_columns"]

FULL, NONE, WITHOUT = "full", "none", "without:"
"""Arms: all attributes shown, none of the attributes under study, all but the named one."""

GROUP = "group_"
"""Prefix of the columns with a person's demographic groups."""

_REQUIRED = ("question_id", "persona_id")
_ABOUT = (
    "question_id", "topic", "persona_id", "persona_id_second", "pair", "arm", "left_out", "mode",
    "cells",
)  # fmt: skip
_SCORES = (
    "accepted", "invalid", "refused", "unscored", "leak", "length", "self_judged", "votes",
    "personalization", "helpfulness", "harmlessness", "leak_rating", "order_consistent",
    "no_baseline", "identified", "hits_first", "hits_second", "first_chosen", "consistent",
)  # fmt: skip
COLUMNS = ("sample_id", *_ABOUT, "epoch", "outcome", *_SCORES)
"""Columns that every frame has; the persons' groups and the votes of a panel come after them."""


def critique_frame(
    ids: Sequence[str],
    metadatas: Sequence[Mapping[str, Any]],
    values: Sequence[Mapping[str, Any]],
    epochs: Sequence[int],
) -> pd.DataFrame:
    """One row per sample and epoch of one model, as the estimators of PERSONA want it.

    Args:
        ids: Sample ids.
        metadatas: Metadata of the samples: `question_id`, `persona_id`; where they apply `pair`
            (else question/person), `arm` (else "full"), `left_out`, `mode`, `topic`, `cells`
            (names joined by "|"), `persona_id_second` and one `group_<attribute>` per group.
        values: `Score.value` of the scorer `critique` or `identification`, not averaged over
            epochs; what it lacks is NaN.
        epochs: Epoch of each, from 1.

    Returns:
        Columns `COLUMNS`, then groups, then `vote_1` ... of a panel. `outcome` is "scored",
        "invalid" (no readable answer, the model's fault: `accepted` is 0) or "unscored" (no
        verdict, the critic's fault: `accepted` is NaN).

    Raises:
        InputError: A sample lacks what makes it a sample of these tasks.
    """
    rows = []
    for sample, about, value, epoch in zip(ids, metadatas, values, epochs, strict=True):
        for key in _REQUIRED:
            if about.get(key) is None:
                raise InputError(
                    f"sample {sample}: no metadata {key}; this is no log of the PERSONA tasks"
                )
        votes = [key for key in value if key.startswith(VOTE)]
        numbers = {key: _number(value.get(key)) for key in (*_SCORES, *votes)}
        described = {key: about.get(key) for key in _ABOUT}
        described["pair"] = about.get("pair") or f"{about['question_id']}/{about['persona_id']}"
        described["arm"] = about.get("arm") or FULL
        outcome = _outcome(numbers, "accepted" if "accepted" in value else "identified")
        if outcome != "scored":
            numbers["accepted"] = 0.0 if outcome == "invalid" and "accepted" in value else np.nan
            numbers["identified"] = np.nan
        groups = {k: v for k, v in about.items() if k.startswith(GROUP)}
        head = {"sample_id": str(sample), **described, "epoch": int(epoch), "outcome": outcome}
        rows.append({**head, **numbers, **groups})
    frame = pd.DataFrame(rows)
    return frame.reindex(columns=[*COLUMNS, *group_columns(frame), *vote_columns(frame)])


def group_columns(frame: pd.DataFrame) -> list[str]:
    """Names of the columns with demographic groups, in the frame's order; none without."""
    return [str(c) for c in frame.columns if str(c).startswith(GROUP)]


def _outcome(numbers: Mapping[str, float], measured: str) -> str:
    if numbers["invalid"] == 1:
        return "invalid"
    if numbers["unscored"] == 1:
        return "unscored"
    if not np.isnan(numbers[measured]):
        return "scored"
    # One of the answers of a comparison was unreadable, or some verdict is missing.
    return "invalid" if numbers["invalid"] > 0 else "unscored"


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)
