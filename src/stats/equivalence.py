"""Two one-sided tests: is a mean difference provably smaller than a margin?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from pluralens.errors import InputError
from pluralens.stats.clusters import MeanEstimate

__all__ = ["DEFAULT_MARGIN", "equivalence_p"]

DEFAULT_MARGIN = 0.1
"""Scale points below which a difference counts as none."""


def equivalence_p(estimate: MeanEstimate, margin: float = DEFAULT_MARGIN) -> NDArray[np.float64]:
    """Test non-equivalence |mean| >= margin against |mean| < margin.

    p = max of the p values of t = (mean + margin) / se (upper tail) and t = (mean - margin) / se
    (lower tail), G - 1 degrees of freedom (Schuirmann 1987, J. Pharmacokinet. Biopharm.
    15:657-680). At 5 % it rejects exactly when the 90 % t interval lies within the margins.

    Args:
        estimate: Mean differences with cluster-robust standard errors, `[n_outcomes]`.
        margin: Half width of the equivalence region in scale points, > 0.

    Returns:
        p values, `[n_outcomes]`; NaN with fewer than two clusters. Without any spread p is 0
        inside the margins, 1 outside and 0.5 on them.

    Raises:
        InputError: `margin` is not positive.
    """
    if not margin > 0:
        raise InputError(f"margin: {margin:g} is not positive; give scale points such as 0.1")
    df = np.maximum(estimate.n_clusters - 1, 1)
    above, below = estimate.mean + margin, margin - estimate.mean
    with np.errstate(divide="ignore", invalid="ignore"):
        smaller = np.minimum(above, below)
        t = np.where(smaller == 0, 0.0, smaller / estimate.se)
    t = np.where(np.isnan(estimate.se), np.nan, t)
    return np.asarray(student_t.sf(t, df), dtype=np.float64)
