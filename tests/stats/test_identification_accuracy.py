import numpy as np
import pandas as pd
import pytest
from critique_studies import comparisons
from scipy.stats import norm

from pluralens.errors import InputError
from pluralens.stats.identification import identification
from pluralens.stats.two_way_clusters import two_way_mean


def study(sensitivity: float = 0.5, bias: float = 0.4, n: int = 120) -> pd.DataFrame:
    return comparisons(np.random.default_rng(0), sensitivity, bias, n=n, questions=40, persons=90)


def test_shares_and_intervals() -> None:
    frame = study()
    found = identification(frame)
    people = frame[["persona_id", "persona_id_second"]].to_numpy()
    for name, got in (
        ("identified", (found.accuracy, found.ci_low, found.ci_high)),
        ("first_chosen", (found.first_chosen, found.first_low, found.first_high)),
        ("consistent", (found.consistent, found.consistent_low, found.consistent_high)),
    ):
        expected = two_way_mean(frame[name], frame["question_id"], people)
        assert got == pytest.approx((expected.mean, expected.ci_low, expected.ci_high))
    assert (found.n, found.n_left_out) == (120, 0)


def test_bias_free_accuracy_by_hand() -> None:
    frame = study()
    found = identification(frame)
    # Two targets per comparison and order.
    rates = [(2 * frame[c].sum() + 0.5) / (2 * 120 + 1) for c in ("hits_first", "hits_second")]
    expected = norm.cdf(np.mean(norm.ppf(rates)))
    assert found.bias_free == pytest.approx(expected)
    assert found.accuracy < found.bias_free
    assert found.bias_free_low < found.bias_free < found.bias_free_high


def test_bias_free_interval_against_a_bootstrap() -> None:
    """Comparisons of persons and questions of their own, resampled one by one."""
    rng = np.random.default_rng(1)
    frame = study(n=200).assign(question_id=np.arange(200), persona_id=np.arange(200))
    frame["persona_id_second"] = 1000 + np.arange(200)
    found = identification(frame)
    hits = frame[["hits_first", "hits_second"]].to_numpy()
    rates = (2 * hits[rng.integers(0, 200, (4000, 200))].sum(axis=1) + 0.5) / 401
    low, high = np.quantile(norm.cdf(norm.ppf(rates).mean(axis=1)), [0.025, 0.975])
    assert (found.bias_free_low, found.bias_free_high) == pytest.approx((low, high), abs=0.01)


@pytest.mark.parametrize("seed", range(8))
def test_p_says_what_the_interval_says(seed: int) -> None:
    found = identification(comparisons(np.random.default_rng(seed), 0.12, 0.3, n=100))
    assert (found.p < 0.05) == (not found.ci_low <= 0.5 <= found.ci_high)


def test_a_critic_that_looks_at_the_place_alone_identifies_nobody() -> None:
    frame = study(0.0, 100.0)
    found = identification(frame)
    assert found.accuracy == 0.5 and found.p == 1 and found.consistent == 0
    assert found.first_chosen == 1 and found.first_low > 0.8
    assert found.bias_free == pytest.approx(0.5)


def test_a_critic_that_is_always_right() -> None:
    found = identification(study(100.0, 0.0))
    assert found.accuracy == found.consistent == 1 and found.p < 1e-6 and found.ci_low > 0.8


def test_comparisons_without_all_verdicts_are_left_out() -> None:
    frame = study()
    holes = frame.copy()
    holes.loc[:19, "identified"] = np.nan
    found = identification(holes)
    assert (found.n, found.n_left_out) == (100, 20)
    assert found == identification(frame[20:])._replace(n_left_out=20)
    few = identification(frame[:4])
    assert np.isnan(few.accuracy) and np.isnan(few.bias_free) and few.n == 4
    with pytest.raises(InputError, match="min_n"):
        identification(frame, min_n=1)
