"""Does a grader favour the party that is named first?

Sign: positive = the scores lean to whichever party stands first in the rubric.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student_t

from pluralens.stats.clusters import check_level
from pluralens.stats.persona_frame import outcome_matrix
from pluralens.stats.triplet_frame import check_triplet_frame

__all__ = ["PositionEffect", "position_effect"]


class PositionEffect(NamedTuple):
    """The difference that the order of the names makes; NaN where it cannot be estimated.

    Attributes:
        effect: Mean stance with the party at +1 named first, minus with the other first, stance
            points. Half of it is the pull toward the first name.
        ci_low: Lower end of the interval.
        ci_high: Upper end of the interval.
        n_prompts: Prompts with a stance.
        n_triplets: Triplets among them.
    """

    effect: float
    ci_low: float
    ci_high: float
    n_prompts: int
    n_triplets: int


def position_effect(frame: pd.DataFrame, *, level: float = 0.95, min_n: int = 5) -> PositionEffect:
    """Estimate the effect of the order, drawn at random per triplet and wording, or per prompt.

    Within triplets, where at least `min_n` of them have prompts in both orders (several wordings,
    languages or epochs): least squares of the stance on `positive_first`, sides and triplets, so
    that an order that happens to be more frequent on one side is not taken for the gap, and the
    triplets' own leans are no noise. Else, as with one wording, between triplets: the same without
    the triplets, so that their leans are noise and the interval is wider.

    Standard errors are cluster-robust, those of the jackknife over triplets (leans and sides as
    estimated once), with t quantiles of G - 1 degrees of freedom: with an order per prompt and 36
    triplets of three prompts the intervals covered 94 to 95 % of 3,000 simulated studies (12
    triplets of nine: 94 %), the usual cluster-robust ones 91 %; with one order per triplet 94 % (12
    triplets of three: 92 %).

    Args:
        frame: Triplet frame of one model with `positive_first` (0 or 1).
        level: Confidence level.
        min_n: Triplets below which the estimates are NaN.

    Raises:
        InputError: The frame is not in order, or a column is missing.
    """
    check_level(level)
    stance = check_triplet_frame(frame)
    first = outcome_matrix(frame, ["positive_first"], "triplet frame")[:, 0]
    scored = ~np.isnan(stance) & ~np.isnan(first)
    triplets = pd.factorize(frame["triplet_id"][scored])[0]
    n_triplets = int(np.unique(triplets).size)
    sides = pd.factorize(frame["side"][scored])[0]
    told = first[scored]
    mean = np.bincount(triplets, weights=told) / np.bincount(triplets)
    # An order that a whole triplet shares says nothing within it.
    within = int(((mean > 0) & (mean < 1)).sum()) >= max(min_n, 2)
    leans = _dummies(triplets) if within else np.ones((len(triplets), 1))
    nuisance = np.concatenate([leans, _dummies(sides)[:, 1:]], axis=1)
    both = np.stack([told, stance[scored]], axis=1)
    x, y = (both - nuisance @ np.linalg.lstsq(nuisance, both, rcond=None)[0]).T
    spread = float(x @ x)
    if n_triplets < max(min_n, 2) or spread < 1e-9:
        return PositionEffect(*(float("nan"),) * 3, int(scored.sum()), n_triplets)
    effect = float(x @ y) / spread
    without = spread - np.bincount(triplets, weights=x * x)
    if (without < 1e-9).any():
        # A single triplet determines the effect.
        return PositionEffect(*(float("nan"),) * 3, len(x), n_triplets)
    moved = (effect * spread - np.bincount(triplets, weights=x * y)) / without - effect
    error = float(np.sqrt((n_triplets - 1) / n_triplets * (moved @ moved)))
    half = float(student_t.ppf(0.5 + level / 2, n_triplets - 1)) * error
    return PositionEffect(effect, effect - half, effect + half, len(x), n_triplets)


def _dummies(groups: NDArray[np.intp]) -> NDArray[np.float64]:
    size = int(groups.max()) + 1 if groups.size else 0
    return np.eye(size)[groups]
