"""Intervals for shares that hold up near 0 and 1, where the answers' own variance is misleading.

Every group of answers is given one more that is fully accepted and one that is not, both of a
question and a person of their own (Agresti & Coull 1998, Am. Stat. 52:119-126; Agresti & Caffo
2000, Am. Stat. 54:280-288). The variance is that of `TwoWayClusters`, the quantile that of t with
G - 1 degrees of freedom, G being the smaller number of true questions or persons.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student_t

from pluralens.errors import InputError
from pluralens.stats.clusters import check_level
from pluralens.stats.two_way_clusters import two_way_clusters

__all__ = ["PaddedShare", "ShareGroup", "padded_share"]

_PADDING = np.array([0.0, 1.0])


class ShareGroup(NamedTuple):
    """Answers whose share is estimated.

    Attributes:
        values: From 0 to 1, `[n]`, without NaN.
        questions: Label per value, `[n]`.
        persons: Label per value, `[n]`.
    """

    values: NDArray[np.float64]
    questions: ArrayLike
    persons: ArrayLike


class PaddedShare(NamedTuple):
    """A share, or a difference of two.

    Attributes:
        estimate: Of the answers as they are.
        ci_low: Lower end of the interval, which need not lie evenly around the estimate.
        ci_high: Upper end.
        p: Two-sided p of a difference of 0; NaN for a share.
    """

    estimate: float
    ci_low: float
    ci_high: float
    p: float


def padded_share(
    group: ShareGroup, minus: ShareGroup | None = None, *, level: float = 0.95
) -> PaddedShare:
    """Estimate a share, or how far it lies above another one.

    Two groups may have questions, persons and whole answers in common.

    Args:
        group: Answers.
        minus: Answers whose share is subtracted; None for the share of `group` alone.
        level: Confidence level.

    Returns:
        The estimate; an interval as wide as can be where everything is of one question and person.

    Raises:
        InputError: A group has no answers, or `level` does not lie between 0 and 1.
    """
    check_level(level)
    groups = [(1.0, group)] if minus is None else [(1.0, group), (-1.0, minus)]
    if any(len(part.values) == 0 for _, part in groups):
        raise InputError("share: a group has no answers; leave it out")
    estimate, centre, influence = 0.0, 0.0, []
    questions, persons = [], []
    for sign, part in groups:
        padded = np.concatenate([part.values, _PADDING])
        estimate += sign * float(np.mean(part.values))
        centre += sign * float(padded.mean())
        influence.append(sign * (padded - padded.mean()) / padded.size)
        own = np.array([f"\0{sign}{k}" for k in range(_PADDING.size)], dtype=object)
        questions.append(np.concatenate([np.asarray(part.questions, dtype=object), own]))
        persons.append(np.concatenate([np.asarray(part.persons, dtype=object), own]))
    clusters = two_way_clusters(np.concatenate(questions), np.concatenate(persons))
    true = [n - len(groups) * _PADDING.size for n in (clusters.n_questions, clusters.n_persons)]
    least = min([n for n in true if n > 1], default=1)
    low = 0.0 if minus is None else -1.0
    if least < 2:
        return PaddedShare(estimate, low, 1.0, float("nan"))
    se = clusters.variance(np.concatenate(influence)) ** 0.5
    half = float(student_t.ppf(0.5 + level / 2, least - 1)) * se
    ends = min(max(centre - half, low), estimate), max(min(centre + half, 1.0), estimate)
    p = float("nan") if minus is None else 2 * float(student_t.sf(abs(centre) / se, least - 1))
    return PaddedShare(estimate, *ends, p)
