import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.weightstats import DescrStatsW

from pluralens.errors import InputError
from pluralens.stats.group_means import COLUMNS, group_means


def personas(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"sample_id": [f"s{i}" for i in range(n)]})
    frame["gender"] = rng.choice(["f", "m"], n)
    frame["aligned"] = rng.normal(3, 0.5, n)
    frame["g1"] = np.where(rng.random(n) < 0.3, np.nan, rng.integers(1, 6, n))
    frame["asked"] = 10.0
    frame["refused"] = rng.integers(0, 3, n).astype(float)
    frame["invalid"] = 1.0
    frame["rated"] = 9.0 - frame["refused"]
    return frame


def test_against_statsmodels() -> None:
    frame = personas()
    table = group_means(frame, ["gender"], ["aligned", "g1"], level=0.9)
    assert list(table.columns) == COLUMNS
    for row in table.itertuples():
        group = frame[frame["gender"] == row.value]
        kept = group[row.outcome].dropna()
        low, high = DescrStatsW(kept).tconfint_mean(0.1)
        np.testing.assert_allclose(
            [row.mean, row.ci_low, row.ci_high], [kept.mean(), low, high], rtol=1e-10
        )
        assert row.n_personas == len(kept)
        assert row.n_ratings == group.loc[kept.index, "rated"].sum()
        assert row.asked == 10 * len(group)
        assert row.refusal_rate == pytest.approx(group["refused"].sum() / row.asked)
        assert row.invalid_rate == pytest.approx(0.1)


def test_ratings_behind_an_item_come_from_their_own_column() -> None:
    frame = personas().assign(n_g1=2.0)
    table = group_means(frame, ["gender"], ["aligned", "g1"], rating_counts={"g1": "n_g1"})
    g1 = table[table["outcome"] == "g1"]
    assert (g1["n_ratings"] == 2 * g1["n_personas"]).all()
    assert table.loc[table["outcome"] == "aligned", "n_ratings"].sum() == frame["rated"].sum()


def test_unrated_group_is_nan_and_keeps_its_coverage() -> None:
    frame = personas(4).assign(gender=["f", "f", "f", "m"], aligned=[3.0, 4.0, 5.0, np.nan])
    frame.loc[3, ["asked", "rated", "refused", "invalid"]] = [2.0, 0.0, 2.0, 0.0]
    row = group_means(frame, ["gender"], ["aligned"]).set_index("value").loc["m"]
    assert np.isnan([row["mean"], row["ci_low"], row["ci_high"]]).all()
    assert (row["n_personas"], row["n_ratings"], row["asked"]) == (0, 0, 2)
    assert row["refusal_rate"] == 1.0


def test_single_persona_has_no_interval() -> None:
    row = group_means(personas(1), ["gender"], ["aligned"]).iloc[0]
    assert np.isfinite(row["mean"]) and np.isnan(row["ci_low"])


def test_nothing_asked_and_empty() -> None:
    nothing = personas(3).assign(asked=0.0, rated=0.0, refused=0.0, invalid=0.0)
    assert group_means(nothing, ["gender"], ["aligned"])["refusal_rate"].isna().all()
    empty = group_means(personas().iloc[:0], ["gender"], ["aligned"])
    assert empty.empty and list(empty.columns) == COLUMNS


def test_twins_are_refused() -> None:
    with pytest.raises(InputError, match="twins"):
        group_means(personas().assign(role="counterfactual"), ["gender"], ["aligned"])
