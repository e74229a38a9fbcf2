import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pluralens.errors import InputError
from pluralens.stats.winogender_scores import occupation_table, winogender_scores

NAN = float("nan")


def study(
    rng: np.random.Generator, slope: float, occupations: int = 60, follows: bool = False
) -> pd.DataFrame:
    """Two items per referent; with `follows` the occupation counts only where it is meant."""
    share = rng.uniform(1, 99, occupations)
    rows = []
    for k in range(occupations):
        own = slope * (share[k] - 50) + rng.normal(0, 0.3)
        for referent in ("occupation", "participant"):
            for _ in range(2):
                pull = own if referent == "occupation" or not follows else 0.0
                male = -20 + pull + rng.normal(0, 0.3)
                rows.append((f"o{k}", referent, share[k], male, -20.0, -22.0))
    columns = ["occupation", "referent", "share", "male", "female", "neutral"]
    return pd.DataFrame(rows, columns=columns)


def test_correlations_are_those_of_scipy() -> None:
    frame = study(np.random.default_rng(1), -0.02)
    found = winogender_scores(frame)
    per = frame.assign(odds=frame["male"] - frame["female"]).groupby("occupation")
    odds, share = per["odds"].mean(), per["share"].mean()
    assert found.correlation == pytest.approx(stats.pearsonr(odds, share)[0])
    assert found.rank_correlation == pytest.approx(stats.spearmanr(odds, share)[0])
    assert found.correlation < -0.6
    ends = stats.bootstrap(
        (odds.to_numpy(), share.to_numpy()),
        lambda x, y: stats.pearsonr(x, y)[0],
        paired=True,
        vectorized=False,
        n_resamples=1500,
        method="percentile",
    ).confidence_interval
    assert found.correlation_low == pytest.approx(ends.low, abs=0.03)
    assert found.correlation_high == pytest.approx(ends.high, abs=0.03)
    interval = stats.ttest_1samp(odds, 0).confidence_interval()
    assert found.log_odds == pytest.approx(odds.mean())
    assert (found.log_odds_low, found.log_odds_high) == pytest.approx(tuple(interval))
    assert (found.n_items, found.n_occupations, found.coverage) == (240, 60, 1)


def test_the_interval_covers_no_correlation() -> None:
    rng = np.random.default_rng(2)
    found = [winogender_scores(study(rng, 0.0), n_bootstrap=300) for _ in range(100)]
    hits = [one.correlation_low <= 0 <= one.correlation_high for one in found]
    assert np.mean(hits) > 0.88


def test_scores_by_hand() -> None:
    frame = pd.DataFrame(
        {
            "occupation": ["nurse", "nurse", "welder", "welder", "cook"],
            "referent": ["occupation", "participant"] * 2 + ["occupation"],
            "share": [87.0, 87, 5, 5, 50],
            "male": [-3.0, -3, -1, -1, -2],
            "female": [-1.0, -2, -3, -1, -2],
            "neutral": [-2.0, -1, -4, NAN, -9],
        }
    )
    found = winogender_scores(frame)
    # nurse -2 and -1, welder 2 and 0, cook 0: means -1.5, 1, 0.
    assert found.log_odds == pytest.approx(-0.5 / 3)
    assert found.male_preferred == pytest.approx((0 + 0 + 1 + 0.5 + 0.5) / 5)
    assert found.neutral_preferred == pytest.approx(1 / 4)
    odds = [
        m - np.logaddexp(a, b)
        for m, a, b in ((-2, -3, -1), (-1, -3, -2), (-4, -1, -3), (-9, -2, -2))
    ]
    assert found.neutral_log_odds == pytest.approx(np.mean(odds))
    # The majority's pronoun: where the occupation is meant twice of 2, else 1 and a tie.
    assert (found.majority_occupation, found.majority_participant) == (1, 0.75)
    assert found.gotcha_gap == pytest.approx((0 + 0.5) / 2)
    assert found.n_balanced == 1
    assert math.isnan(found.correlation)  # three occupations
    table = occupation_table(frame)
    assert list(table["occupation"]) == ["welder", "cook", "nurse"]
    assert list(table["log_odds"]) == [1, 0, -1.5]
    assert list(table["log_odds_occupation"]) == [2, 0, -2]
    np.testing.assert_array_equal(table["log_odds_participant"], [0, NAN, -1])


def test_the_gotcha_gap_tells_who_is_meant_from_who_is_near() -> None:
    rng = np.random.default_rng(4)
    near = winogender_scores(study(rng, -0.05))
    assert near.majority_occupation > 0.8 and near.majority_participant > 0.8
    assert near.gotcha_gap_low <= 0 <= near.gotcha_gap_high
    meant = winogender_scores(study(rng, -0.05, follows=True))
    assert meant.gotcha_gap_low > 0.2
    assert meant.majority_participant == pytest.approx(0.5, abs=0.12)


def test_what_is_missing_is_counted() -> None:
    frame = study(np.random.default_rng(5), -0.02, occupations=8)
    frame.loc[:3, "male"] = NAN
    frame["neutral"] = NAN
    found = winogender_scores(frame)
    assert (found.n_items, found.n_scored, found.n_occupations) == (32, 28, 7)
    assert found.coverage == pytest.approx(28 / 32)
    assert math.isnan(found.neutral_preferred) and math.isnan(found.neutral_log_odds)
    table = occupation_table(frame).set_index("occupation")
    assert table.loc["o0", "n_items"] == 0 and math.isnan(table.loc["o0", "log_odds"])
    nothing = winogender_scores(frame.iloc[:0])
    assert nothing.n_items == 0 and math.isnan(nothing.coverage) and math.isnan(nothing.log_odds)
    unmeasured = winogender_scores(frame.assign(male=NAN))
    assert unmeasured.coverage == 0 and math.isnan(unmeasured.male_preferred)
    assert math.isnan(unmeasured.gotcha_gap)
    flat = winogender_scores(frame.assign(male=-1.0, female=-1.0))
    assert math.isnan(flat.correlation) and flat.male_preferred == 0.5


def test_wrong_frames_are_named() -> None:
    frame = study(np.random.default_rng(6), 0.0, occupations=2)
    with pytest.raises(InputError, match="no column share"):
        winogender_scores(frame.drop(columns="share"))
    with pytest.raises(InputError, match="referent must be"):
        winogender_scores(frame.assign(referent="both"))
    with pytest.raises(InputError, match="between 0 and 100"):
        winogender_scores(frame.assign(share=101.0))
    with pytest.raises(InputError, match="between 0 and 100"):
        winogender_scores(frame.assign(share=NAN))
    with pytest.raises(InputError, match="n_bootstrap"):
        winogender_scores(frame, n_bootstrap=-1)
