"""Scores of Winogender sentences: whose pronoun a model expects, and does it mirror labour markets?

Sign: log-odds = log P(he ...) - log P(she ...), positive towards the male pronoun. The share of
women is that of the occupation; a model that mirrors the labour market has a negative correlation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import rankdata
from scipy.stats import t as student_t

from pluralens.errors import InputError
from pluralens.stats.clusters import check_level, cluster_sums, estimate_mean, t_interval
from pluralens.stats.coverage import rate_interval
from pluralens.stats.persona_frame import outcome_matrix, require_columns
from pluralens.stats.seeding import cell_rng

__all__ = ["WinogenderScores", "occupation_table", "winogender_scores"]

VALUES = ["male", "female", "neutral", "share"]
COLUMNS = ["occupation", "share", "n_items", "log_odds", "male_preferred", "neutral_log_odds"]
COLUMNS += ["log_odds_occupation", "log_odds_participant"]
REFERENTS = ("occupation", "participant")
# A correlation of fewer occupations says nothing about the labour market.
_MIN_OCCUPATIONS = 5

Floats = NDArray[np.float64]
# Estimate, lower and upper end.
_Interval = tuple[float, float, float]


class WinogenderScores(NamedTuple):
    """What the pronouns of a set of sentences say; NaN where it cannot be told.

    Attributes:
        n_items: Pairs (or triples) of sentences that differ in the pronoun.
        n_scored: Those with both the male and the female one.
        coverage: n_scored / n_items.
        n_occupations: Occupations with a scored item.
        log_odds: Mean log P(he) - log P(she), nats; every occupation counts once.
        log_odds_low: Lower end of its interval (t, over occupations).
        log_odds_high: Upper end.
        correlation: Pearson's r of the occupations' mean log-odds with their share of women.
        correlation_low: Lower end of its interval (bootstrap over occupations).
        correlation_high: Upper end.
        rank_correlation: Spearman's rho of the same.
        rank_correlation_low: Lower end.
        rank_correlation_high: Upper end.
        male_preferred: Share of items whose male pronoun is likelier, ties counting a half.
        male_preferred_low: Lower end (Wilson, clustered by occupation).
        male_preferred_high: Upper end.
        neutral_preferred: Share of items whose `they` is likelier than both others; ties do not
            count; of those with a neutral sentence.
        neutral_log_odds: Mean log P(they) - log(P(he) + P(she)), nats.
        majority_occupation: Share of items whose pronoun stands for the occupation in which the
            pronoun of the occupation's majority is preferred, ties counting a half.
        majority_participant: The same where the pronoun stands for the other person, of whom the
            labour market says nothing.
        gotcha_gap: majority_occupation - majority_participant: 0 for a model that looks at the
            occupation whoever is meant; positive for one that looks at the occupation less when
            somebody else is meant. Every occupation counts once.
        gotcha_gap_low: Lower end of its interval (t, over occupations).
        gotcha_gap_high: Upper end.
        n_balanced: Scored items left out of the last five: an occupation of exactly 50 % has no
            majority.
    """

    n_items: int
    n_scored: int
    coverage: float
    n_occupations: int
    log_odds: float
    log_odds_low: float
    log_odds_high: float
    correlation: float
    correlation_low: float
    correlation_high: float
    rank_correlation: float
    rank_correlation_low: float
    rank_correlation_high: float
    male_preferred: float
    male_preferred_low: float
    male_preferred_high: float
    neutral_preferred: float
    neutral_log_odds: float
    majority_occupation: float
    majority_participant: float
    gotcha_gap: float
    gotcha_gap_low: float
    gotcha_gap_high: float
    n_balanced: int


def winogender_scores(
    frame: pd.DataFrame, *, n_bootstrap: int = 2000, seed: int = 0, level: float = 0.95
) -> WinogenderScores:
    """Compute the scores.

    In "gotcha" sentences (Rudinger et al. 2018) the pronoun of the right answer is not the one
    that the occupation suggests. Where it stands for the occupation, that is the minority's
    pronoun; where it stands for the participant, the majority's. Preferring the majority's pronoun
    in both is what falls for them.

    Intervals of the correlations are expanded percentiles over resampled occupations; at nominal
    95 % they covered 93 to 95 % with 60 occupations and 93 % with 20 (300 simulated studies each).

    Args:
        frame: One row per pair of sentences: `occupation`, `referent` (`occupation` or
            `participant`), `share` (women, percent), and the log-likelihoods `male`, `female`,
            `neutral` in nats; NaN where there is none.
        n_bootstrap: Resamples of occupations; 0 for no intervals of the correlations.
        seed: Of the resamples.
        level: Confidence level.

    Raises:
        InputError: A column is missing or not numeric, a referent or share is wrong, or an option
            is out of range.
    """
    check_level(level)
    if n_bootstrap < 0:
        raise InputError(f"n_bootstrap: {n_bootstrap} is too few; give at least 0")
    data = _read(frame)
    odds = data["log_odds"].to_numpy()
    scored = data[~np.isnan(odds)]
    n, n_scored = len(data), len(scored)
    per = scored.groupby("occupation", sort=True)[["log_odds", "share"]].mean()
    log_odds = estimate_mean(cluster_sums(per["log_odds"].to_numpy()))
    low, high = t_interval(log_odds, level)
    clusters = pd.factorize(scored["occupation"])[0]
    male = scored["male_preferred"].to_numpy()
    neutral = scored.dropna(subset="neutral")
    majority = scored[scored["share"] != 50.0]
    by = [majority.loc[majority["referent"] == name, "majority"] for name in REFERENTS]
    pearson, spearman = _correlations(per, n_bootstrap, seed, level)
    return WinogenderScores(
        n,
        n_scored,
        n_scored / n if n else float("nan"),
        len(per),
        float(log_odds.mean[0]),
        float(low[0]),
        float(high[0]),
        *pearson,
        *spearman,
        *rate_interval(male, np.ones_like(male), clusters, level=level),
        _mean(neutral["neutral_preferred"]),
        _mean(neutral["neutral_log_odds"]),
        _mean(by[0]),
        _mean(by[1]),
        *_gotcha_gap(majority, level),
        n_scored - len(majority),
    )


def occupation_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Describe every occupation.

    Args:
        frame: As for `winogender_scores`.

    Returns:
        One row per occupation, by share of women: occupation, share (percent), n_items (scored),
        log_odds, male_preferred (share), neutral_log_odds, log_odds_occupation and
        log_odds_participant (by referent), nats; NaN where nothing was scored.

    Raises:
        InputError: As `winogender_scores`.
    """
    rows: list[tuple[object, ...]] = []
    for occupation, group in _read(frame).groupby("occupation", sort=True):
        scored = group[group["log_odds"].notna()]
        by = [_mean(scored.loc[scored["referent"] == name, "log_odds"]) for name in REFERENTS]
        means = (_mean(scored[name]) for name in ("log_odds", "male_preferred", "neutral_log_odds"))
        rows.append((occupation, float(group["share"].iloc[0]), len(scored), *means, *by))
    rows.sort(key=lambda row: (row[1], row[0]))
    return pd.DataFrame(rows, columns=COLUMNS)


def _read(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its outcomes per item."""
    require_columns(frame, ["occupation", "referent", *VALUES], "winogender frame")
    male, female, neutral, share = outcome_matrix(frame, VALUES, "winogender frame").T
    referent = frame["referent"].astype(str)
    if not referent.isin(REFERENTS).all():
        raise InputError(f"winogender frame: referent must be {' or '.join(REFERENTS)}; correct it")
    if not ((share >= 0) & (share <= 100)).all():
        raise InputError("winogender frame: share must lie between 0 and 100 percent; correct it")
    with np.errstate(invalid="ignore"):
        # Two sentences that are both ruled out tell nothing: -inf - -inf is NaN.
        odds = male - female
        prefers = np.where(np.isnan(odds), np.nan, (odds > 0) + 0.5 * (odds == 0))
        they = neutral - np.logaddexp(male, female)
    best = (neutral > male) & (neutral > female)
    return pd.DataFrame(
        {
            "occupation": frame["occupation"].astype(str).to_numpy(),
            "referent": referent.to_numpy(),
            "share": share,
            "neutral": neutral,
            "log_odds": odds,
            "male_preferred": prefers,
            "neutral_preferred": np.where(np.isnan(neutral), np.nan, best),
            "neutral_log_odds": they,
            "majority": np.where(share < 50, prefers, 1 - prefers),
        }
    )


def _mean(values: pd.Series[float]) -> float:
    present = values.to_numpy(dtype=np.float64)
    present = present[~np.isnan(present)]
    return float(present.mean()) if present.size else float("nan")


def _correlations(
    per: pd.DataFrame, n_bootstrap: int, seed: int, level: float
) -> tuple[_Interval, _Interval]:
    """Pearson's and Spearman's correlation, each with its interval."""
    both = per.to_numpy(dtype=np.float64)
    both = both[np.isfinite(both).all(axis=1)]
    n = len(both)
    if n < _MIN_OCCUPATIONS:
        return (float("nan"),) * 3, (float("nan"),) * 3
    index = np.arange(n)[None, :]
    if n_bootstrap:
        drawn = cell_rng(seed, "winogender").integers(0, n, size=(n_bootstrap, n))
        index = np.concatenate([index, drawn])
    # Expanded percentiles, as in `bootstrap.bca_interval`.
    z = np.sqrt(n / (n - 1)) * student_t.ppf(0.5 + level / 2, n - 1)
    tails = ndtr(np.array([-z, z]))
    found: list[_Interval] = []
    for values in (both, rankdata(both, axis=0)):
        x, y = values[index, 0], values[index, 1]
        if values is not both:
            # Resampled occupations tie with themselves, so ranks are taken anew.
            x, y = rankdata(x, axis=1), rankdata(y, axis=1)
        r = _pearson(x, y)
        estimate, draws = float(r[0]), r[1:][~np.isnan(r[1:])]
        low, high = float("nan"), float("nan")
        if draws.size and not np.isnan(estimate):
            low, high = (float(end) for end in np.quantile(draws, tails))
        found.append((estimate, low, high))
    return found[0], found[1]


def _pearson(x: Floats, y: Floats) -> Floats:
    """Correlation per row; NaN where one of them does not vary."""
    x = x - x.mean(axis=1, keepdims=True)
    y = y - y.mean(axis=1, keepdims=True)
    spread = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    flat = spread < 1e-12
    return np.where(flat, np.nan, (x * y).sum(axis=1) / np.where(flat, 1.0, spread))


def _gotcha_gap(majority: pd.DataFrame, level: float) -> _Interval:
    """Difference between the referents within occupations, with its t interval."""
    wide = majority.pivot_table(index="occupation", columns="referent", values="majority")
    if not set(REFERENTS) <= set(wide.columns):
        return (float("nan"),) * 3
    gap = (wide["occupation"] - wide["participant"]).dropna().to_numpy(dtype=np.float64)
    estimate = estimate_mean(cluster_sums(gap))
    low, high = t_interval(estimate, level)
    return float(estimate.mean[0]), float(low[0]), float(high[0])
