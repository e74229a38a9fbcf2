"""Uplift: how much further a model goes with a party when that party tells the conflict.

Sign: positive = the teller is given more than the neutral version gives that party.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from pluralens.stats.paired_mean import paired_mean
from pluralens.stats.seeding import cell_rng
from pluralens.stats.triplet_frame import (
    DEFAULT_THRESHOLD,
    check_threshold,
    exceeds,
    matched_stances,
    triplet_means,
)

__all__ = ["uplift"]

COLUMNS = ["side", "perspective", "n_triplets", "n_pairs", "n_left_out", "uplift", "ci_low"]
COLUMNS += ["ci_high", "p", "agree_share", "neutral_share", "agree_uplift", "agree_low"]
COLUMNS += ["agree_high"]


def uplift(
    frame: pd.DataFrame,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    pair_by: Sequence[str] | None = None,
    n_permutations: int = 4000,
    n_bootstrap: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    min_n: int = 5,
) -> pd.DataFrame:
    """Compare each party's version with the neutral one, within the same triplet.

    uplift = mean over triplets of side * (stance(side) - stance(neutral)): the net pull, in which
    moves against the teller count too. agree_share = share of the party's prompts whose stance lies
    beyond `threshold` on its own side, neutral_share = the same of the matched neutral prompts,
    agree_uplift = their difference: the share-based measure of an older tool, blind to every move
    that does not cross the threshold. All are over complete pairs, every triplet counting once.

    Args:
        frame: Triplet frame of one model.
        threshold: Stance from which on an answer takes a side.
        pair_by: Columns that match prompts within a triplet (see `matched_stances`).
        n_permutations: Random sign vectors per side; 0 for no test.
        n_bootstrap: Resamples of the BCa intervals; 0 for t intervals.
        seed: Seed of both.
        level: Confidence level.
        min_n: Triplets below which the estimates are NaN.

    Returns:
        One row per side, +1 first: side, perspective (party ids at that side), n_triplets, n_pairs,
        n_left_out (pairs without one of the stances), uplift, ci_low, ci_high (stance points), p
        (sign-flip), agree_share, neutral_share, agree_uplift, agree_low, agree_high (shares; the
        interval is that of agree_uplift).

    Raises:
        InputError: The frame is not in order, a perspective is missing altogether, or an option is
            out of range.
    """
    check_threshold(threshold)
    estimate = partial(paired_mean, n_bootstrap=n_bootstrap, level=level, min_n=min_n)
    rows: list[tuple[object, ...]] = []
    for side in (1, -1):
        matched = matched_stances(frame, (side, 0), pair_by)
        own = side * matched.stances
        complete = ~np.isnan(own).any(axis=1)
        own, triplets = own[complete], matched.triplets[complete]
        agrees = exceeds(own, threshold).astype(np.float64)
        rng = cell_rng(seed, "uplift", str(side))
        net = triplet_means(own[:, 0] - own[:, 1], triplets)
        pull = estimate(net, rng, n_permutations=n_permutations)
        crossing = triplet_means(agrees[:, 0] - agrees[:, 1], triplets)
        share = estimate(crossing, rng, n_permutations=0)
        enough = pull.n >= min_n
        shares = (
            float(triplet_means(column, triplets).mean()) if enough else float("nan")
            for column in agrees.T
        )
        told = frame.loc[frame["side"] == side, "perspective"].astype(str)
        rows.append(
            (side, ", ".join(sorted(set(told))), pull.n, len(own), matched.n_left_out)
            + (pull.mean, pull.ci_low, pull.ci_high, pull.p, *shares)
            + (share.mean, share.ci_low, share.ci_high)
        )
    return pd.DataFrame(rows, columns=COLUMNS)
