"""Area under the ROC curve of cross-validated scores, with an interval over groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pluralens.errors import InputError
from pluralens.stats.clusters import check_level
from pluralens.stats.seeding import cell_rng

__all__ = ["GroupedAuc", "grouped_auc"]

Floats = NDArray[np.float64]


class GroupedAuc(NamedTuple):
    """Areas, one per outcome; NaN where no fold holds both labels.

    Attributes:
        auc: `[n_outcomes]`.
        low: Lower end of its interval.
        high: Upper end.
    """

    auc: Floats
    low: Floats
    high: Floats


def grouped_auc(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike,
    folds: ArrayLike,
    *,
    n_bootstrap: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> GroupedAuc:
    """Share of (positive, negative) pairs in the right order, ties counting a half.

    Only rows of the same fold are compared: scores of different folds come from different
    classifiers, whose intercepts differ, and comparing them biases the area downwards (Airola et
    al. 2011, Comput. Stat. Data Anal. 55:1828-1844). A fold without one of the labels has no pairs
    and takes no part. The interval resamples groups as a whole (percentiles).

    Args:
        scores: Decision scores, `[n, n_outcomes]`; larger for positives.
        labels: Whether a row is positive, `[n]`.
        groups: What is resampled, `[n]`.
        folds: Fold in which the row was tested, `[n]`; a group lies in one fold.
        n_bootstrap: Resamples; 0 for no interval.
        seed: Of the resamples.
        level: Confidence level.

    Returns:
        Areas and intervals.

    Raises:
        InputError: `level` is none or `n_bootstrap` is negative.
    """
    check_level(level)
    if n_bootstrap < 0:
        raise InputError(f"n_bootstrap: {n_bootstrap} is too few; give at least 0")
    values = np.asarray(scores, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    positive, fold = np.asarray(labels, dtype=bool), np.asarray(folds)
    names, code = np.unique(np.asarray(groups), return_inverse=True)
    n_groups, n_outcomes = len(names), values.shape[1]
    drawn = cell_rng(seed, "auc").integers(0, n_groups, size=(n_bootstrap, n_groups))
    weights = np.ones((n_bootstrap + 1, n_groups))
    for row, index in enumerate(drawn, start=1):
        weights[row] = np.bincount(index, minlength=n_groups)
    right = np.zeros((n_bootstrap + 1, n_outcomes))
    pairs = np.zeros(n_bootstrap + 1)
    for one in np.unique(fold):
        up, down = (np.flatnonzero((fold == one) & side) for side in (positive, ~positive))
        of_up, of_down = weights[:, code[up]], weights[:, code[down]]
        pairs += of_up.sum(axis=1) * of_down.sum(axis=1)
        for k in range(n_outcomes):
            difference = values[up, k][:, None] - values[down, k]
            order = (np.sign(difference) + 1) / 2
            right[:, k] += ((of_up @ order) * of_down).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        areas = np.where(pairs[:, None] > 0, right / pairs[:, None], np.nan)
    if not n_bootstrap or pairs[0] == 0:
        return GroupedAuc(areas[0], *np.full((2, n_outcomes), np.nan))
    tails = [0.5 - level / 2, 0.5 + level / 2]
    low, high = np.nanquantile(areas[1:], tails, axis=0)
    return GroupedAuc(areas[0], low, high)
