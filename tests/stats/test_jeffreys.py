import pytest
from statsmodels.stats.proportion import proportion_confint

from pluralens.stats.jeffreys import jeffreys_interval


@pytest.mark.parametrize(("hits", "trials"), [(3, 30), (15, 30), (29, 30)])
def test_against_statsmodels(hits: int, trials: int) -> None:
    expected = proportion_confint(hits, trials, alpha=0.1, method="jeffreys")
    assert jeffreys_interval(hits / trials, trials, 0.9) == pytest.approx(expected)


def test_nothing_and_everything() -> None:
    assert jeffreys_interval(0.0, 20)[0] == 0.0 < jeffreys_interval(0.0, 20)[1] < 0.2
    assert 0.8 < jeffreys_interval(1.0, 20)[0] < jeffreys_interval(1.0, 20)[1] == 1.0
