import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import binomtest, ttest_1samp
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from pluralens.errors import InputError
from pluralens.stats.two_way_clusters import two_way_clusters, two_way_mean


def crossed(seed: int, n: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    question, person = rng.integers(0, 9, n), rng.integers(0, 14, n)
    values = rng.normal(size=9)[question] + rng.normal(size=14)[person] + rng.normal(size=n)
    return values, question, person


def shared(question: np.ndarray, persons: np.ndarray) -> np.ndarray:
    """Which answers share anything, `[n, n]`, by looking at every two of them."""
    same = question[:, None] == question
    for a in persons.T:
        for b in persons.T:
            same |= a[:, None] == b
    return same


@pytest.mark.parametrize("seed", range(5))
def test_against_statsmodels(seed: int) -> None:
    """Without statsmodels' corrections per direction, times ours for the direction with fewer."""
    values, question, person = crossed(seed)
    fit = sm.OLS(values, np.ones(values.size)).fit()
    both = cov_cluster_2groups(fit, question, person, use_correction=False)[0].item()
    found = two_way_mean(values, question, [f"p{x}" for x in person], share=False)
    assert found.mean == pytest.approx(fit.params[0])
    assert found.se == pytest.approx(np.sqrt(both * 9 / 8))
    assert (found.n, found.n_questions, found.n_persons) == (80, 9, 14)


@pytest.mark.parametrize("seed", range(5))
def test_two_persons_per_answer_against_all_pairs_of_answers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, question, _ = crossed(seed)
    persons = np.array([rng.permutation(12)[:2] for _ in values])
    e = (values - values.mean()) / values.size
    expected = e @ shared(question, persons) @ e * 9 / 8
    assert two_way_clusters(question, persons).variance(e) == pytest.approx(expected)
    turned = np.where(rng.random(values.size)[:, None] < 0.5, persons, persons[:, ::-1])
    assert two_way_clusters(question, turned).variance(e) == pytest.approx(expected)


def test_nothing_shared_is_the_textbook_interval() -> None:
    values, own = crossed(0)[0], np.arange(80)
    found = two_way_mean(values, own, own, share=False)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.ci_low, found.ci_high) == pytest.approx((expected.low, expected.high))
    hits = (values > 0.5).astype(float)
    found = two_way_mean(hits, own, own)
    # s^2 / n instead of p(1-p) / n: one answer fewer.
    wilson = binomtest(int(hits.sum()), 80).proportion_ci(method="wilson")
    assert (found.ci_low, found.ci_high) == pytest.approx((wilson.low, wilson.high), abs=2e-3)
    assert found.size == pytest.approx(79)


def test_repeated_answers_tell_nothing_new() -> None:
    values, question, person = crossed(1)
    once = two_way_mean(values > 0, question, person)
    five = two_way_mean(np.tile(values > 0, 5), np.tile(question, 5), np.tile(person, 5))
    assert five.se == pytest.approx(once.se)
    assert five.ci_high - five.ci_low == pytest.approx(once.ci_high - once.ci_low, rel=0.02)


def test_one_question_or_one_person_alone() -> None:
    values, _, person = crossed(2)
    same = np.zeros(values.size)
    by_person = cov_cluster_2groups(
        sm.OLS(values, np.ones(values.size)).fit(), person, person, use_correction=False
    )[1].item()
    found = two_way_mean(values, same, person, share=False)
    assert found.se == pytest.approx(np.sqrt(by_person * 14 / 13))
    assert two_way_mean(values, person, same, share=False).se == pytest.approx(found.se)
    alone = two_way_mean([1.0, 0.0, 1.0], [1, 1, 1], [2, 2, 2])
    assert np.isnan(alone.se) and (alone.ci_low, alone.ci_high) == (0, 1)


def test_a_variance_that_is_not_positive() -> None:
    """Questions and persons that cancel: the larger one-way sum takes its place."""
    values, question, person = [1.0, 0.0, 0.0, 1.0], [0, 0, 1, 1], [0, 1, 0, 1]
    e = (np.array(values) - 0.5) / 4
    assert e @ shared(np.array(question), np.array(person)[:, None]) @ e < 0
    found = two_way_mean(values, question, person)
    assert 0 < found.ci_low < 0.5 < found.ci_high < 1 and found.se == 0


def test_all_accepted_has_a_width_and_nothing_is_nan() -> None:
    own = np.arange(30)
    found = two_way_mean(np.ones(30), own, own)
    assert found.ci_high == 1 and found.ci_low == pytest.approx(30 / (30 + 1.96**2), abs=1e-3)
    assert np.isnan(two_way_mean([np.nan], [1], [1]).mean)
    assert two_way_mean([np.nan, 1.0, 0.0], [1, 2, 3], [1, 2, 3]).n == 2


def test_refusals() -> None:
    with pytest.raises(InputError, match="person b is compared with itself"):
        two_way_clusters([1, 2], [["a", "b"], ["b", "b"]])
    with pytest.raises(InputError, match="level"):
        two_way_mean([1.0], [1], [1], level=95)
