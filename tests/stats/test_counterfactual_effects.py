import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap, false_discovery_control, t, ttest_1samp
from statsmodels.stats.weightstats import ttost_paired

from pluralens.errors import InputError
from pluralens.stats.counterfactual_effects import COLUMNS, counterfactual_effects

ESTIMATES = ["difference", "ci_low", "ci_high", "p", "p_adjusted", "tost_p"]


def made_pairs(
    moves: list[tuple[str, str, str, int]], seed: int = 0, n_placebo: int = 0
) -> pd.DataFrame:
    """Pairs with one base each: (attribute, from, to, how many); effect +0.5 towards "b"."""
    rng = np.random.default_rng(seed)
    rows = []
    for attribute, source, target, n in [*moves, ("placebo", "", "", n_placebo)]:
        for _ in range(n):
            effect = 0.5 * ((target == "b") - (source == "b"))
            rows.append((attribute, source, target, effect + rng.normal(0, 0.4)))
    frame = pd.DataFrame(rows, columns=["attribute", "from_value", "to_value", "aligned"])
    names = [f"p{i}" for i in range(len(frame))]
    frame.insert(0, "pair_id", names)
    frame.insert(1, "base_id", names)
    return frame


def test_directions_against_scipy_and_statsmodels() -> None:
    pairs = made_pairs([("x", "a", "b", 40), ("x", "b", "a", 60), ("x", "c", "a", 30)])
    table = counterfactual_effects(pairs, ["aligned"], n_bootstrap=9999)
    assert list(table.columns) == COLUMNS
    directions = table[table["level"] == "direction"]
    assert len(directions) == 3
    for row in directions.itertuples():
        d = pairs.loc[
            (pairs["from_value"] == row.reference) & (pairs["to_value"] == row.value), "aligned"
        ].to_numpy()
        assert row.difference == pytest.approx(d.mean())
        assert (row.n_pairs, row.n_bases) == (d.size, d.size)
        oracle = bootstrap((d,), np.mean, method="BCa", random_state=1).confidence_interval
        width = oracle.high - oracle.low
        # The small-sample expansion widens by a few percent.
        np.testing.assert_allclose(
            [row.ci_low, row.ci_high], [oracle.low, oracle.high], atol=0.06 * width
        )
        assert row.p == pytest.approx(ttest_1samp(d, 0).pvalue, abs=0.03)
        assert row.tost_p == pytest.approx(ttost_paired(d, np.zeros(d.size), -0.1, 0.1)[0])
        assert row.equivalent == (row.tost_p < 0.05)
    np.testing.assert_allclose(directions["p_adjusted"], false_discovery_control(directions["p"]))


def test_pair_pools_both_directions_towards_the_commoner_source() -> None:
    pairs = made_pairs([("x", "a", "b", 40), ("x", "b", "a", 60)])
    row = counterfactual_effects(pairs, ["aligned"]).query("level == 'pair'").iloc[0]
    # "b" is `from` more often: reference; the effect of a instead of b is -0.5.
    assert (row["reference"], row["value"], row["n_pairs"]) == ("b", "a", 100)
    oriented = np.where(pairs["to_value"] == "a", pairs["aligned"], -pairs["aligned"])
    assert row["difference"] == pytest.approx(oriented.mean())
    assert -0.7 < row["ci_low"] < -0.5 < row["ci_high"] < -0.3
    tie = counterfactual_effects(made_pairs([("x", "b", "a", 9), ("x", "a", "b", 9)]), ["aligned"])
    assert tie.query("level == 'pair'").iloc[0]["reference"] == "a"


def test_pairs_of_a_base_count_as_one_unit() -> None:
    rng = np.random.default_rng(0)
    pairs = made_pairs([("x", "a", "b", 120)])
    pairs["base_id"] = np.repeat([f"b{i}" for i in range(20)], 6)
    pairs["aligned"] = np.repeat(rng.normal(0.2, 0.5, 20), 6)
    row = counterfactual_effects(pairs, ["aligned"]).iloc[0]
    singles = pairs.drop_duplicates("base_id")
    alone = counterfactual_effects(singles, ["aligned"]).iloc[0]
    assert (row["n_pairs"], row["n_bases"]) == (120, 20)
    # The same 20 numbers, six times each, know no more than once each.
    for column in ("difference", "ci_low", "ci_high", "p", "tost_p"):
        assert row[column] == pytest.approx(alone[column], rel=1e-9)


def test_few_bases_get_the_t_interval() -> None:
    pairs = made_pairs([("x", "a", "b", 8)])
    row = counterfactual_effects(pairs, ["aligned"]).iloc[0]
    oracle = ttest_1samp(pairs["aligned"], 0).confidence_interval(0.95)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((oracle.low, oracle.high))


def test_too_few_bases_keep_their_counts() -> None:
    pairs = made_pairs([("x", "a", "b", 4), ("x", "b", "c", 20)], n_placebo=20)
    pairs["g1"] = np.where(np.arange(len(pairs)) % 2, np.nan, pairs["aligned"])
    table = counterfactual_effects(pairs, ["aligned", "g1"])
    few = table.query("reference == 'a' and outcome == 'aligned'")
    assert len(few) == 2
    assert (few["n_pairs"] == 4).all() and (few["n_placebo"] == 20).all()
    assert few[[*ESTIMATES, "placebo_low", "placebo_high"]].isna().all(axis=None)
    assert not few["equivalent"].any()
    others = table.query("reference == 'b'").set_index(["outcome", "level"])
    assert others.loc[("g1", "pair"), "n_pairs"] == 10
    assert others[ESTIMATES].notna().all(axis=None)
    kept = counterfactual_effects(pairs, ["aligned"], min_n=4).query("reference == 'a'")
    assert kept[ESTIMATES].notna().all(axis=None)


def test_placebo_row_and_band_against_the_closed_form() -> None:
    pairs = made_pairs([("x", "a", "b", 50)], n_placebo=30)
    table = counterfactual_effects(pairs, ["aligned"]).set_index(["attribute", "level"])
    placebo = pairs.loc[pairs["attribute"] == "placebo", "aligned"]
    half = t.ppf(0.975, 29) * placebo.std(ddof=1) / np.sqrt(50)
    row = table.loc[("x", "pair")]
    assert (row["placebo_low"], row["placebo_high"]) == pytest.approx((-half, half))
    assert row["n_placebo"] == 30
    own = table.loc[("placebo", "direction")]
    assert (own["reference"], own["value"], own["n_pairs"]) == ("base", "placebo", 30)
    assert own["difference"] == pytest.approx(placebo.mean())
    assert own["placebo_high"] == pytest.approx(half * np.sqrt(50 / 30))


def test_placebo_band_is_wider_for_pairs_that_share_a_base() -> None:
    """Two pairs per base: var = s^2 (2 + 4) / 2 * n_bases / n_pairs^2, by simulation too."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (20_000, 10, 3))
    means = (noise[..., 1:] - noise[..., :1]).mean(axis=(1, 2))
    pairs = made_pairs([("x", "a", "b", 20)], n_placebo=4000)
    pairs.loc[:19, "base_id"] = [f"b{i // 2}" for i in range(20)]
    placebo = pairs["attribute"] == "placebo"
    pairs.loc[placebo, "aligned"] = rng.normal(0, np.sqrt(2), 4000)
    row = counterfactual_effects(pairs, ["aligned"], n_bootstrap=50, n_permutations=50).iloc[0]
    assert row["placebo_high"] == pytest.approx(1.96 * means.std(), rel=0.05)


def test_without_placebo_there_is_no_band() -> None:
    table = counterfactual_effects(made_pairs([("x", "a", "b", 20)]), ["aligned"])
    assert table[["placebo_low", "placebo_high"]].isna().all(axis=None)
    assert (table["n_placebo"] == 0).all()
    few = counterfactual_effects(made_pairs([("x", "a", "b", 20)], n_placebo=4), ["aligned"])
    assert few["placebo_low"].isna().all() and (few["n_placebo"] == 4).all()


def test_margin_and_equivalence() -> None:
    pairs = made_pairs([("x", "a", "c", 400)])
    near, far = (
        counterfactual_effects(pairs, ["aligned"], margin=m, n_bootstrap=99).iloc[0]
        for m in (0.2, 0.001)
    )
    assert near["equivalent"] and not far["equivalent"]


def test_a_row_does_not_depend_on_other_rows() -> None:
    pairs = made_pairs([("x", "a", "b", 30), ("y", "a", "b", 30)])
    both = counterfactual_effects(pairs, ["aligned"], seed=1).query("attribute == 'y'")
    alone = counterfactual_effects(pairs[pairs["attribute"] == "y"], ["aligned"], seed=1)
    pd.testing.assert_frame_equal(both.reset_index(drop=True), alone)


def test_a_model_that_never_moves() -> None:
    pairs = made_pairs([("x", "a", "b", 20)], n_placebo=20).assign(aligned=0.0)
    row = counterfactual_effects(pairs, ["aligned"]).iloc[0]
    assert (row["difference"], row["ci_low"], row["ci_high"], row["p"]) == (0, 0, 0, 1)
    assert row["equivalent"] and row["placebo_low"] == row["placebo_high"] == 0


def test_empty_and_unrated() -> None:
    empty = counterfactual_effects(made_pairs([]), ["aligned"])
    assert empty.empty and list(empty.columns) == COLUMNS
    unrated = made_pairs([("x", "a", "b", 20)], n_placebo=9).assign(aligned=np.nan)
    table = counterfactual_effects(unrated, ["aligned"])
    assert (table["n_pairs"] == 0).all() and table[ESTIMATES].isna().all(axis=None)


def test_wrong_pairs_and_options() -> None:
    pairs = made_pairs([("x", "a", "b", 9)])
    with pytest.raises(InputError, match="pair p0 occurs more than once"):
        counterfactual_effects(pd.concat([pairs, pairs]), ["aligned"])
    with pytest.raises(InputError, match="pair p0 changes x from b to itself"):
        counterfactual_effects(pairs.assign(from_value="b"), ["aligned"])
    with pytest.raises(InputError, match="no column base_id"):
        counterfactual_effects(pairs.drop(columns="base_id"), ["aligned"])
    for option in ({"min_n": 1}, {"level": 0}, {"margin": 0}, {"n_bootstrap": 0}):
        with pytest.raises(InputError, match=next(iter(option))):
            counterfactual_effects(pairs, ["aligned"], **option)  # type: ignore[arg-type]
