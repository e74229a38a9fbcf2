import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student_t
from statsmodels.stats.power import TTestPower

from pluralens.errors import InputError
from pluralens.stats.triplet_power import gap_sd, power_table, required_triplets, triplet_power


@settings(derandomize=True, deadline=None)
@given(st.floats(0.0, 0.6), st.floats(0.1, 1.0), st.integers(2, 400), st.floats(0.01, 0.2))
def test_power_against_statsmodels(gap: float, sd: float, n: int, alpha: float) -> None:
    found, expected = triplet_power(gap, sd, n, alpha=alpha), TTestPower().power(gap / sd, n, alpha)
    if np.isnan(expected):
        # Its lower tail is NaN where it is far below what is left of 1.
        assert found > 0.99
    else:
        assert found == pytest.approx(float(expected), abs=1e-6)
    assert triplet_power(-gap, sd, n, alpha=alpha) == triplet_power(gap, sd, n, alpha=alpha)


@pytest.mark.parametrize("gap", [0.05, 0.1, 0.2, 1.5])
@pytest.mark.parametrize("sd", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("power", [0.8, 0.95])
def test_required_is_the_smallest_number_that_suffices(gap: float, sd: float, power: float) -> None:
    n = required_triplets(gap, sd, power=power)
    assert triplet_power(gap, sd, n) >= power
    assert n == 2 or triplet_power(gap, sd, n - 1) < power
    if n > 3:
        exact = TTestPower().solve_power(gap / sd, power=power, alpha=0.05)
        assert n == math.ceil(float(exact) - 1e-9)


def test_power_and_sd_against_a_simulation() -> None:
    """Latent model with three prompts per teller: sd in closed form, and the power it leads to."""
    rng = np.random.default_rng(0)
    noise, pull_sd, gap, studies = 0.4, 0.1, 0.2, 4000
    sd = gap_sd(noise, pull_sd, prompts=3)
    n = required_triplets(gap, sd)
    pull = rng.normal(gap / 2, pull_sd, (studies, n, 1))
    lean = rng.normal(0, 0.5, (studies, n, 1))
    plus, minus = (
        (lean + side * pull + rng.normal(0, noise, (studies, n, 3))).mean(axis=2)
        for side in (1, -1)
    )
    gaps = plus - minus
    assert gaps.std(ddof=1) == pytest.approx(sd, rel=0.02)
    t = gaps.mean(axis=1) / (gaps.std(axis=1, ddof=1) / np.sqrt(n))
    found = float((np.abs(t) > student_t.ppf(0.975, n - 1)).mean())
    assert found == pytest.approx(triplet_power(gap, sd, n), abs=0.02)


def test_table() -> None:
    table = power_table([0.3, 0.5])
    assert table["gap"].tolist() == [0.05, 0.05, 0.1, 0.1, 0.2, 0.2]
    assert table["sd"].tolist() == [0.3, 0.5] * 3
    assert (table["power_reached"] >= table["power"]).all()
    expected = [
        math.ceil(float(TTestPower().solve_power(g / s, power=0.8, alpha=0.05)))
        for g, s in zip(table["gap"], table["sd"], strict=True)
    ]
    assert table["n_triplets"].tolist() == expected


def test_arguments_are_checked() -> None:
    for call, message in (
        (lambda: required_triplets(0.0, 0.5), "gap of 0"),
        (lambda: required_triplets(1e-5, 2.0), "too small beside an sd"),
        (lambda: required_triplets(0.1, 0.5, power=0.01), "power"),
        (lambda: triplet_power(0.1, 0.0, 10), "sd"),
        (lambda: triplet_power(0.1, float("nan"), 10), "sd"),
        (lambda: triplet_power(3.0, 0.5, 10), "gap"),
        (lambda: triplet_power(0.1, 0.5, 1), "n_triplets"),
        (lambda: triplet_power(0.1, 0.5, 9, alpha=1.0), "alpha"),
        (lambda: gap_sd(0.0), "noise_sd"),
        (lambda: gap_sd(0.1, prompts=0), "prompts"),
    ):
        with pytest.raises(InputError, match=message):
            call()
