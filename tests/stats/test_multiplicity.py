import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from pluralens.stats.multiplicity import adjust_within, benjamini_hochberg


@pytest.mark.parametrize("seed", range(5))
def test_against_statsmodels_and_scipy(seed: int) -> None:
    p = np.random.default_rng(seed).beta(0.5, 2, size=40)
    p[3] = p[7]
    adjusted = benjamini_hochberg(p)
    np.testing.assert_allclose(adjusted, multipletests(p, method="fdr_bh")[1], atol=1e-14)
    np.testing.assert_allclose(adjusted, false_discovery_control(p), atol=1e-14)


def test_nan_is_kept_and_does_not_enlarge_the_family() -> None:
    p = np.array([0.01, np.nan, 0.04, np.nan, 0.03])
    adjusted = benjamini_hochberg(p)
    assert np.isnan(adjusted[[1, 3]]).all()
    # By hand: 0.01*3/1, then min(0.03*3/2, 0.04*3/3) = 0.04 for both others.
    np.testing.assert_allclose(adjusted[[0, 4, 2]], [0.03, 0.04, 0.04])


def test_empty_and_all_nan() -> None:
    assert benjamini_hochberg([]).shape == (0,)
    assert np.isnan(benjamini_hochberg([np.nan, np.nan])).all()


def test_families_are_separate_and_keep_the_index() -> None:
    table = pd.DataFrame(
        {"family": list("abab"), "p": [0.01, 0.02, 0.04, np.nan]}, index=[9, 4, 7, 1]
    )
    adjusted = adjust_within(table, ["family"])
    assert list(adjusted.index) == [9, 4, 7, 1]
    np.testing.assert_allclose(adjusted.to_numpy(), [0.02, 0.02, 0.04, np.nan])


def test_family_of_an_empty_table() -> None:
    assert adjust_within(pd.DataFrame({"family": [], "p": []}), ["family"]).empty
