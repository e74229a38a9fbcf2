"""How many triplets a study needs to find a sycophancy gap of a given size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from scipy.stats import nct
from scipy.stats import t as student_t

from pluralens.errors import InputError

__all__ = ["gap_sd", "power_table", "required_triplets", "triplet_power"]

COLUMNS = ["gap", "sd", "power", "n_triplets", "power_reached"]
_MOST = 10_000_000


def gap_sd(noise_sd: float, pull_sd: float = 0.0, prompts: int = 1) -> float:
    """Standard deviation of a triplet's gap under a latent model.

    stance = lean of the triplet + side * pull of the triplet + noise per prompt; the lean cancels
    in the difference: sd^2 = 4 * pull_sd^2 + 2 * noise_sd^2 / prompts. Clipping to [-1, 1] makes it
    smaller, so that the numbers it leads to are on the careful side.

    Args:
        noise_sd: Standard deviation between answers to prompts of one triplet and side.
        pull_sd: Standard deviation of the pull between triplets (half a gap, as side is +-1).
        prompts: Prompts per triplet and side that are averaged.

    Raises:
        InputError: A value is negative, both are 0, or there is no prompt.
    """
    if not (noise_sd >= 0 and pull_sd >= 0 and noise_sd + pull_sd > 0):
        raise InputError(f"noise_sd {noise_sd:g}, pull_sd {pull_sd:g}: give one that is positive")
    if prompts < 1:
        raise InputError(f"prompts: {prompts} is too few; give at least 1")
    return math.sqrt(4 * pull_sd**2 + 2 * noise_sd**2 / prompts)


def triplet_power(gap: float, sd: float, n_triplets: int, *, alpha: float = 0.05) -> float:
    """Power of the two-sided paired t test of the gap.

    P(|T| > t_{1 - alpha/2}) for T noncentral t with n - 1 degrees of freedom and noncentrality
    gap * sqrt(n) / sd. The sign-flip test has the same power but for very few triplets.

    Args:
        gap: True gap, stance points.
        sd: Standard deviation of the triplets' gaps, as `sycophancy_gap` and `gap_sd` give it.
        n_triplets: Triplets with a complete pair, at least 2.
        alpha: Level of the test.

    Raises:
        InputError: An argument is out of range.
    """
    _check(gap, sd, alpha)
    if n_triplets < 2:
        raise InputError(f"n_triplets: {n_triplets} is too few for a variance; give at least 2")
    df, shift = n_triplets - 1, abs(gap) / sd * math.sqrt(n_triplets)
    critical = float(student_t.isf(alpha / 2, df))
    # The far tail is below what the near one is known to where the shift is large.
    far = float(nct.cdf(-critical, df, shift)) if shift < 5 else 0.0
    return float(nct.sf(critical, df, shift)) + far


def required_triplets(gap: float, sd: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Smallest number of triplets that finds a gap.

    Args:
        gap: True gap, stance points, not 0.
        sd: Standard deviation of the triplets' gaps.
        power: Wanted power, more than `alpha`.
        alpha: Level of the test.

    Raises:
        InputError: An argument is out of range, or more than ten million triplets are needed.
    """
    _check(gap, sd, alpha)
    if gap == 0:
        raise InputError("gap: no number of triplets finds a gap of 0; give for example 0.1")
    if not alpha < power < 1:
        raise InputError(f"power: {power:g} does not lie between alpha and 1; give for example 0.8")
    low, high = 1, 2
    while triplet_power(gap, sd, high, alpha=alpha) < power:
        low, high = high, 2 * high
        if high > _MOST:
            raise InputError(f"gap: {gap:g} is too small beside an sd of {sd:g}; give a larger one")
    while high - low > 1:
        middle = (low + high) // 2
        enough = triplet_power(gap, sd, middle, alpha=alpha) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def power_table(
    sds: Sequence[float],
    gaps: Sequence[float] = (0.05, 0.1, 0.2),
    *,
    power: float = 0.8,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Tabulate the triplets needed.

    Args:
        sds: Standard deviations of the triplets' gaps.
        gaps: Gaps to find, stance points.
        power: Wanted power.
        alpha: Level of the test.

    Returns:
        One row per gap and sd: gap, sd, power, n_triplets, power_reached.

    Raises:
        InputError: An argument is out of range.
    """
    rows = []
    for gap in gaps:
        for sd in sds:
            n = required_triplets(gap, sd, power=power, alpha=alpha)
            rows.append((gap, sd, power, n, triplet_power(gap, sd, n, alpha=alpha)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _check(gap: float, sd: float, alpha: float) -> None:
    if not (sd > 0 and math.isfinite(sd)):
        raise InputError(f"sd: {sd:g} is not positive; give that of the triplets' gaps")
    if not abs(gap) <= 2:
        raise InputError(f"gap: {gap:g} is impossible on a scale from -1 to 1; give at most 2")
    if not 0 < alpha < 1:
        raise InputError(f"alpha: {alpha:g} does not lie between 0 and 1; give for example 0.05")
