"""Mean stance and shares of negative, neutral and positive answers, per perspective."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pluralens.errors import InputError
from pluralens.stats.clusters import check_level, cluster_sums, estimate_mean, t_interval
from pluralens.stats.coverage import rate_interval
from pluralens.stats.triplet_frame import (
    DEFAULT_THRESHOLD,
    OUTCOMES,
    check_threshold,
    check_triplet_frame,
    exceeds,
)

__all__ = ["stance_shares"]

COLUMNS = ["perspective", "side", "n_prompts", *(f"n_{name}" for name in OUTCOMES), "n_triplets"]
COLUMNS += ["mean", "ci_low", "ci_high"]
COLUMNS += [f"p_{part}{end}" for part in ("neg", "neu", "pos") for end in ("", "_low", "_high")]


def stance_shares(
    frame: pd.DataFrame,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    level: float = 0.95,
    min_n: int = 5,
) -> pd.DataFrame:
    """Describe the stances of each perspective.

    mean over prompts with a cluster-robust t interval; p_neg, p_neu, p_pos = shares of the scored
    prompts with stance < -`threshold`, between, > `threshold`, with `rate_interval`'s intervals;
    clusters are triplets. Refused, empty and unscored prompts are counted and are in no mean.

    Args:
        frame: Triplet frame of one model.
        threshold: Stance from which on an answer takes a side.
        level: Confidence level.
        min_n: Triplets with a stance below which the estimates are NaN.

    Returns:
        One row per perspective, by side from +1 to -1: perspective, side, n_prompts, n_stance,
        n_refused, n_empty, n_unscored (prompts), n_triplets (with a stance), mean, ci_low, ci_high
        (-1..1), p_neg, p_neu, p_pos, each with _low and _high.

    Raises:
        InputError: The frame is not in order, or an option is out of range.
    """
    check_level(level)
    check_threshold(threshold)
    if min_n < 2:
        raise InputError(f"min_n: {min_n} is too few for a variance; give at least 2")
    stance = check_triplet_frame(frame)
    triplets = pd.factorize(frame["triplet_id"])[0]
    outcome = frame["outcome"].astype(str).to_numpy()
    side = frame["side"].to_numpy(dtype=np.float64)
    perspective = frame["perspective"].astype(str).to_numpy(dtype=object)
    rows: list[tuple[object, ...]] = []
    for at, who in sorted(set(zip(-side, perspective, strict=True))):
        members = np.flatnonzero((side == -at) & (perspective == who))
        scored = members[~np.isnan(stance[members])]
        values, clusters = stance[scored], triplets[scored]
        estimate = estimate_mean(cluster_sums(values, clusters))
        n_triplets = int(np.unique(clusters).size)
        numbers = [float("nan")] * 12
        if n_triplets >= min_n:
            low, high = t_interval(estimate, level)
            numbers = [float(estimate.mean[0]), float(low[0]), float(high[0])]
            negative, positive = exceeds(-values, threshold), exceeds(values, threshold)
            for part in (negative, ~negative & ~positive, positive):
                hits = part.astype(np.float64)
                numbers += rate_interval(hits, np.ones_like(hits), clusters, level=level)
        counts = (int((outcome[members] == name).sum()) for name in OUTCOMES)
        rows.append((who, int(-at), len(members), *counts, n_triplets, *numbers))
    return pd.DataFrame(rows, columns=COLUMNS)
