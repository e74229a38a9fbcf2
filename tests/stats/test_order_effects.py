import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr, ttest_1samp
from sklearn.metrics import cohen_kappa_score

from pluralens.stats.order_effects import COLUMNS, order_effects


def ratings(n_personas: int = 30, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for persona in range(n_personas):
        for item, dimension in (("g1", "warmth"), ("g2", "warmth"), ("g3", "competence")):
            raw = rng.integers(1, 6)
            back = np.clip(6 - raw + rng.integers(-1, 3), 1, 5)
            rows.append((f"s{persona}", item, dimension, 1, float(raw), float(back)))
    columns = ["sample_id", "item", "dimension", "valence", "raw", "raw_reversed"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.loc[rng.random(len(frame)) < 0.1, "raw"] = np.nan
    frame.loc[rng.random(len(frame)) < 0.1, "raw_reversed"] = np.nan
    return frame


def test_every_row_against_scipy_and_sklearn() -> None:
    frame = ratings()
    table = order_effects(frame, level=0.9)
    assert list(table.columns) == COLUMNS
    assert table[["scope", "name"]].to_numpy().tolist() == [
        ["all", ""],
        ["dimension", "warmth"],
        ["dimension", "competence"],
        ["item", "g1"],
        ["item", "g2"],
        ["item", "g3"],
    ]
    for row in table.itertuples():
        part = frame if row.scope == "all" else frame[frame[row.scope] == row.name]
        dual = part.dropna(subset=["raw", "raw_reversed"])
        a, b = dual["raw"].astype(int), 6 - dual["raw_reversed"].astype(int)
        assert row.n_pairs == len(dual) and row.n_personas == dual["sample_id"].nunique()
        assert row.exact_rate == pytest.approx((a == b).mean())
        assert row.mae == pytest.approx((a - b).abs().mean())
        assert row.within_one_rate == pytest.approx(((a - b).abs() < 2).mean())
        means = (a - b).groupby(dual["sample_id"]).mean()
        interval = ttest_1samp(means, 0).confidence_interval(0.9)
        assert row.order_bias == pytest.approx(means.mean())
        assert (row.ci_low, row.ci_high) == pytest.approx((interval.low, interval.high))
        assert row.pearson == pytest.approx(pearsonr(a, b).statistic)
        assert row.spearman == pytest.approx(spearmanr(a, b).statistic)
        assert row.kendall == pytest.approx(kendalltau(a, b).statistic)
        kappa = cohen_kappa_score(a, b, weights="quadratic", labels=[1, 2, 3, 4, 5])
        assert row.weighted_kappa == pytest.approx(kappa)
        written = [*dual["raw"], *dual["raw_reversed"]]
        assert row.extreme_rate == pytest.approx(np.mean([r in (1, 5) for r in written]))
        assert row.midpoint_rate == pytest.approx(np.mean([r == 3 for r in written]))
        assert row.sd_raw == pytest.approx(np.std(written, ddof=1))


def test_consistent_model_and_yes_sayer() -> None:
    frame = ratings()
    frame["raw"] = np.arange(len(frame)) % 5 + 1.0
    consistent = order_effects(frame.assign(raw_reversed=6 - frame["raw"])).iloc[0]
    assert consistent["exact_rate"] == consistent["weighted_kappa"] == consistent["kendall"] == 1
    assert consistent["mae"] == consistent["order_bias"] == consistent["ci_high"] == 0
    yes = order_effects(frame.assign(raw=5.0, raw_reversed=5.0)).iloc[0]
    assert yes["order_bias"] == 4 and yes["extreme_rate"] == 1 and yes["sd_raw"] == 0
    assert np.isnan(yes["pearson"]) and yes["weighted_kappa"] == 0


def test_expected_ratings_may_be_fractions() -> None:
    frame = ratings().dropna()
    frame["raw"] = np.linspace(1.05, 4.95, len(frame))
    row = order_effects(frame.assign(raw_reversed=6 - frame["raw"])).iloc[0]
    assert row["exact_rate"] == 1 and row["midpoint_rate"] < 0.1


def test_one_order_only_and_empty() -> None:
    table = order_effects(ratings().assign(raw_reversed=np.nan))
    assert (table["n_pairs"] == 0).all() and table["mae"].isna().all()
    empty = order_effects(ratings().iloc[:0])
    assert empty["n_pairs"].tolist() == [0] and empty["order_bias"].isna().all()
