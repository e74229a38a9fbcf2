"""Coverage: what became of every call, in total and per attribute value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student_t

from pluralens.errors import InputError
from pluralens.stats.clusters import check_level, cluster_sums, estimate_mean
from pluralens.stats.persona_frame import (
    COUNTS,
    attribute_groups,
    outcome_matrix,
    require_columns,
)
from pluralens.stats.wilson import wilson_interval

__all__ = ["coverage", "rate_interval"]

COLUMNS = ["attribute", "value", "n_samples", *COUNTS, "rated_rate"]
COLUMNS += ["refusal_rate", "refusal_low", "refusal_high"]
COLUMNS += ["invalid_rate", "invalid_low", "invalid_high"]

Floats = NDArray[np.float64]


def coverage(
    frame: pd.DataFrame, attributes: Sequence[str], *, level: float = 0.95
) -> pd.DataFrame:
    """Count calls by outcome; ratings + refused + invalid = asked must hold in every sample.

    Args:
        frame: One row per sample (bases, twins and placebos alike): `sample_id`, attributes, and
            `asked`, `rated`, `refused`, `invalid` (calls). A column `base_id`, where filled, names
            the cluster that a sample belongs to; otherwise every sample is one.
        attributes: Columns to break the counts down by, one at a time.
        level: Confidence level.

    Returns:
        One row for everything (attribute and value "all") and one per attribute value: attribute,
        value, n_samples, asked, rated, refused, invalid (calls), rated_rate, refusal_rate,
        refusal_low, refusal_high, invalid_rate, invalid_low, invalid_high (shares of asked;
        intervals by `rate_interval`). NaN where nothing was asked.

    Raises:
        InputError: A column is missing or not numeric, or calls are unaccounted for; the message
            names the samples.
    """
    check_level(level)
    require_columns(frame, ["sample_id", *attributes], "persona frame")
    calls = outcome_matrix(frame, COUNTS, "persona frame")
    _require_balance(frame, calls)
    clusters = frame["sample_id"].to_numpy(dtype=object)
    if "base_id" in frame.columns:
        filled = frame["base_id"].notna() & (frame["base_id"] != "")
        clusters = np.where(filled, frame["base_id"].to_numpy(dtype=object), clusters)
    codes = pd.factorize(clusters.astype(str))[0]
    groups = [("all", "all", np.arange(len(frame), dtype=np.intp))]
    for attribute in attributes:
        for value, members in attribute_groups(frame, attribute).items():
            groups.append((attribute, value, members))
    rows = []
    for attribute, value, members in groups:
        asked, rated, refused, invalid = calls[members].sum(axis=0)
        rates = [float(rated / asked) if asked else float("nan")]
        for column in (2, 3):
            rates += rate_interval(
                calls[members, column], calls[members, 0], codes[members], level=level
            )
        totals = (float(x) for x in (asked, rated, refused, invalid))
        rows.append((attribute, value, len(members), *totals, *rates))
    return pd.DataFrame(rows, columns=COLUMNS)


def rate_interval(
    hits: Floats, trials: Floats, clusters: NDArray[np.intp], *, level: float = 0.95
) -> tuple[float, float, float]:
    """Estimate a rate with a Wilson interval that knows the calls of a persona are alike.

    The number of calls is divided by the design effect, the cluster-robust variance of the rate
    over its binomial variance, and Wilson's formula uses that and a t quantile with G - 1 degrees
    of freedom (Korn & Graubard 1998, Survey Methodology 24:193-201, there with Clopper-Pearson).
    A rate of exactly 0 or 1 says nothing about the design effect; then every cluster counts once,
    the most careful choice. At nominal 95 % it covered 91 to 99 % in simulations from 20 to 300
    personas of 20 calls, and 85 % in the hardest case: 60 personas, a rate of 1 %, calls of a
    persona strongly alike.

    Args:
        hits: Calls with the outcome per sample, `[n]`.
        trials: Calls asked per sample, `[n]`.
        clusters: Label per sample, `[n]`.
        level: Confidence level.

    Returns:
        Rate, lower and upper end, shares of the trials; NaN without trials, an interval of 0 to 1
        with a single cluster.
    """
    summed = cluster_sums(np.stack([hits, trials], axis=1), clusters).sums
    asked = summed[:, 1] > 0
    data = cluster_sums(summed[asked, 0])
    estimate = estimate_mean(data._replace(counts=summed[asked, 1:]))
    rate, n_clusters = float(estimate.mean[0]), int(asked.sum())
    if n_clusters == 0:
        return (float("nan"),) * 3
    if n_clusters == 1:
        return rate, 0.0, 1.0
    size = float(n_clusters)
    if estimate.se[0] > 0 and 0 < rate < 1:
        total = float(summed[asked, 1].sum())
        size = min(rate * (1 - rate) / float(estimate.se[0]) ** 2, total)
    z = float(student_t.ppf(0.5 + level / 2, n_clusters - 1))
    return rate, *wilson_interval(rate, size, z)


def _require_balance(frame: pd.DataFrame, calls: Floats) -> None:
    gap = calls[:, 0] - calls[:, 1:].sum(axis=1)
    wrong = frame.loc[~(np.abs(gap) < 1e-6), "sample_id"].astype(str).tolist()
    if wrong:
        shown = ", ".join(wrong[:5]) + (", ..." if len(wrong) > 5 else "")
        raise InputError(
            f"persona frame: rated + refused + invalid is not asked in {len(wrong)} of "
            f"{len(frame)} samples: {shown}; calls were lost, score the log again or report it"
        )
