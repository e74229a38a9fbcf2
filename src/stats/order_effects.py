"""Order effects: does a model answer the reversed scale as it answers the normal one?

A consistent model gives raw + raw_reversed = 6. Sign: a positive order bias means numbers that are
too large whatever they stand for, a negative one numbers that are too small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau, pearsonr, spearmanr

from pluralens.stats.clusters import check_level, cluster_sums, estimate_mean, t_interval
from pluralens.stats.kappa import quadratic_weighted_kappa
from pluralens.stats.likert_scale import SCALE_MAX, SCALE_MIN, SCALE_SUM
from pluralens.stats.persona_frame import outcome_matrix, require_columns

__all__ = ["order_effects"]

COLUMNS = ["scope", "name", "n_pairs", "n_personas", "exact_rate", "mae", "order_bias", "ci_low"]
COLUMNS += ["ci_high", "within_one_rate", "pearson", "spearman", "kendall", "weighted_kappa"]
COLUMNS += ["extreme_rate", "midpoint_rate", "sd_raw"]

Floats = NDArray[np.float64]

# Expected ratings are fractions, for which sums carry rounding.
_ROUNDING = 1e-9


def order_effects(ratings: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Compare the two answers to the same item in both orders, over all dual answers.

    With d = raw + raw_reversed - 6: exact_rate = share of d = 0; mae = mean |d|, the distance of
    the mirrored ratings; within_one_rate = share of |d| <= 1; order_bias = mean over personas of
    their mean d, with a t interval over personas. pearson, spearman, kendall (tau-b) and
    weighted_kappa (quadratic) compare raw with 6 - raw_reversed. extreme_rate (1 or 5),
    midpoint_rate (3) and sd_raw describe the numbers as written, both orders together.

    Args:
        ratings: One row per persona and item: `sample_id`, `item`, `dimension`, and `raw`,
            `raw_reversed` in scale points, NaN for none. Rows with only one answer do not count.
        level: Confidence level.

    Returns:
        One row for everything (scope "all", name ""), per dimension (scope "dimension") and per
        item (scope "item"), in order of appearance: scope, name, n_pairs (dual answers), n_personas
        and the statistics above; NaN where there is nothing to compute from, for correlations also
        where one order has a single number.

    Raises:
        InputError: A column is missing or not numeric, or `level` is not between 0 and 1.
    """
    check_level(level)
    require_columns(ratings, ["sample_id", "item", "dimension"], "ratings")
    answers = outcome_matrix(ratings, ["raw", "raw_reversed"], "ratings")
    dual = np.isnan(answers).sum(axis=1) == 0
    personas = pd.factorize(ratings["sample_id"])[0]
    rows = []
    for scope, name, members in _scopes(ratings):
        chosen = members[dual[members]]
        rows.append((scope, name, *_statistics(answers[chosen], personas[chosen], level)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _scopes(ratings: pd.DataFrame) -> Iterator[tuple[str, str, NDArray[np.intp]]]:
    yield "all", "", np.arange(len(ratings), dtype=np.intp)
    for scope in ("dimension", "item"):
        for name, members in ratings.groupby(scope, sort=False, observed=True).indices.items():
            yield scope, str(name), np.asarray(members, dtype=np.intp)


def _statistics(answers: Floats, personas: NDArray[np.intp], level: float) -> Sequence[float | int]:
    if len(answers) == 0:
        return [0, 0] + [float("nan")] * (len(COLUMNS) - 4)
    raw, mirrored = answers[:, 0], SCALE_SUM - answers[:, 1]
    d = raw - mirrored
    per_persona = cluster_sums(d, personas)
    bias = estimate_mean(cluster_sums(per_persona.sums / per_persona.counts))
    low, high = t_interval(bias, level)
    extreme = (answers <= SCALE_MIN + _ROUNDING) | (answers >= SCALE_MAX - _ROUNDING)
    midpoint = np.abs(answers - SCALE_SUM / 2) <= _ROUNDING
    return [
        len(d),
        int(bias.n_clusters[0]),
        float((np.abs(d) <= _ROUNDING).mean()),
        float(np.abs(d).mean()),
        float(bias.mean[0]),
        float(low[0]),
        float(high[0]),
        float((np.abs(d) <= 1 + _ROUNDING).mean()),
        *_correlations(raw, mirrored),
        quadratic_weighted_kappa(raw, mirrored),
        float(extreme.mean()),
        float(midpoint.mean()),
        float(answers.std(ddof=1)),
    ]


def _correlations(raw: Floats, mirrored: Floats) -> tuple[float, float, float]:
    if np.ptp(raw) == 0 or np.ptp(mirrored) == 0:
        return (float("nan"),) * 3
    return (
        float(pearsonr(raw, mirrored).statistic),
        float(spearmanr(raw, mirrored).statistic),
        float(kendalltau(raw, mirrored).statistic),
    )
