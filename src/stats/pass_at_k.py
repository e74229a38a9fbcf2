"""What several independent attempts at the same question and person are worth.

pass@k: at least one of k attempts is accepted; pass^k: all k are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pluralens.errors import InputError
from pluralens.stats.clusters import check_level
from pluralens.stats.padded_shares import ShareGroup, padded_share
from pluralens.stats.persona_frame import outcome_matrix, require_columns
from pluralens.stats.two_way_clusters import two_way_mean

__all__ = ["Attempts", "attempt_survival", "pass_all_k", "pass_at_k", "pass_by_person"]
__all__ += ["pass_curve", "restricted_mean"]

CURVE = ["k", "pass_at_k", "ci_low", "ci_high", "pass_all_k", "all_low", "all_high", "n_pairs"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class Attempts(NamedTuple):
    """The attempts of one model.

    Attributes:
        curve: One row per k from 1 to the most attempts of a pair: k, pass_at_k, ci_low, ci_high,
            pass_all_k, all_low, all_high, n_pairs (with k attempts or more).
        mean_attempts: Attempts until the first success, counted up to `horizon` (restricted mean).
        mean_low: Lower end of its interval.
        mean_high: Upper end.
        never: Share of pairs without any success.
        never_low: Lower end of its interval.
        never_high: Upper end.
        horizon: Most attempts of a pair.
        n_pairs: Pairs with an attempt that has a verdict.
        n_unscored: Attempts without verdict, left out.
        survival: `attempt_survival`: share of pairs without success after t = 0 .. horizon
            attempts.
    """

    curve: pd.DataFrame
    mean_attempts: float
    mean_low: float
    mean_high: float
    never: float
    never_low: float
    never_high: float
    horizon: int
    n_pairs: int
    n_unscored: int
    survival: Floats


def pass_at_k(n: ArrayLike, c: ArrayLike, k_max: int) -> Floats:
    """Unbiased pass@k of each pair: 1 - C(n - c, k) / C(n, k).

    (Chen et al. 2021, arXiv:2107.03374, eq. 1), as a product of k ratios no larger than 1, which
    neither overflows nor cancels.

    Args:
        n: Attempts per pair, `[n_pairs]`.
        c: Accepted ones among them.
        k_max: Largest k.

    Returns:
        `[n_pairs, k_max]` for k = 1 .. k_max; NaN where k > n.
    """
    attempts, accepted = _counts(n, c)
    return 1.0 - _all_of(attempts, attempts - accepted, k_max)


def pass_all_k(n: ArrayLike, c: ArrayLike, k_max: int) -> Floats:
    """Unbiased pass^k of each pair: C(c, k) / C(n, k), the chance that all k attempts succeed.

    Args:
        n: Attempts per pair, `[n_pairs]`.
        c: Accepted ones among them.
        k_max: Largest k.

    Returns:
        `[n_pairs, k_max]` for k = 1 .. k_max; NaN where k > n.
    """
    attempts, accepted = _counts(n, c)
    return _all_of(attempts, accepted, k_max)


def attempt_survival(time: ArrayLike, success: ArrayLike, horizon: int) -> Floats:
    """Kaplan-Meier estimate of the share of pairs without success after t attempts.

    S(t) = product over s <= t of 1 - (first successes at s) / (pairs still trying at s). A pair
    whose attempts ran out is censored after its last one.

    Args:
        time: Number of the first success, or of attempts where there is none, `[n_pairs]`, from 1.
        success: Whether it is a success.
        horizon: Largest t.

    Returns:
        `[horizon + 1]` for t = 0 .. horizon; 1 at 0.
    """
    events, risk = _life_table(time, success, horizon)
    with np.errstate(invalid="ignore", divide="ignore"):
        hazard = np.where(risk > 0, events / risk, 0.0)
    return np.concatenate([[1.0], np.cumprod(1.0 - hazard)])


def restricted_mean(time: ArrayLike, success: ArrayLike, horizon: int) -> tuple[float, Floats]:
    """Mean of min(attempts until the first success, horizon), and each pair's part in it.

    The mean is the sum of S(t) over t = 0 .. horizon - 1. The parts are jackknife pseudo-values
    (Andersen, Hansen & Klein 2004, Lifetime Data Anal. 10:335-350), whose mean has the estimate's
    variance; where every pair had `horizon` attempts they are min(time, horizon) themselves.

    Args:
        time: As for `attempt_survival`.
        success: As for `attempt_survival`.
        horizon: Attempts at which counting stops.

    Returns:
        Restricted mean (attempts) and pseudo-values, `[n_pairs]`.
    """
    events, risk = _life_table(time, success, horizon)
    at, hit = np.asarray(time, dtype=np.int64), np.asarray(success, dtype=bool)
    steps = np.arange(1, horizon + 1)

    def mean(e: Floats, r: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            hazard = np.where(r > 0, e / r, 0.0)
        survival = np.cumprod(1.0 - hazard, axis=-1)
        return np.asarray(1.0 + survival[..., :-1].sum(axis=-1))

    whole = float(mean(events, risk))
    own_event = (at[:, None] == steps) & hit[:, None]
    left_out = mean(events - own_event, risk - (at[:, None] >= steps))
    return whole, at.size * whole - (at.size - 1) * left_out


def pass_curve(frame: pd.DataFrame, *, level: float = 0.95) -> Attempts:
    """Estimate pass@k, pass^k and the attempts until the first success.

    Each pair's unbiased estimates are averaged over pairs, with intervals of `padded_share`: pairs
    are alike if they share the question or the person. Attempts are the epochs in their order;
    those without verdict are left out, and an attempt with a tie (0.5) is no success.

    In 500 simulated studies of 150 pairs over 60 questions with 16 attempts, at five base rates and
    spreads, the intervals of pass@k and pass^k covered 93 to 98 % where the truth lies between 0.02
    and 0.98 and more beyond. There, Wilson intervals and a bootstrap over persons covered half and
    less, as the few pairs that make the difference may not be in the sample.

    Args:
        frame: Critique frame, one arm.
        level: Confidence level.

    Returns:
        Estimates; NaN without verdicts.

    Raises:
        InputError: An attempt occurs twice, there are several arms, or `level` is out of range.
    """
    check_level(level)
    counted = _by_pair(frame)
    n, c, first = counted.n, counted.c, counted.first
    if n.size == 0:
        curve = pd.DataFrame(columns=CURVE, dtype=float)
        return Attempts(curve, *(float("nan"),) * 6, 0, 0, counted.n_unscored, np.ones(1))
    horizon = int(n.max())
    some, every = pass_at_k(n, c, horizon), pass_all_k(n, c, horizon)
    rows = []
    for k in range(horizon):
        enough = n > k
        who = counted.questions[enough], counted.persons[enough]
        ends = [padded_share(ShareGroup(x[enough, k], *who), level=level) for x in (some, every)]
        rows.append((k + 1, *ends[0][:3], *ends[1][:3], int(enough.sum())))
    who = counted.questions, counted.persons
    attempts, pseudo = restricted_mean(first, c > 0, horizon)
    spread = two_way_mean(pseudo, *who, share=False, level=level)
    low = max(1.0, attempts - (spread.mean - spread.ci_low))
    high = min(float(horizon), attempts + (spread.ci_high - spread.mean))
    never = two_way_mean(c == 0, *who, level=level)
    return Attempts(
        pd.DataFrame(rows, columns=CURVE),
        *(attempts, low, high),
        *(never.mean, never.ci_low, never.ci_high),
        horizon,
        len(n),
        counted.n_unscored,
        attempt_survival(first, c > 0, horizon),
    )


def pass_by_person(frame: pd.DataFrame, k: int) -> pd.DataFrame:
    """Describe how each person fares, without intervals: there are few pairs per person.

    Args:
        frame: As for `pass_curve`.
        k: Number of attempts, 1 or more.

    Returns:
        One row per person with a verdict, by first appearance of their pairs' names: persona_id,
        n_pairs, n_attempts, n_accepted, pass_at_k, pass_all_k (means over the person's pairs with k
        attempts; NaN without one), n_never (pairs without success).

    Raises:
        InputError: As for `pass_curve`, or `k` is less than 1.
    """
    if k < 1:
        raise InputError(f"k: {k} is no number of attempts; give 1 or more")
    counted = _by_pair(frame)
    table = pd.DataFrame(
        {
            "persona_id": counted.persons,
            "n_pairs": 1,
            "n_attempts": counted.n,
            "n_accepted": counted.c,
            "pass_at_k": pass_at_k(counted.n, counted.c, k)[:, k - 1],
            "pass_all_k": pass_all_k(counted.n, counted.c, k)[:, k - 1],
            "n_never": (counted.c == 0).astype(np.int64),
        }
    )
    how = {name: "mean" if name.startswith("pass") else "sum" for name in table.columns[1:]}
    return table.groupby("persona_id", sort=False, as_index=False).agg(how)


class _Pairs(NamedTuple):
    """Attempts n, successes c and attempts until the first success (or n) of each pair."""

    n: Counts
    c: Counts
    first: Counts
    questions: NDArray[np.object_]
    persons: NDArray[np.object_]
    n_unscored: int


def _by_pair(frame: pd.DataFrame) -> _Pairs:
    """Count each pair's attempts with a verdict; pairs without any are left out."""
    where = "critique frame"
    require_columns(frame, ["pair", "arm", "epoch", "question_id", "persona_id"], where)
    values = outcome_matrix(frame, ["accepted"], where)[:, 0]
    if frame["arm"].nunique() > 1:
        raise InputError(f"{where}: attempts of several arms; keep the rows of one arm")
    repeated = frame.duplicated(["pair", "epoch"])
    if repeated.any():
        row = frame[repeated].iloc[0]
        raise InputError(
            f"{where}: pair {row['pair']} has attempt {row['epoch']} more than once; give the "
            "samples of one run, each once"
        )
    scored = frame.assign(success=values >= 1)[~np.isnan(values)]
    ordered = scored.sort_values(["pair", "epoch"], kind="stable")
    pairs = pd.factorize(ordered["pair"].astype(str))[0]
    n = np.bincount(pairs)
    success = ordered["success"].to_numpy(dtype=bool)
    starts = np.concatenate([[0], np.cumsum(n)])[: n.size].astype(np.int64)
    number = np.arange(len(pairs)) - np.repeat(starts, n) + 1
    until = np.where(success, number, np.repeat(n, n))
    return _Pairs(
        n,
        np.bincount(pairs, weights=success).astype(np.int64),
        np.minimum.reduceat(until, starts) if n.size else n,
        ordered["question_id"].to_numpy(dtype=object)[starts],
        ordered["persona_id"].to_numpy(dtype=object)[starts],
        int(np.isnan(values).sum()),
    )


def _counts(n: ArrayLike, c: ArrayLike) -> tuple[Counts, Counts]:
    attempts, accepted = np.asarray(n, dtype=np.int64), np.asarray(c, dtype=np.int64)
    if (accepted < 0).any() or (accepted > attempts).any():
        raise InputError(
            "pass@k: more successes than attempts, or fewer than 0; correct the counts"
        )
    return attempts, accepted


def _all_of(n: Counts, c: Counts, k_max: int) -> Floats:
    """C(c, k) / C(n, k) for k = 1 .. k_max, `[n_pairs, k_max]`."""
    step = np.arange(k_max)
    left = n[:, None] - step
    ratios = np.maximum(c[:, None] - step, 0) / np.maximum(left, 1)
    return np.where(left > 0, np.cumprod(ratios, axis=1), np.nan)


def _life_table(time: ArrayLike, success: ArrayLike, horizon: int) -> tuple[Floats, Floats]:
    """First successes at, and pairs still trying at, attempts 1 .. horizon."""
    at, hit = np.asarray(time, dtype=np.int64), np.asarray(success, dtype=bool)
    steps = np.arange(1, horizon + 1)
    events = np.bincount(at[hit], minlength=horizon + 1)[1 : horizon + 1]
    return events.astype(np.float64), (at[:, None] >= steps).sum(axis=0).astype(np.float64)
