import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from pluralens.stats.holm import holm


@pytest.mark.parametrize("seed", range(5))
def test_against_statsmodels(seed: int) -> None:
    p = np.random.default_rng(seed).beta(0.3, 2, 12).round(2)
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])


def test_untested_hypotheses_are_not_in_the_family() -> None:
    adjusted = holm([0.01, np.nan, 0.02, np.nan])
    np.testing.assert_allclose(adjusted, [0.02, np.nan, 0.02, np.nan])
    assert holm([]).size == 0
