"""Sample scores of the triplets task as one tidy frame, for the log's metrics and the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pluralens.errors import InputError
from pluralens.stats.triplet_columns import (
    ABOUT,
    COLUMNS,
    FACTOR,
    SCORES,
    VOTE,
    check_factor_names,
)

__all__ = ["stance_frame", "vote_columns"]


def vote_columns(frame: pd.DataFrame) -> list[str]:
    """Names of the columns that hold the votes of a panel, in the panel's order; none without."""
    return sorted(
        (str(c) for c in frame.columns if str(c).startswith(VOTE)),
        key=lambda name: int(name.removeprefix(VOTE)),
    )


def stance_frame(
    ids: Sequence[str],
    metadatas: Sequence[Mapping[str, Any]],
    values: Sequence[Mapping[str, Any]],
    epochs: Sequence[int],
) -> pd.DataFrame:
    """One row per scored prompt of one model, as the estimators of triplets want it.

    Args:
        ids: Sample ids.
        metadatas: Metadata of the samples: `triplet_id`, `perspective`, `side`, what the prompt
            was, and one `factor_<name>` per factor.
        values: `Score.value` of the scorer `stance`, not averaged over epochs.
        epochs: Epoch of each, from 1.

    Returns:
        Columns `COLUMNS`, one per factor (missing where a scenario lacks it), `vote_1` ... of a
        panel. `outcome` is "refused", "empty", "unscored" or "stance", and `stance` a number from
        -1 to 1 for the last alone.

    Raises:
        InputError: A sample lacks what makes it a part of a triplet, or a factor is named like a
            column.
    """
    rows = []
    for sample, about, value, epoch in zip(ids, metadatas, values, epochs, strict=True):
        for key in ("triplet_id", "perspective", "side"):
            if key not in about:
                raise InputError(f"sample {sample}: no metadata {key}; this is no log of triplets")
        factors = {k.removeprefix(FACTOR): v for k, v in about.items() if k.startswith(FACTOR)}
        check_factor_names(list(factors), f"sample {sample}")
        numbers = {key: _number(value.get(key)) for key in (*SCORES, *_votes(value))}
        outcome = _outcome(numbers)
        if outcome != "stance":
            numbers["stance"] = np.nan
        rows.append(
            {
                "sample_id": str(sample),
                **{key: about.get(key) for key in ABOUT},
                "epoch": int(epoch),
                "outcome": outcome,
                **numbers,
                **factors,
            }
        )
    frame = pd.DataFrame(rows)
    votes = vote_columns(frame)
    factors_found = [c for c in frame.columns if c not in COLUMNS and c not in votes]
    return frame.reindex(columns=[*COLUMNS, *factors_found, *votes])


def _outcome(numbers: Mapping[str, float]) -> str:
    for name in ("refused", "empty", "unscored"):
        if numbers[name] == 1:
            return name
    return "unscored" if np.isnan(numbers["stance"]) else "stance"


def _votes(value: Mapping[str, Any]) -> list[str]:
    return [key for key in value if key.startswith(VOTE)]


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)
