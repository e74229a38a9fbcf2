import time

import numpy as np
import pytest
from scipy.stats import kendalltau

from pluralens.errors import InputError
from pluralens.interp.stability import kendall_tau, ranking_stability
from pluralens.stats.bootstrap import cluster_bootstrap
from pluralens.stats.clusters import cluster_sums
from pluralens.stats.seeding import cell_rng


def test_tau_is_scipys_with_and_without_ties() -> None:
    rng = np.random.default_rng(0)
    rows, reference = rng.normal(size=(50, 30)), rng.normal(size=30)
    for digits in (9, 0):
        cut, other = rows.round(digits), reference.round(digits)
        expected = [kendalltau(row, other).statistic for row in cut]
        np.testing.assert_allclose(kendall_tau(cut, other), expected, atol=1e-12)
    assert np.isnan(kendall_tau(np.zeros((1, 30)), reference)).all()


def test_summary_over_resamples() -> None:
    rng = np.random.default_rng(0)
    effects = rng.normal(size=(12, 60)) + np.linspace(0, 1, 12)[:, None]
    groups = [f"g{index // 3}" for index in range(60)]
    found = ranking_stability(effects.reshape(3, 4, 60), groups, top=(3,), n_bootstrap=200, seed=5)
    data = cluster_sums(effects.T, groups)
    drawn = np.abs(cluster_bootstrap(data, n_resamples=200, rng=cell_rng(5, "stability")))
    whole = np.abs(effects.mean(axis=1))
    taus = [kendalltau(row, whole).statistic for row in drawn]
    assert found.tau.mean == pytest.approx(np.mean(taus))
    assert found.tau[1:] == pytest.approx(tuple(np.quantile(taus, [0.025, 0.975])))
    best = set(np.argsort(-whole)[:3])
    overlaps = [
        len(best & set(np.argsort(-row)[:3])) / len(best | set(np.argsort(-row)[:3]))
        for row in drawn
    ]
    assert found.jaccard[3].mean == pytest.approx(np.mean(overlaps))
    assert (found.n_components, found.n_groups, found.n_bootstrap) == (12, 20, 200)


def test_clear_effects_are_firm_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(20, 80))
    clear = ranking_stability(noise + 10 * np.arange(20)[:, None], top=(5, 100))
    assert clear.tau.low > 0.95 and clear.jaccard[5].low == 1.0 and list(clear.jaccard) == [5]
    vague = ranking_stability(noise, top=(5,))
    assert vague.tau.high < 0.9 and vague.jaccard[5].mean < 0.8


def test_groups_are_resampled_as_a_whole() -> None:
    rng = np.random.default_rng(0)
    effects = (rng.normal(size=(20, 10)) + np.linspace(0, 2, 20)[:, None]).repeat(8, axis=1)
    groups = [f"g{index // 8}" for index in range(80)]
    alone, together = ranking_stability(effects), ranking_stability(effects, groups)
    assert together.tau.mean < alone.tau.mean - 0.05


def test_a_component_without_effects_takes_no_part() -> None:
    effects = np.random.default_rng(0).normal(size=(6, 30))
    effects[2] = np.nan
    assert ranking_stability(effects, n_bootstrap=20).n_components == 5


def test_speed_at_the_size_of_a_large_model() -> None:
    effects = np.random.default_rng(0).normal(size=(24 * 16, 500)).astype(np.float32)
    begun = time.process_time()
    ranking_stability(effects, n_bootstrap=200)
    assert time.process_time() - begun < 10


def test_wrong_input_is_one_line() -> None:
    effects = np.ones((3, 4))
    for call, words in (
        (lambda: ranking_stability(effects, ["a"]), "1 for 4 prompts"),
        (lambda: ranking_stability(effects, ["a"] * 4), "fewer than two groups"),
        (lambda: ranking_stability(effects[:1]), "fewer than two components"),
        (lambda: ranking_stability(effects, top=(0,)), "top: 0 is too few"),
        (lambda: ranking_stability(effects, n_bootstrap=0), "n_bootstrap: 0 is too few"),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert words in str(error.value) and "\n" not in str(error.value)
