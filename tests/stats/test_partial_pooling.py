import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import betabinom

from pluralens.errors import InputError
from pluralens.stats.partial_pooling import partial_pooling

HITS = np.array([3, 9, 14, 20, 27, 5, 11])
SIZES = np.array([30, 30, 25, 30, 30, 12, 30])


def test_against_scipys_beta_binomial() -> None:
    found = partial_pooling(HITS / SIZES, SIZES)

    def loss(log_ab: np.ndarray) -> float:
        return -float(betabinom.logpmf(HITS, SIZES, *np.exp(log_ab)).sum())

    a, b = np.exp(minimize(loss, [0.0, 0.0], method="BFGS").x)
    assert found.mean == pytest.approx(a / (a + b), abs=1e-3)
    assert found.prior == pytest.approx(a + b, rel=1e-2)
    np.testing.assert_allclose(found.pooled, (HITS + a) / (SIZES + a + b), atol=1e-3)
    np.testing.assert_allclose(found.weight, SIZES / (SIZES + a + b), atol=2e-3)


def test_small_cells_borrow_more_and_none_passes_the_mean() -> None:
    shares = np.array([0.9, 0.9, 0.3, 0.5, 0.7])
    found = partial_pooling(shares, [5, 50, 20, 20, 20])
    assert abs(found.pooled[0] - 0.9) > abs(found.pooled[1] - 0.9)
    assert ((found.pooled - found.mean) * (shares - found.mean) > 0).all()


def test_cells_that_do_not_differ_are_pooled_entirely() -> None:
    found = partial_pooling([0.5, 0.52, 0.48, 0.5], [100] * 4)
    assert (found.weight < 0.1).all()
    np.testing.assert_allclose(found.pooled, 0.5, atol=0.01)


def test_pooled_shares_are_nearer_to_the_truth() -> None:
    rng = np.random.default_rng(0)
    raw, pooled = [], []
    for _ in range(60):
        truth = rng.beta(6, 4, 12)
        share = rng.binomial(30, truth) / 30
        raw.append(((share - truth) ** 2).mean())
        pooled.append(((partial_pooling(share, [30] * 12).pooled - truth) ** 2).mean())
    # In theory n / (n + 10) of the raw error is left, 0.75.
    assert 0.65 < np.mean(pooled) / np.mean(raw) < 0.85


def test_empty_and_few_cells() -> None:
    found = partial_pooling([0.5, np.nan, 0.2, 0.8], [10, np.nan, 10, 10])
    assert np.isnan(found.pooled).tolist() == [False, True, False, False]
    for shares in ([0.2, 0.8], [], [0.5, np.nan, 0.6]):
        assert np.isnan(partial_pooling(shares, [10] * len(shares)).pooled).all()
    extreme = partial_pooling([0.0, 1.0, 1.0, 0.0], [30] * 4)
    assert np.isfinite(extreme.pooled).all() and (extreme.weight > 0.9).all()
    assert np.isfinite(partial_pooling([1.0] * 5, [30] * 5).pooled).all()


def test_refusals() -> None:
    with pytest.raises(InputError, match="not from 0 to 1"):
        partial_pooling([1.2, 0.1, 0.1], [1, 1, 1])
    with pytest.raises(InputError, match="no answers"):
        partial_pooling([0.2, 0.1, 0.1], [1, 0, 1])
