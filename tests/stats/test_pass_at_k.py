from math import comb

import numpy as np
import pytest
from critique_studies import attempts, frame_of
from inspect_ai.scorer import Score, pass_at
from statsmodels.duration.survfunc import SurvfuncRight

from pluralens.errors import InputError
from pluralens.stats.pass_at_k import (
    attempt_survival,
    pass_all_k,
    pass_at_k,
    pass_by_person,
    pass_curve,
    restricted_mean,
)

N = np.array([n for n in range(1, 9) for _ in range(n + 1)])
C = np.array([c for n in range(1, 9) for c in range(n + 1)])


def test_against_binomial_coefficients() -> None:
    some, every = pass_at_k(N, C, 9), pass_all_k(N, C, 9)
    for row, (n, c) in enumerate(zip(N.tolist(), C.tolist(), strict=True)):
        for k in range(1, 10):
            if k > n:
                assert np.isnan(some[row, k - 1]) and np.isnan(every[row, k - 1])
                continue
            assert some[row, k - 1] == pytest.approx(1 - comb(n - c, k) / comb(n, k))
            assert every[row, k - 1] == pytest.approx(comb(c, k) / comb(n, k))


@pytest.mark.parametrize("k", [1, 3, 8])
def test_against_inspect(k: int) -> None:
    for c in range(9):
        reduced = pass_at(k)([Score(value=float(i < c)) for i in range(8)]).value
        assert pass_at_k([8], [c], k)[0, k - 1] == pytest.approx(reduced)


def test_many_attempts_do_not_overflow() -> None:
    found = pass_at_k([10_000], [3], 5_000)[0]
    exact = [1 - comb(9_997, k) / comb(10_000, k) for k in (1, 100, 5_000)]
    np.testing.assert_allclose(found[[0, 99, 4_999]], exact)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(InputError, match="more successes than attempts"):
        pass_at_k([3], [4], 2)


def censored(seed: int, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    limit, first = rng.integers(3, 17, n), rng.geometric(rng.uniform(0.02, 0.6, n))
    return np.minimum(limit, first), first <= limit


@pytest.mark.parametrize("seed", range(4))
def test_survival_against_statsmodels(seed: int) -> None:
    time, success = censored(seed)
    oracle = SurvfuncRight(time, success.astype(int))
    expected = [
        np.append(1.0, oracle.surv_prob)[np.searchsorted(oracle.surv_times, t, side="right")]
        for t in range(17)
    ]
    np.testing.assert_allclose(attempt_survival(time, success, 16), expected)


@pytest.mark.parametrize("seed", range(3))
def test_restricted_mean_and_its_pseudo_values_by_leaving_out(seed: int) -> None:
    time, success = censored(seed)
    mean, parts = restricted_mean(time, success, 16)
    assert mean == pytest.approx(attempt_survival(time, success, 16)[:-1].sum())
    for i in (0, 7, 39):
        kept = np.arange(40) != i
        without = attempt_survival(time[kept], success[kept], 16)[:-1].sum()
        assert parts[i] == pytest.approx(40 * mean - 39 * without)


def test_without_early_censoring_it_is_the_plain_mean() -> None:
    first = np.random.default_rng(0).geometric(0.1, 50)
    time = np.minimum(first, 16)
    mean, parts = restricted_mean(time, first <= 16, 16)
    assert mean == pytest.approx(time.mean())
    np.testing.assert_allclose(parts, time)


def test_curve_of_a_study() -> None:
    frame = attempts(np.random.default_rng(0), pairs=40, questions=20, n=5)
    found = pass_curve(frame.sample(frac=1, random_state=0))
    hits = frame["accepted"].to_numpy().reshape(40, 5)
    c = hits.sum(axis=1)
    np.testing.assert_allclose(found.curve["pass_at_k"], pass_at_k([5] * 40, c, 5).mean(axis=0))
    np.testing.assert_allclose(found.curve["pass_all_k"], pass_all_k([5] * 40, c, 5).mean(axis=0))
    assert found.curve["pass_at_k"].iloc[0] == found.curve["pass_all_k"].iloc[0]
    assert found.curve["pass_at_k"].is_monotonic_increasing
    assert found.curve["pass_all_k"].is_monotonic_decreasing
    assert (found.curve["ci_low"] < found.curve["pass_at_k"]).all()
    assert (found.curve["pass_at_k"] <= found.curve["ci_high"]).all()
    first = np.where(c > 0, hits.argmax(axis=1) + 1, 5)
    assert found.mean_attempts == pytest.approx(first.mean())
    assert 1 <= found.mean_low < found.mean_attempts < found.mean_high <= 5
    assert found.never == pytest.approx((c == 0).mean())
    assert found.survival[-1] == pytest.approx(found.never)
    assert (found.horizon, found.n_pairs, found.n_unscored) == (5, 40, 0)


def test_attempts_without_verdict_are_left_out() -> None:
    """Pair 0: not, unscored, accepted -> success at its second attempt; pair 1: no verdict."""
    frame = frame_of(
        np.repeat([0, 1, 2], 3),
        np.repeat([0, 1, 2], 3),
        np.array([0, np.nan, 1, np.nan, np.nan, np.nan, 0.5, 0, 0]),
        epoch=[1, 2, 3] * 3,
    )
    found = pass_curve(frame)
    assert (found.n_pairs, found.n_unscored, found.horizon) == (2, 4, 3)
    assert found.curve["n_pairs"].tolist() == [2, 2, 1]
    np.testing.assert_allclose(found.curve["pass_at_k"], [0.25, 0.5, 0.0])
    assert found.survival.tolist() == [1.0, 1.0, 0.5, 0.5] and found.never == 0.5


def test_refusals_and_nothing() -> None:
    frame = attempts(np.random.default_rng(0), pairs=4, questions=4, n=2)
    with pytest.raises(InputError, match=r"has attempt 1 more than once"):
        pass_curve(frame.assign(epoch=1))
    with pytest.raises(InputError, match="several arms"):
        pass_curve(frame.assign(arm=["full", "none"] * 4))
    found = pass_curve(frame.assign(accepted=np.nan))
    assert len(found.curve) == 0 and np.isnan(found.mean_attempts) and found.n_unscored == 8


def test_each_person_by_hand() -> None:
    """Person 0: 1 of 3 and 3 of 3; person 1: 0 of 2, and one attempt without verdict."""
    frame = frame_of(
        np.repeat([0, 1, 2], 3),
        np.repeat([0, 0, 1], 3),
        np.array([0, 1, 0, 1, 1, 1, 0, np.nan, 0]),
        epoch=[1, 2, 3] * 3,
    )
    table = pass_by_person(frame, 2).set_index("persona_id")
    assert table.loc[0].to_list() == pytest.approx([2, 6, 4, (2 / 3 + 1) / 2, 0.5, 0])
    assert table.loc[1].to_list() == pytest.approx([1, 2, 0, 0, 0, 1])
    assert np.isnan(pass_by_person(frame, 3).set_index("persona_id")["pass_at_k"][1])
    assert len(pass_by_person(frame.assign(accepted=np.nan), 2)) == 0
    with pytest.raises(InputError, match="no number of attempts"):
        pass_by_person(frame, 0)
