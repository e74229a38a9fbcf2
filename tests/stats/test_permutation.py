from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import permutation_test, ttest_ind

from pluralens.errors import InputError
from pluralens.stats.clusters import ClusterSums, cluster_sums
from pluralens.stats.permutation import sign_flip_p, welch_permutation_p

DRAWS = 20_000


def close_to(p: float, exact: float) -> bool:
    """Within five Monte Carlo standard errors and the +1 of the estimator."""
    return abs(p - exact) <= 5 * np.sqrt(max(exact * (1 - exact), 1e-4) / DRAWS) + 2 / DRAWS


def exact_welch(values: np.ndarray, n1: int) -> float:
    def t(first: list[int]) -> float:
        x = values[first]
        y = values[[i for i in range(values.size) if i not in first]]
        difference = abs(x.mean() - y.mean())
        se = np.sqrt(x.var(ddof=1) / x.size + y.var(ddof=1) / y.size)
        if se < 1e-9:
            return 0.0 if difference < 1e-9 else float("inf")
        return float(difference / se)

    observed = t(list(range(n1)))
    arrangements = [t(list(c)) for c in combinations(range(values.size), n1)]
    return float(np.mean([a >= observed * (1 - 1e-9) for a in arrangements]))


@pytest.mark.parametrize("seed", range(3))
def test_welch_against_exact_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Few distinct values: ties between arrangements decide p.
    values = rng.integers(1, 6, (9, 4)) / 2
    values[:3, 0] += 2
    labels = np.arange(9) < 3
    p = welch_permutation_p(values, labels, n_permutations=DRAWS, rng=rng)
    for k in range(4):
        assert close_to(p[k], exact_welch(values[:, k], 3))


def test_welch_against_scipy() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(0.8, 2, 8), rng.normal(0, 0.5, 25)
    # scipy's own "two-sided" doubles the smaller tail; ours compares |t|.
    oracle = permutation_test(
        (x, y),
        lambda a, b, axis: abs(ttest_ind(a, b, equal_var=False, axis=axis).statistic),
        n_resamples=DRAWS,
        alternative="greater",
        vectorized=True,
        random_state=4,
    )
    labels = np.arange(33) < 8
    p = welch_permutation_p(np.r_[x, y][:, None], labels, n_permutations=DRAWS, rng=rng)
    assert p[0] == pytest.approx(oracle.pvalue, abs=0.015)


def test_welch_missing_ratings_move_with_their_persona() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (30, 2))
    values[:, 1] = values[:, 0]
    values[rng.random(30) < 0.3, 1] = np.nan
    labels = np.arange(30) < 10
    p = welch_permutation_p(values, labels, n_permutations=DRAWS, rng=rng)
    kept = ~np.isnan(values[:, 1])
    alone = welch_permutation_p(
        values[kept, 1:], labels[kept], n_permutations=DRAWS, rng=np.random.default_rng(1)
    )
    # Not the same permutation distribution (group sizes vary), but nearly the same p.
    assert p[1] == pytest.approx(alone[0], abs=0.03)


def test_welch_constant_and_too_few() -> None:
    values = np.array([[1.0, 1, np.nan], [1, 1, 2], [1, 2, 3], [1, 2, 4]])
    labels = np.array([True, True, False, False])
    p = welch_permutation_p(values, labels, n_permutations=DRAWS, rng=np.random.default_rng(0))
    assert p[0] == 1.0
    # Only the observed split and its mirror image separate {1, 1} from {2, 2}: 2 of 6.
    assert close_to(p[1], 1 / 3)
    assert np.isnan(p[2])


def exact_flip(sums: np.ndarray) -> float:
    observed = abs(sums.sum())
    flips = [abs(np.dot(e, sums)) for e in product([-1, 1], repeat=sums.size)]
    return float(np.mean([f >= observed - 1e-9 for f in flips]))


@pytest.mark.parametrize("seed", range(3))
def test_sign_flip_against_exact_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bases = np.repeat(np.arange(8), rng.integers(1, 4, 8))
    values = rng.integers(-2, 4, (bases.size, 3)) / 5
    values[rng.random(values.shape) < 0.2] = np.nan
    data = cluster_sums(values, bases)
    p = sign_flip_p(data, n_permutations=DRAWS, rng=rng)
    for k in range(3):
        assert close_to(p[k], exact_flip(data.sums[:, k]))


def test_sign_flip_against_scipy() -> None:
    rng = np.random.default_rng(0)
    d = rng.normal(0.5, 1, 12)
    oracle = permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    p = sign_flip_p(cluster_sums(d), n_permutations=DRAWS, rng=rng)
    assert close_to(p[0], oracle.pvalue)


def test_flipping_pairs_of_a_base_together_is_not_flipping_pairs() -> None:
    d, bases = np.full(40, 0.2), np.repeat(np.arange(4), 10)
    data = cluster_sums(d, bases)
    p = sign_flip_p(data, n_permutations=DRAWS, rng=np.random.default_rng(0))
    assert close_to(p[0], 2 / 2**4)


def test_sign_flip_nothing_and_zeros() -> None:
    nothing = ClusterSums(np.zeros((3, 1)), np.zeros((3, 1)))
    assert np.isnan(sign_flip_p(nothing, rng=np.random.default_rng(0))[0])
    zeros = cluster_sums(np.zeros(9))
    assert sign_flip_p(zeros, rng=np.random.default_rng(0))[0] == 1.0


def test_p_is_never_zero_and_chunks_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    values = np.r_[np.full(40, 9.0), np.zeros(40)] + rng.normal(0, 0.1, 80)
    labels = np.arange(80) < 40
    p = welch_permutation_p(values[:, None], labels, n_permutations=99, rng=rng)
    assert p[0] == pytest.approx(0.01)
    # 30,000 bases need several chunks for 400 draws.
    many = cluster_sums(np.full(30_000, 0.1))
    assert sign_flip_p(many, n_permutations=400, rng=rng)[0] == pytest.approx(1 / 401)


def test_number_of_draws_is_checked() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="n_permutations: 0"):
        sign_flip_p(cluster_sums([1.0]), n_permutations=0, rng=rng)
    with pytest.raises(InputError, match="n_permutations: -1"):
        welch_permutation_p([[1.0]], [True], n_permutations=-1, rng=rng)
