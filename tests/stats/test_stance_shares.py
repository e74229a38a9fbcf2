import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import OLS
from triplet_studies import study

from pluralens.errors import InputError
from pluralens.stats.stance_shares import stance_shares


def test_mean_and_interval_against_statsmodels() -> None:
    frame = study(np.random.default_rng(0), prompts=3, pull=0.1)
    table = stance_shares(frame).set_index("perspective")
    for who, rows in frame.dropna().groupby("perspective"):
        fit = OLS(rows["stance"], np.ones(len(rows))).fit(
            cov_type="cluster", cov_kwds={"groups": rows["triplet_id"]}, use_t=True
        )
        n, groups = len(rows), rows["triplet_id"].nunique()
        low, high = fit.conf_int().loc["const"]
        assert table.loc[who, "mean"] == pytest.approx(fit.params["const"])
        # statsmodels has the factor (N - 1) / (N - 1) = 1 here, ours G / (G - 1) alone.
        assert n > groups
        assert tuple(table.loc[who, ["ci_low", "ci_high"]]) == pytest.approx((low, high))


def test_counts_and_shares_by_hand() -> None:
    stances = [-1.0, -0.34, -0.33, 0.0, 0.33, 0.34, np.nan, np.nan, np.nan]
    outcomes = ["stance"] * 6 + ["refused", "empty", "unscored"]
    frame = pd.DataFrame({"triplet_id": range(9), "stance": stances, "outcome": outcomes})
    frame = pd.concat(
        [
            frame.assign(perspective="tenant", side=-1),
            frame.assign(perspective="neutral", side=0),
            frame.assign(perspective="landlord", side=1, stance=-frame["stance"]),
        ]
    )
    table = stance_shares(frame)
    assert table["perspective"].tolist() == ["landlord", "neutral", "tenant"]
    assert table["side"].tolist() == [1, 0, -1]
    counts = table.loc[2, ["n_prompts", "n_stance", "n_refused", "n_empty", "n_unscored"]]
    assert counts.tolist() == [9, 6, 1, 1, 1]
    shares = table.loc[2, ["p_neg", "p_neu", "p_pos"]].astype(float).tolist()
    assert shares == pytest.approx([2 / 6, 3 / 6, 1 / 6])
    assert table.loc[0, "p_pos"] == pytest.approx(2 / 6)
    for part in ("p_neg", "p_neu", "p_pos"):
        assert (table[f"{part}_low"] < table[part]).all()
        assert (table[part] < table[f"{part}_high"]).all()
    assert table.loc[2, "mean"] == pytest.approx(-1 / 6)
    few = stance_shares(frame, min_n=7)
    assert few["n_triplets"].tolist() == [6] * 3 and few["mean"].isna().all()
    assert few["p_neg"].isna().all()


def test_parties_of_several_conflicts_have_rows_of_their_own() -> None:
    rent = study(np.random.default_rng(0), triplets=6)
    work = rent.assign(triplet_id=rent["triplet_id"] + 6)
    work["perspective"] = work["perspective"].replace({"landlord": "boss", "tenant": "clerk"})
    table = stance_shares(pd.concat([rent, work]))
    assert table["perspective"].tolist() == ["boss", "landlord", "neutral", "clerk", "tenant"]
    assert table["n_triplets"].tolist() == [6, 6, 12, 6, 6]


def test_options_are_checked() -> None:
    frame = study(np.random.default_rng(0))
    for options in ({"threshold": 1.0}, {"level": 0.0}, {"min_n": 1}):
        with pytest.raises(InputError, match=next(iter(options))):
            stance_shares(frame, **options)  # type: ignore[arg-type]
