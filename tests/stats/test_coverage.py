import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from statsmodels.stats.proportion import proportion_confint

from pluralens.errors import InputError
from pluralens.stats.coverage import COLUMNS, coverage, rate_interval


def personas(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"sample_id": [f"s{i}" for i in range(n)]})
    frame["gender"] = rng.choice(["f", "m"], n)
    frame["asked"] = 10.0
    frame["refused"] = rng.integers(0, 3, n).astype(float)
    frame["invalid"] = rng.integers(0, 2, n).astype(float)
    frame["rated"] = frame["asked"] - frame["refused"] - frame["invalid"]
    return frame


def test_totals_and_rates() -> None:
    frame = personas()
    table = coverage(frame, ["gender"])
    assert list(table.columns) == COLUMNS
    assert table[["attribute", "value"]].to_numpy().tolist() == [
        ["all", "all"],
        ["gender", "f"],
        ["gender", "m"],
    ]
    for row in table.itertuples():
        part = frame if row.value == "all" else frame[frame["gender"] == row.value]
        assert row.n_samples == len(part)
        for name in ("asked", "rated", "refused", "invalid"):
            assert getattr(row, name) == part[name].sum()
        assert row.rated + row.refused + row.invalid == row.asked
        assert row.refusal_rate == pytest.approx(part["refused"].sum() / part["asked"].sum())
        assert row.rated_rate + row.refusal_rate + row.invalid_rate == pytest.approx(1)
        assert row.refusal_low < row.refusal_rate < row.refusal_high


def test_lost_calls_are_an_error_that_names_the_samples() -> None:
    frame = personas()
    frame.loc[[3, 7], "rated"] -= 1
    with pytest.raises(InputError, match="in 2 of 40 samples: s3, s7; "):
        coverage(frame, ["gender"])
    unknown = personas()
    unknown.loc[5, "refused"] = np.nan
    with pytest.raises(InputError, match="in 1 of 40 samples: s5; "):
        coverage(unknown, [])


def test_interval_solves_the_score_equation() -> None:
    """At both ends |rate - end| = t * sqrt(end (1 - end) / n_effective)."""
    rng = np.random.default_rng(0)
    hits, trials = rng.binomial(20, rng.beta(1, 9, 30)).astype(float), np.full(30, 20.0)
    rate, *ends = rate_interval(hits, trials, np.arange(30))
    se = hits.std(ddof=1) / 20 / np.sqrt(30)
    n = rate * (1 - rate) / se**2
    for end in ends:
        score = abs(rate - end) / np.sqrt(end * (1 - end) / n)
        assert score == pytest.approx(t.ppf(0.975, 29))


def test_independent_calls_against_statsmodels_wilson() -> None:
    hits = np.random.default_rng(1).binomial(1, 0.1, 4000).astype(float)
    rate, low, high = rate_interval(hits, np.ones(4000), np.arange(4000))
    expected = proportion_confint(hits.sum(), 4000, method="wilson")
    assert (low, high) == pytest.approx(expected, rel=2e-3)
    assert rate == hits.mean()


def test_clustered_rates_are_covered() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        refused = rng.binomial(20, rng.beta(0.6, 2.4, 60)).astype(float)
        _, low, high = rate_interval(refused, np.full(60, 20.0), np.arange(60))
        hits += low <= 0.2 <= high
    assert 0.93 <= hits / 400 <= 0.97


def test_twins_belong_to_their_base() -> None:
    frame = personas()
    # Some personas are refused throughout, so that calls are alike within a persona.
    frame["refused"] = np.where(np.arange(40) % 5 == 0, 10.0, 0.0)
    frame["rated"], frame["invalid"] = 10 - frame["refused"], 0.0
    twins = frame.assign(sample_id=frame["sample_id"] + "+m", base_id=frame["sample_id"])
    doubled = coverage(pd.concat([frame, twins]), []).iloc[0]
    once = coverage(frame, []).iloc[0]
    assert doubled["asked"] == 2 * once["asked"]
    assert doubled["refusal_high"] == pytest.approx(once["refusal_high"])


def test_ends_of_the_scale_and_nothing() -> None:
    none, ten = np.zeros(25), np.full(25, 10.0)
    rate, low, high = rate_interval(none, ten, np.arange(25))
    critical = t.ppf(0.975, 24) ** 2
    assert (rate, low) == (0, 0) and high == pytest.approx(critical / (25 + critical))
    rate, low, high = rate_interval(ten, ten, np.arange(25))
    assert (rate, high) == (1, 1) and low == pytest.approx(25 / (25 + critical))
    assert rate_interval(np.array([1.0]), np.array([4.0]), np.array([0])) == (0.25, 0.0, 1.0)
    assert np.isnan(rate_interval(np.zeros(2), np.zeros(2), np.arange(2))).all()
    empty = coverage(personas().iloc[:0], ["gender"])
    assert empty["n_samples"].tolist() == [0] and np.isnan(empty["refusal_rate"][0])
