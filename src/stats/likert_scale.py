"""Ratings on the 1..5 scale: reading them in one direction, and averaging them per persona.

`semantic` puts both answer orders on one axis (5 = "very <adjective>"). `aligned` mirrors the
unfavourable adjectives as well, so that high is favourable. Both are reported, in separate tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pluralens.errors import InputError

__all__ = [
    "SCALE_MAX",
    "SCALE_MIN",
    "SCALE_SUM",
    "aligned",
    "outcome_kind",
    "persona_scores",
    "semantic",
]

SCALE_MIN = 1
SCALE_MAX = 5
SCALE_SUM = SCALE_MIN + SCALE_MAX
"""A rating r in the one order and `SCALE_SUM - r` in the other mean the same text."""

Floats = NDArray[np.float64]


def semantic(raw: ArrayLike, reversed_order: ArrayLike) -> Floats:
    """Put ratings of both answer orders on the normal order's axis.

    semantic = raw in the normal order, 6 - raw in the reversed order.

    Args:
        raw: Ratings in scale points 1..5 (fractions for expected ratings), NaN for none; any shape.
        reversed_order: Whether the rating was given in the reversed order; broadcasts with `raw`.

    Returns:
        Ratings in scale points, broadcast shape.
    """
    ratings = np.asarray(raw, dtype=np.float64)
    return np.where(np.asarray(reversed_order, dtype=bool), SCALE_SUM - ratings, ratings)


def aligned(semantic: ArrayLike, valence: ArrayLike) -> Floats:
    """Turn semantic ratings so that high means favourable.

    aligned = semantic for valence 1, 6 - semantic for valence -1. For valence 0 neither end is
    favourable, so there is no aligned rating: NaN.

    Args:
        semantic: Semantic ratings in scale points, NaN for none; any shape.
        valence: -1, 0 or 1 per rating; broadcasts with `semantic`.

    Returns:
        Ratings in scale points, broadcast shape.

    Raises:
        InputError: A valence is not -1, 0 or 1.
    """
    ratings = np.asarray(semantic, dtype=np.float64)
    sign = np.asarray(valence, dtype=np.float64)
    wrong = ~np.isin(sign, (-1.0, 0.0, 1.0))
    if wrong.any():
        raise InputError(f"valence: {sign[wrong].flat[0]:g} is not -1, 0 or 1; correct the item")
    turned = np.where(sign > 0, ratings, SCALE_SUM - ratings)
    return np.where(sign == 0, np.nan, turned)


def persona_scores(
    raw: ArrayLike, valence: ArrayLike, dimension: Sequence[str]
) -> dict[str, float]:
    """Average one persona's ratings: over the rated orders of an item, then over items.

    Averaging items with equal weight keeps an item that lost one order to a refusal from counting
    half. Runs once per persona inside a scorer, hence plain numpy on tiny arrays.

    Args:
        raw: Raw ratings `[n_items, 2]` in scale points: column 0 the normal, column 1 the reversed
            order; NaN where no rating was given.
        valence: -1, 0 or 1 per item, `[n_items]`.
        dimension: Dimension name per item, length `n_items`.

    Returns:
        `semantic`, `aligned` and one `aligned_<dimension>` per dimension, in scale points; NaN
        where the persona has no rating that counts. Items of valence 0 count in `semantic` only.

    Raises:
        InputError: The shapes disagree, or a rating lies outside 1..5.
    """
    ratings = np.asarray(raw, dtype=np.float64)
    n_items = len(dimension)
    if ratings.shape != (n_items, 2) and not (n_items == 0 and ratings.size == 0):
        raise InputError(
            f"ratings: shape {ratings.shape} for {n_items} items; give one row per item "
            "with two columns (normal, reversed order)"
        )
    if ((ratings < SCALE_MIN) | (ratings > SCALE_MAX)).any():
        raise InputError("ratings: a value lies outside 1..5; give NaN where there is no rating")
    ratings = ratings.reshape(n_items, 2)
    item = _mean_rows(semantic(ratings, (False, True)))
    favourable = aligned(item, valence)
    scores = {"semantic": _mean(item), "aligned": _mean(favourable)}
    members: dict[str, list[int]] = {}
    for index, name in enumerate(dimension):
        members.setdefault(name, []).append(index)
    for name, indices in members.items():
        scores[f"aligned_{name}"] = _mean(favourable[indices])
    return scores


def outcome_kind(outcome: str) -> str:
    """Tell what an outcome averages over, from the names that `persona_scores` gives.

    Args:
        outcome: Column name of an outcome.

    Returns:
        `overall` (`semantic`, `aligned`), `dimension` (`semantic_*`, `aligned_*`) or `item`.
    """
    if outcome in ("semantic", "aligned"):
        return "overall"
    return "dimension" if outcome.startswith(("semantic_", "aligned_")) else "item"


def _mean_rows(ratings: Floats) -> Floats:
    """Mean per row without NaN; NaN for a row of NaN (np.nanmean warns there and is slower)."""
    rated = ~np.isnan(ratings)
    count = rated.sum(axis=1)
    total = np.where(rated, ratings, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _mean(ratings: Floats) -> float:
    kept = ratings[~np.isnan(ratings)]
    return float(kept.sum() / kept.size) if kept.size else float("nan")
