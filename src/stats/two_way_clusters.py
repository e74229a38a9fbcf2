"""Means of answers that share questions in one direction and persons in the other.

Two answers are dependent if they share the question or a person. The variance of their mean is the
sum of the products of residuals over all such pairs of answers (Cameron, Gelbach & Miller 2011,
J. Bus. Econ. Stat. 29:238-249). An answer may belong to two persons, as in a comparison of persons;
then it is the dyadic-robust variance (Aronow, Samii & Assenova 2015, Polit. Anal. 23:564-577).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import t as student_t

from pluralens.errors import InputError
from pluralens.stats.clusters import check_level
from pluralens.stats.wilson import wilson_interval

__all__ = ["TwoWayClusters", "TwoWayMean", "two_way_clusters", "two_way_mean"]

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

# Residuals that cancel leave rounding of this size.
_ROUNDING = 1e-14


class TwoWayClusters(NamedTuple):
    """Who and what each answer shares with others.

    Attributes:
        questions: Code of the question, `[n]`.
        persons: Codes of the persons, `[n, 1]` or `[n, 2]`.
        n_questions: Distinct questions.
        n_persons: Distinct persons.
    """

    questions: Codes
    persons: Codes
    n_questions: int
    n_persons: int

    @property
    def least(self) -> int:
        """Number G of clusters in the direction with fewer; a direction with one is none."""
        several = [n for n in (self.n_questions, self.n_persons) if n > 1]
        return min(several, default=1)

    def variance(self, influence: Floats) -> float:
        """Variance of an estimate from what each answer adds to it.

        V = G/(G-1) * sum of e_i e_j over answers i, j that share the question or a person, G being
        `least`. If the sum is not positive, which chance can bring about, it is the larger of the
        two one-way sums. With a single question (or person) the estimate holds for that one, and
        the other direction alone counts.

        Args:
            influence: e, `[n]`; residual / n for a mean.

        Returns:
            Variance; NaN with a single question and a single person.
        """
        if self.least < 2:
            return float("nan")
        by_question = _squares(influence, self.questions)
        by_person = self._by_person(influence, None)
        total = by_question + by_person - self._by_person(influence, self.questions)
        if self.n_questions == 1:
            total = by_person
        elif self.n_persons == 1:
            total = by_question
        scale = float(influence @ influence)
        if total <= _ROUNDING * scale:
            total = max(by_question, by_person)
        return total * self.least / (self.least - 1.0) if total > 1e-24 else 0.0

    def _by_person(self, influence: Floats, within: Codes | None) -> float:
        """Sum of e_i e_j over answers that share a person, within questions if given."""
        codes = self.persons if within is None else _joined(within[:, None], self.persons)
        if codes.shape[1] == 1:
            return _squares(influence, codes[:, 0])
        # Answers that share both persons would count twice.
        low, high = codes.min(axis=1, keepdims=True), codes.max(axis=1)
        both = _squares(influence, _joined(low, high[:, None])[:, 0])
        return _squares(np.repeat(influence, 2), codes.ravel()) - both


class TwoWayMean(NamedTuple):
    """A mean with a standard error that knows of shared questions and persons.

    Attributes:
        mean: The values' unit; NaN without values.
        se: Standard error; NaN with a single question and a single person.
        ci_low: Lower end of the interval.
        ci_high: Upper end of the interval.
        size: Effective number of answers behind the interval; NaN for other values than shares.
        n: Values.
        n_questions: Questions among them.
        n_persons: Persons among them.
    """

    mean: float
    se: float
    ci_low: float
    ci_high: float
    size: float
    n: int
    n_questions: int
    n_persons: int


def two_way_clusters(questions: ArrayLike, persons: ArrayLike) -> TwoWayClusters:
    """Number the questions and persons of answers.

    Args:
        questions: Label per answer, `[n]`.
        persons: Label per answer, `[n]`, or two different ones, `[n, 2]`.

    Raises:
        InputError: An answer has the same person twice.
    """
    question, asked = pd.factorize(np.asarray(questions), use_na_sentinel=False)
    labels = np.asarray(persons)
    labels = labels[:, None] if labels.ndim == 1 else labels
    person, people = pd.factorize(labels.ravel(), use_na_sentinel=False)
    codes = person.reshape(labels.shape).astype(np.int64)
    same = (codes[:, :1] == codes[:, 1:]).any(axis=1)
    if same.any():
        raise InputError(
            f"comparison: person {labels[same][0, 0]} is compared with itself; give two persons"
        )
    return TwoWayClusters(question.astype(np.int64), codes, len(asked), len(people))


def two_way_mean(
    values: ArrayLike,
    questions: ArrayLike,
    persons: ArrayLike,
    *,
    share: bool = True,
    level: float = 0.95,
) -> TwoWayMean:
    """Estimate a mean over answers that share questions and persons.

    For shares, Wilson's interval with the effective number of answers p(1-p)/V, no more than if
    no two answers shared anything, times (t_{n-1}/t_{G-1})^2 for the degrees of freedom (Korn &
    Graubard 1998, Survey Methodology 24:193-201, there with Clopper-Pearson); without clusters it
    is the plain Wilson interval. A share of exactly 0 or 1 tells nothing of V; then G is the number
    of answers, the careful choice. For other values, a t interval.

    In 1,500 simulated studies with effects of questions and persons, intervals covered 94 to 96 %
    for 300 pairs of 300 (or 60) persons over 120 questions, at rates from 0.1 to 0.6, and 95 % for
    20 persons crossed with 15 questions, where answers taken for independent covered 71 %.

    Args:
        values: `[n]`, NaN for none.
        questions: Label per value, `[n]`.
        persons: Label per value, `[n]`, or two different ones, `[n, 2]`.
        share: Whether the values are shares, 0..1.
        level: Confidence level.

    Returns:
        The estimate; the interval of a share is 0 to 1 where the standard error is NaN.

    Raises:
        InputError: `level` does not lie between 0 and 1, or an answer has the same person twice.
    """
    check_level(level)
    rows = np.asarray(values, dtype=np.float64)
    present = ~np.isnan(rows)
    rows = rows[present]
    if rows.size == 0:
        return TwoWayMean(*(float("nan"),) * 5, 0, 0, 0)
    clusters = two_way_clusters(np.asarray(questions)[present], np.asarray(persons)[present])
    mean = float(rows.mean())
    variance = clusters.variance((rows - mean) / rows.size)
    counts = rows.size, clusters.n_questions, clusters.n_persons
    se, least = variance**0.5, clusters.least
    if least < 2:
        ends = (0.0, 1.0) if share else (float("nan"), float("nan"))
        return TwoWayMean(mean, se, *ends, 1.0 if share else float("nan"), *counts)
    t, t_all = student_t.ppf(0.5 + level / 2, [least - 1, rows.size - 1]).tolist()
    if not share:
        return TwoWayMean(mean, se, mean - t * se, mean + t * se, float("nan"), *counts)
    size = float(least)
    if variance > 0 and 0 < mean < 1:
        unshared = float((rows - mean) @ (rows - mean)) / rows.size**2
        size = mean * (1 - mean) / max(variance, unshared) * (t_all / t) ** 2
    ends = wilson_interval(mean, size, float(ndtri(0.5 + level / 2)))
    return TwoWayMean(mean, se, *ends, size, *counts)


def _squares(influence: Floats, codes: Codes) -> float:
    sums = np.bincount(codes, weights=influence)
    return float(sums @ sums)


def _joined(first: Codes, second: Codes) -> Codes:
    """Codes of combinations, `[n, k]`, small enough to count by."""
    combined = first * (int(second.max(initial=0)) + 1) + second
    codes = np.unique(combined, return_inverse=True)[1]
    return np.asarray(codes.reshape(combined.shape), dtype=np.int64)
