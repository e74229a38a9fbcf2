"""Checked access to the triplet frame: one row per scored prompt of one model.

Columns: `triplet_id` (the cell: one conflict with fixed facts, the unit that is independent),
`perspective` (party id or "neutral"), `side` (+1, -1; 0 for neutral), `stance` (-1..1, NaN unless
the outcome is "stance"), `outcome` (one of `OUTCOMES`), and factors. Prompts of one triplet that
share the columns of `PAIR_COLUMNS` differ in the perspective alone: they are matched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralens.errors import InputError
from pluralens.stats.persona_frame import outcome_matrix, require_columns

__all__ = ["COLUMNS", "DEFAULT_THRESHOLD", "NEUTRAL", "OUTCOMES", "PAIR_COLUMNS"]
__all__ += ["MatchedStances", "check_threshold", "check_triplet_frame", "exceeds"]
__all__ += ["matched_stances", "triplet_means"]

COLUMNS = ("triplet_id", "perspective", "side", "stance", "outcome")
OUTCOMES = ("stance", "refused", "empty", "unscored")
NEUTRAL = "neutral"
PAIR_COLUMNS = ("language", "paraphrase", "epoch")
"""Columns that, where they exist, say which prompts of a triplet are matched."""

DEFAULT_THRESHOLD = 0.33
"""Stance from which on an answer takes a side."""

# Differences of stances in steps of 0.1 carry rounding: 0.4 - 0.1 is more than 0.3.
_ROUNDING = 1e-9

Floats = NDArray[np.float64]


class MatchedStances(NamedTuple):
    """Stances of matched prompts, one row per unit: a triplet in one language, paraphrase, epoch.

    Attributes:
        stances: Mean stance per side, `[n_units, n_sides]`; NaN for a side without a scored prompt.
        triplets: Triplet of each unit, as a number from 0, `[n_units]`.
        n_left_out: Units that lack a stance on one of the sides.
    """

    stances: Floats
    triplets: NDArray[np.intp]
    n_left_out: int


def check_threshold(threshold: float) -> None:
    """Refuse a threshold at which no answer, or every one, takes a side.

    Args:
        threshold: Stance from which on an answer takes a side.

    Raises:
        InputError: `threshold` does not lie between 0 and 1.
    """
    if not 0 < threshold < 1:
        raise InputError(
            f"threshold: {threshold:g} does not lie between 0 and 1; give for example "
            f"{DEFAULT_THRESHOLD:g}"
        )


def exceeds(values: Floats, threshold: float) -> NDArray[np.bool_]:
    """Whether values are more than a threshold, rounding aside.

    Args:
        values: Stances or differences of stances, any shape.
        threshold: What they must exceed.
    """
    return np.asarray(values > threshold + _ROUNDING)


def check_triplet_frame(frame: pd.DataFrame) -> Floats:
    """Read the stances of a triplet frame that is in order.

    Args:
        frame: One row per prompt.

    Returns:
        Stances, `[n]`, NaN where the prompt has none.

    Raises:
        InputError: A column is missing, a stance or side is out of range, a stance does not fit its
            outcome, or a perspective does not fit its side; the message names a triplet.
    """
    require_columns(frame, COLUMNS, "triplet frame")
    numbers = outcome_matrix(frame, ["stance", "side"], "triplet frame")
    stance: Floats = numbers[:, 0]
    side = numbers[:, 1]
    outcome = frame["outcome"].astype(str).to_numpy(dtype=object)
    perspective = frame["perspective"].astype(str).to_numpy(dtype=object)
    _refuse(frame, ~np.isin(side, (-1, 0, 1)), "side", "is none of 1, -1 and 0; correct it")
    _refuse(frame, ~np.isin(outcome, OUTCOMES), "outcome", f"is none of {', '.join(OUTCOMES)}")
    _refuse(frame, np.abs(stance) > 1, "stance", "is not from -1 to 1; correct the scale")
    scored = outcome == "stance"
    wrong = scored == np.isnan(stance)
    _refuse(frame, wrong, "stance", "does not fit the outcome; only 'stance' has a number")
    wrong = (perspective == NEUTRAL) != (side == 0)
    _refuse(frame, wrong, "perspective", "does not fit its side; 'neutral', and it alone, has 0")
    _refuse(frame, frame["triplet_id"].isna().to_numpy(), "triplet_id", "is missing; add it")
    tellers = frame.groupby(["triplet_id", "side"], observed=True)["perspective"].nunique()
    if (tellers > 1).any():
        triplet, at = tellers.index[tellers > 1][0]
        raise InputError(
            f"triplet frame: triplet {triplet} has {tellers.max()} perspectives at side {at:g}; "
            "give each conflict its own triplet_id"
        )
    return stance


def _refuse(frame: pd.DataFrame, wrong: NDArray[np.bool_], column: str, why: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        value = frame[column].iloc[row]
        shown = f"'{value}'" if isinstance(value, str) else value
        raise InputError(
            f"triplet frame: {column} {shown} of triplet {frame['triplet_id'].iloc[row]} {why} "
            f"({int(wrong.sum())} rows)"
        )


def matched_stances(
    frame: pd.DataFrame, sides: Sequence[int], pair_by: Sequence[str] | None = None
) -> MatchedStances:
    """Put the stances of matched prompts side by side.

    Several scored prompts of a unit on one side, as epochs without a column, are averaged.

    Args:
        frame: Triplet frame of one model.
        sides: Sides to compare, of +1, -1 and 0.
        pair_by: Columns that match prompts within a triplet; None for those of `PAIR_COLUMNS` that
            exist. An empty list averages all prompts of a triplet before comparing, which is biased
            where, say, only the German prompts of one side are unscored.

    Returns:
        Units in the order of triplet and `pair_by`, the incomplete ones among them.

    Raises:
        InputError: The frame is not in order, a column of `pair_by` is missing, or no row has one
            of the sides.
    """
    stance = check_triplet_frame(frame)
    if pair_by is None:
        pair_by = [name for name in PAIR_COLUMNS if name in frame.columns]
    require_columns(frame, pair_by, "triplet frame")
    side = frame["side"].to_numpy(dtype=np.float64)
    for wanted in sides:
        if not (side == wanted).any():
            have = ", ".join(dict.fromkeys(frame["perspective"].astype(str))) or "no rows"
            shown = "the neutral perspective" if wanted == 0 else f"a perspective at side {wanted}"
            raise InputError(
                f"triplet frame: {shown} is missing altogether (has {have}); run it, or leave this "
                "estimate out"
            )
    keys = frame.groupby(["triplet_id", *pair_by], observed=True, dropna=False)
    unit = keys.ngroup().to_numpy()
    n_units = int(keys.ngroups)
    triplet = pd.factorize(frame["triplet_id"], sort=True)[0]
    triplets = np.zeros(n_units, dtype=np.intp)
    triplets[unit] = triplet
    scored = ~np.isnan(stance)
    stances = np.full((n_units, len(sides)), np.nan)
    for k, wanted in enumerate(sides):
        rows = scored & (side == wanted)
        total = np.bincount(unit[rows], weights=stance[rows], minlength=n_units)
        count = np.bincount(unit[rows], minlength=n_units)
        stances[:, k] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return MatchedStances(stances, triplets, int(np.isnan(stances).any(axis=1).sum()))


def triplet_means(values: Floats, triplets: NDArray[np.intp]) -> Floats:
    """Average units within triplets, so that every triplet counts once.

    Args:
        values: One per unit, `[n_units]`, NaN for none.
        triplets: Triplet of each unit, as a number from 0.

    Returns:
        One value per triplet that has any, in the triplets' order.
    """
    present = ~np.isnan(values)
    size = int(triplets.max()) + 1 if triplets.size else 0
    total = np.bincount(triplets[present], weights=values[present], minlength=size)
    count = np.bincount(triplets[present], minlength=size)
    return np.asarray(total[count > 0] / count[count > 0], dtype=np.float64)
