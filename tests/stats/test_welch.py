import numpy as np
import pytest
from scipy.stats import ttest_ind

from pluralens.stats.welch import group_moments, welch, welch_t


@pytest.mark.parametrize("seed", range(4))
def test_against_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(3.2, 1.5, (14, 3)), rng.normal(3, 0.3, (40, 3))
    x[rng.random(x.shape) < 0.2] = np.nan
    y[rng.random(y.shape) < 0.2] = np.nan
    result = welch(x, y, 0.9)
    t = welch_t(*group_moments(x - 3), *group_moments(y - 3))
    for k in range(3):
        a, b = x[~np.isnan(x[:, k]), k], y[~np.isnan(y[:, k]), k]
        oracle = ttest_ind(a, b, equal_var=False)
        interval = oracle.confidence_interval(0.9)
        assert result.difference[k] == pytest.approx(a.mean() - b.mean())
        np.testing.assert_allclose(
            [result.low[k], result.high[k]], [interval.low, interval.high], rtol=1e-9
        )
        assert t[0][k] / t[1][k] == pytest.approx(oracle.statistic)
        assert t[2][k] == pytest.approx(oracle.df)
        assert (result.n_value[k], result.n_reference[k]) == (a.size, b.size)


def test_too_few_and_constant() -> None:
    one = welch([[4.0]], [[1.0], [2.0]])
    assert np.isnan([one.difference[0], one.low[0], one.high[0]]).all()
    assert (one.n_value[0], one.n_reference[0]) == (1, 2)
    same = welch(np.full((3, 1), 4.1), np.full((5, 1), 3.1))
    assert same.low[0] == same.difference[0] == same.high[0] == pytest.approx(1.0)
    half_constant = welch([[3.0], [3.0]], [[1.0], [2.0]])
    assert half_constant.low[0] < 1.5 < half_constant.high[0]
    empty = welch(np.empty((0, 2)), np.empty((0, 2)))
    assert np.isnan(empty.difference).all()
