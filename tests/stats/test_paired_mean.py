import numpy as np
import pytest
from scipy.stats import permutation_test, ttest_1samp
from statsmodels.stats.weightstats import ttost_paired

from pluralens.errors import InputError
from pluralens.stats.paired_mean import paired_mean


def draws(n: int, mean: float = 0.3) -> np.ndarray:
    return np.random.default_rng(n).normal(mean, 0.4, n)


@pytest.mark.parametrize("n", [5, 11, 40])
def test_t_interval_and_equivalence_against_scipy_and_statsmodels(n: int) -> None:
    d = draws(n, 0.02)
    found = paired_mean(d, np.random.default_rng(0), margin=0.2, n_bootstrap=0)
    expected = ttest_1samp(d, 0).confidence_interval(0.95)
    assert (found.ci_low, found.ci_high) == pytest.approx((expected.low, expected.high))
    assert found.tost_p == pytest.approx(ttost_paired(d, np.zeros(n), -0.2, 0.2)[0])
    assert (found.mean, found.sd, found.n) == pytest.approx((d.mean(), d.std(ddof=1), n))


def test_sign_flip_p_against_every_arrangement() -> None:
    d = draws(10)
    exact = permutation_test(
        (d,), lambda x, axis: np.mean(x, axis=axis), permutation_type="samples", vectorized=True
    )
    found = paired_mean(d, np.random.default_rng(0), n_permutations=40_000)
    assert found.p == pytest.approx(exact.pvalue, abs=0.005)
    assert np.isnan(paired_mean(d, np.random.default_rng(0), n_permutations=0).p)


def test_bca_only_with_twelve_or_more() -> None:
    for n, same in ((11, True), (12, False)):
        ends = {
            paired_mean(draws(n), np.random.default_rng(0), n_bootstrap=b).ci_low for b in (0, 999)
        }
        assert (len(ends) == 1) == same


def test_too_few_keep_their_count() -> None:
    found = paired_mean([0.1] * 4, np.random.default_rng(0))
    assert found.n == 4 and np.isnan(found[:6]).all()
    assert paired_mean([], np.random.default_rng(0)).n == 0


@pytest.mark.parametrize(
    "options", [{"min_n": 1}, {"level": 1.0}, {"margin": 0.0}, {"n_permutations": -1}]
)
def test_options_are_checked(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        paired_mean(draws(8), np.random.default_rng(0), **options)  # type: ignore[arg-type]
