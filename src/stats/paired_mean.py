"""Mean of independent paired differences: interval, sign-flip test and equivalence test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pluralens.errors import InputError
from pluralens.stats.bootstrap import bca_interval, cluster_bootstrap
from pluralens.stats.clusters import check_level, cluster_sums, estimate_mean, t_interval
from pluralens.stats.equivalence import DEFAULT_MARGIN, equivalence_p
from pluralens.stats.permutation import sign_flip_p

__all__ = ["PairedMean", "paired_mean"]

# As for counterfactual pairs: below, the t interval takes the place of BCa. Where 10 % of the units
# differ by about 1 and the others hardly, BCa covered 87, 95 and 97 % with 20, 36 and 72 units, the
# t interval 84, 91 and 93 % (1,000 simulated studies each); with 12, either about 72 %. For stances
# that vary evenly both cover 93 to 96 %.
_BCA_MIN_N = 12


class PairedMean(NamedTuple):
    """What is known about a mean difference; NaN with too few differences.

    Attributes:
        mean: The differences' unit.
        ci_low: Lower end of the interval.
        ci_high: Upper end of the interval.
        p: Two-sided sign-flip p.
        tost_p: Equivalence p: small if the mean is provably within the margin.
        sd: Standard deviation of the differences.
        n: Differences.
    """

    mean: float
    ci_low: float
    ci_high: float
    p: float
    tost_p: float
    sd: float
    n: int


def paired_mean(
    differences: ArrayLike,
    rng: np.random.Generator,
    *,
    margin: float = DEFAULT_MARGIN,
    n_permutations: int = 4000,
    n_bootstrap: int = 2000,
    level: float = 0.95,
    min_n: int = 5,
) -> PairedMean:
    """Estimate the mean of paired differences, one per independent unit.

    BCa interval, t interval with fewer than 12 units; sign-flip p; TOST against +-`margin`.

    Args:
        differences: One per unit, `[n]`, without NaN.
        rng: Source of resamples and signs.
        margin: Half width of the equivalence region.
        n_permutations: Random sign vectors; 0 for no test (p is NaN).
        n_bootstrap: Resamples; 0 for the t interval whatever n is, which is fast.
        level: Confidence level.
        min_n: Units below which everything but `n` is NaN.

    Raises:
        InputError: An option is out of range.
    """
    check_level(level)
    if min_n < 2:
        raise InputError(f"min_n: {min_n} is too few for a variance; give at least 2")
    data = cluster_sums(differences)
    estimate = estimate_mean(data)
    tost_p = float(equivalence_p(estimate, margin)[0])
    n = int(estimate.n_clusters[0])
    if n < min_n:
        return PairedMean(*(float("nan"),) * 6, n)
    p = float("nan")
    if n_permutations:
        p = float(sign_flip_p(data, n_permutations=n_permutations, rng=rng)[0])
    low, high = t_interval(estimate, level)
    if n_bootstrap and n >= _BCA_MIN_N:
        resampled = cluster_bootstrap(data, n_resamples=n_bootstrap, rng=rng)
        low, high = bca_interval(data, resampled, level=level)
    sd = float(estimate.se[0]) * n**0.5
    return PairedMean(float(estimate.mean[0]), float(low[0]), float(high[0]), p, tost_p, sd, n)
