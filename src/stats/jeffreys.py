"""Jeffreys interval for a share whose effective number of trials need not be whole."""

from __future__ import annotations

from scipy.stats import beta

__all__ = ["jeffreys_interval"]


def jeffreys_interval(rate: float, size: float, level: float = 0.95) -> tuple[float, float]:
    """Put the equal-tailed Jeffreys interval around a share.

    Quantiles of Beta(np + 1/2, n(1-p) + 1/2), from 0 if nothing and to 1 if everything was a hit
    (Brown, Cai & DasGupta 2001, Stat. Sci. 16:101-133, section 3.1).

    Args:
        rate: Share p, 0..1.
        size: Effective number n of trials, more than 0.
        level: Confidence level.

    Returns:
        Lower and upper end, within 0..1.
    """
    hits, misses = rate * size, (1 - rate) * size
    low, high = beta.ppf([0.5 - level / 2, 0.5 + level / 2], hits + 0.5, misses + 0.5).tolist()
    return (low if hits > 0 else 0.0), (high if misses > 0 else 1.0)
