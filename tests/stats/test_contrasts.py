import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, mannwhitneyu, ttest_ind

from pluralens.errors import InputError
from pluralens.stats.contrasts import COLUMNS, contrasts

OUTCOMES = ["semantic", "aligned", "aligned_warmth", "g1", "g2"]


def personas(n: int = 240, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"sample_id": [f"s{i}" for i in range(n)]})
    frame["gender"] = rng.choice(["f", "m", "d"], n, p=[0.3, 0.6, 0.1])
    frame["region"] = rng.choice(["east", "west"], n)
    for k, name in enumerate(OUTCOMES):
        frame[name] = rng.normal(3, 0.5, n) + 0.1 * k * (frame["gender"] == "f")
    frame.loc[rng.random(n) < 0.2, "g2"] = np.nan
    return frame


def test_estimates_against_scipy() -> None:
    frame = personas()
    table = contrasts(frame, ["gender", "region"], OUTCOMES, n_permutations=200)
    assert list(table.columns) == COLUMNS
    assert len(table) == 3 * len(OUTCOMES)
    for row in table.itertuples():
        x = frame.loc[frame[row.attribute] == row.value, row.outcome].dropna()
        y = frame.loc[frame[row.attribute] == row.reference, row.outcome].dropna()
        oracle = ttest_ind(x, y, equal_var=False).confidence_interval(0.95)
        np.testing.assert_allclose(
            [row.difference, row.ci_low, row.ci_high],
            [x.mean() - y.mean(), oracle.low, oracle.high],
            rtol=1e-8,
        )
        delta = 2 * mannwhitneyu(x, y).statistic / (len(x) * len(y)) - 1
        assert row.cliffs_delta == pytest.approx(delta)
        assert (row.n_value, row.n_reference, row.enough) == (len(x), len(y), True)


def test_permutation_p_is_near_welchs_p_for_normal_data() -> None:
    frame = personas()
    table = contrasts(frame, ["gender"], OUTCOMES, n_permutations=4000)
    for row in table.itertuples():
        x = frame.loc[frame["gender"] == row.value, row.outcome].dropna()
        y = frame.loc[frame["gender"] == "m", row.outcome].dropna()
        assert row.p == pytest.approx(ttest_ind(x, y, equal_var=False).pvalue, abs=0.035)


def test_families_are_attribute_by_kind_of_outcome() -> None:
    table = contrasts(personas(), ["gender", "region"], OUTCOMES, n_permutations=500)
    assert set(table["family"]) == {
        f"{a}/{k}" for a in ("gender", "region") for k in ("overall", "dimension", "item")
    }
    for _, family in table.groupby("family"):
        np.testing.assert_allclose(family["p_adjusted"], false_discovery_control(family["p"]))


def test_reference_is_most_frequent_or_chosen_and_has_no_row() -> None:
    default = contrasts(personas(), ["gender"], ["aligned"], n_permutations=50)
    assert set(default["reference"]) == {"m"} and set(default["value"]) == {"d", "f"}
    chosen = contrasts(
        personas(), ["gender"], ["aligned"], reference={"gender": "f"}, n_permutations=50
    )
    assert set(chosen["reference"]) == {"f"} and set(chosen["value"]) == {"d", "m"}
    one = default.set_index("value").loc["f", "difference"]
    assert chosen.set_index("value").loc["m", "difference"] == pytest.approx(-one)


def test_signs_agree() -> None:
    frame = personas()
    frame["aligned"] += np.where(frame["gender"] == "f", 1.0, 0.0)
    row = contrasts(frame, ["gender"], ["aligned"]).set_index("value").loc["f"]
    assert row["difference"] > 0 and row["ci_low"] > 0 and row["cliffs_delta"] > 0
    assert row["p"] == pytest.approx(1 / 2001)


def test_small_groups_keep_their_row_without_estimates() -> None:
    frame = personas()
    frame.loc[frame.index[frame["gender"] == "d"][9:], "gender"] = None
    table = contrasts(frame, ["gender"], ["aligned", "g1"], n_permutations=100)
    small = table[table["value"] == "d"]
    assert (small["n_value"] == 9).all() and not small["enough"].any()
    estimates = ["difference", "ci_low", "ci_high", "p", "p_adjusted", "cliffs_delta"]
    assert small[estimates].isna().all(axis=None)
    assert table.loc[table["value"] == "f", estimates].notna().all(axis=None)
    with_few = contrasts(frame, ["gender"], ["aligned"], min_n=9, n_permutations=100)
    assert with_few["enough"].all()


def test_enough_is_decided_per_outcome() -> None:
    frame = personas()
    frame.loc[frame["gender"] == "f", "g1"] = np.nan
    table = contrasts(frame, ["gender"], ["aligned", "g1"], n_permutations=100)
    women = table[table["value"] == "f"].set_index("outcome")
    assert women.loc["g1", "n_value"] == 0 and not women.loc["g1", "enough"]
    assert women.loc["aligned", "enough"]


def test_a_row_does_not_depend_on_other_attributes() -> None:
    both = contrasts(personas(), ["gender", "region"], OUTCOMES, n_permutations=300, seed=3)
    alone = contrasts(personas(), ["region"], OUTCOMES, n_permutations=300, seed=3)
    other = contrasts(personas(), ["region"], OUTCOMES, n_permutations=300, seed=4)
    region = both[both["attribute"] == "region"].reset_index(drop=True)
    pd.testing.assert_frame_equal(region, alone)
    assert (alone["p"] != other["p"]).any()


def test_empty_and_single_valued() -> None:
    empty = contrasts(personas().iloc[:0], ["gender"], OUTCOMES)
    assert empty.empty and list(empty.columns) == COLUMNS
    constant = personas().assign(gender="f")
    assert contrasts(constant, ["gender"], OUTCOMES).empty


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": {"gender": "x"}}, "no persona has gender 'x'; choose among d, f, m"),
        ({"reference": {"age": "x"}}, "age is not analysed"),
        ({"min_n": 1}, "min_n"),
        ({"level": 95}, "level"),
        ({"n_permutations": -1}, "n_permutations"),
    ],
)
def test_wrong_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        contrasts(personas(), ["gender"], ["aligned"], **options)  # type: ignore[arg-type]


def test_wrong_frames() -> None:
    with pytest.raises(InputError, match="no column age"):
        contrasts(personas(), ["age"], ["aligned"])
    twins = personas().assign(role=["base"] * 239 + ["counterfactual"])
    with pytest.raises(InputError, match="1 of 240 rows are twins"):
        contrasts(twins, ["gender"], ["aligned"])


def test_without_permutations_there_is_no_p_but_all_else() -> None:
    frame = pd.DataFrame(
        {
            "sample_id": range(40),
            "gender": ["a", "b"] * 20,
            "aligned": np.random.default_rng(0).normal(size=40),
        }
    )
    with_p = contrasts(frame, ["gender"], ["aligned"])
    without = contrasts(frame, ["gender"], ["aligned"], n_permutations=0)
    assert without[["p", "p_adjusted"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(
        with_p.drop(columns=["p", "p_adjusted"]), without.drop(columns=["p", "p_adjusted"])
    )
