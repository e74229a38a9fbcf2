"""Wilson's score interval for a share whose effective number of trials need not be whole."""

from __future__ import annotations

__all__ = ["wilson_interval"]


def wilson_interval(rate: float, size: float, z: float) -> tuple[float, float]:
    """Put Wilson's interval around a share.

    (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) (Wilson 1927, J. Am. Stat. Assoc.
    22:209-212). With clustered trials n is their number over the design effect and z a t quantile
    (Korn & Graubard 1998, Survey Methodology 24:193-201, there with Clopper-Pearson).

    Args:
        rate: Share p, 0..1.
        size: Effective number n of trials, more than 0.
        z: Quantile of the two-sided level, for example 1.96.

    Returns:
        Lower and upper end, within 0..1; never beyond the share itself.
    """
    centre = (rate + z**2 / (2 * size)) / (1 + z**2 / size)
    spread = (rate * (1 - rate) / size + z**2 / (4 * size**2)) ** 0.5
    half = z / (1 + z**2 / size) * spread
    # The ends meet the share at 0 and 1 but for rounding.
    return max(0.0, min(centre - half, rate)), min(1.0, max(centre + half, rate))
