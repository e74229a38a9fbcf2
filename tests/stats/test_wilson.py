import pytest
from scipy.stats import binomtest, norm

from pluralens.stats.wilson import wilson_interval


@pytest.mark.parametrize(("hits", "trials"), [(0, 7), (3, 30), (15, 30), (29, 30), (40, 40)])
def test_against_scipy(hits: int, trials: int) -> None:
    expected = binomtest(hits, trials).proportion_ci(0.9, method="wilson")
    found = wilson_interval(hits / trials, trials, float(norm.ppf(0.95)))
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_ends_never_pass_the_share() -> None:
    assert wilson_interval(1.0, 3.3, 2.0)[1] == 1.0
    assert wilson_interval(0.0, 3.3, 2.0)[0] == 0.0
