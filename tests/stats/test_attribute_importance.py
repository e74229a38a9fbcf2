import numpy as np
import pandas as pd
import pytest
from critique_studies import loo_study
from scipy.stats import bootstrap

from pluralens.errors import InputError
from pluralens.stats.attribute_importance import attribute_importance
from pluralens.stats.holm import holm
from pluralens.stats.multiplicity import benjamini_hochberg
from pluralens.stats.paired_mean import paired_mean

FEW = {"n_permutations": 199, "n_bootstrap": 199}


def study(seed: int = 0, **options: object) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return loo_study(rng, [0.5, 0.2, 0.0], pairs=60, persons=30, **options)  # type: ignore[arg-type]


def test_estimates_against_a_pivot_table() -> None:
    frame = study(absent=0.2, unscored=0.1)
    found = attribute_importance(frame, **FEW)
    wide = frame.pivot(index="pair", columns="arm", values="accepted")
    ran = frame.assign(one=1.0).pivot(index="pair", columns="arm", values="one").notna()
    for row in [*found.table.to_dict("records"), found.gap.to_dict()]:
        arm = f"without:{row['attribute']}" if row["attribute"] else "none"
        both = wide[["full", arm]].dropna()
        assert row["importance"] == pytest.approx((both["full"] - both[arm]).mean())
        assert row["accuracy_full"] == pytest.approx(both["full"].mean())
        assert row["accuracy_without"] == pytest.approx(both[arm].mean())
        assert row["n_pairs"] == len(both) and row["n_absent"] == (~ran[arm]).sum()
        assert row["n_unscored"] == ran[arm].sum() - len(both)
        assert row["ci_low"] < row["importance"] < row["ci_high"]
    assert sorted(found.table["attribute"]) == ["a0", "a1", "a2"] and found.n_without_full == 0
    np.testing.assert_allclose(found.table["p_holm"], holm(found.table["p"]))
    np.testing.assert_allclose(found.table["p_bh"], benjamini_hochberg(found.table["p"]))


def test_interval_against_scipys_bca_over_persons() -> None:
    """With as many pairs per person the importance is the mean of the persons' means."""
    frame = study(absent=0.0, unscored=0.0)
    wide = frame.pivot(index=["persona_id", "pair"], columns="arm", values="accepted")
    means = (wide["full"] - wide["without:a0"]).groupby("persona_id").mean().to_numpy()
    table = attribute_importance(frame, n_bootstrap=20_000).table.set_index("attribute")
    expected = bootstrap((means,), np.mean, method="BCa", n_resamples=20_000, rng=0)
    low, high = expected.confidence_interval
    # Ours has expanded quantiles: a little wider.
    assert table["ci_low"]["a0"] == pytest.approx(low, abs=0.02)
    assert table["ci_high"]["a0"] == pytest.approx(high, abs=0.02)
    twin = paired_mean(means, np.random.default_rng(1))
    assert table["p"]["a0"] == pytest.approx(twin.p, abs=0.02)


def test_epochs_are_averaged_within_their_arm() -> None:
    first, second = study(0, absent=0), study(0, absent=0)
    second["accepted"] = 1 - second["accepted"]
    frame = pd.concat([first, second.assign(epoch=2)])
    table = attribute_importance(frame, **FEW).table
    assert table["importance"].abs().max() < 0.2
    once = attribute_importance(first, **FEW).table
    twice = attribute_importance(pd.concat([first, first.assign(epoch=2)]), **FEW).table
    pd.testing.assert_frame_equal(once, twice)


def test_an_attribute_does_not_depend_on_the_others() -> None:
    frame = study()
    alone = attribute_importance(frame[frame["arm"].isin(["full", "without:a1"])], **FEW)
    table = attribute_importance(frame, **FEW).table.set_index("attribute")
    columns = ["importance", "ci_low", "ci_high", "p", "n_pairs"]
    row = alone.table.set_index("attribute").loc["a1", columns]
    np.testing.assert_allclose(table.loc["a1", columns].astype(float), row.astype(float))
    assert np.isnan(alone.gap["importance"]) and alone.gap["n_pairs"] == 0


def test_order_of_the_rows_does_not_matter() -> None:
    frame = study()
    turned = attribute_importance(frame[::-1], **FEW).table.sort_values("attribute")
    table = attribute_importance(frame, **FEW).table.sort_values("attribute")
    columns = ["importance", "accuracy_full", "n_pairs", "n_absent", "n_unscored"]
    for column in columns:
        np.testing.assert_allclose(turned[column], table[column])


def test_few_persons_have_counts_alone() -> None:
    frame = study()
    some = frame[frame["persona_id"].isin(frame["persona_id"].unique()[:4])]
    table = attribute_importance(some, **FEW).table
    assert table[["importance", "ci_low", "p", "p_holm"]].isna().all(axis=None)
    assert (table["n_pairs"] > 0).all() and (table["n_personas"] == 4).all()


def test_broken_pairings_are_refused() -> None:
    frame = study()
    pair = frame["pair"].iloc[0]
    with pytest.raises(InputError, match=rf"pair {pair} has arm full more than once in epoch 1"):
        attribute_importance(pd.concat([frame, frame[:1]]))
    orphans = frame[(frame["pair"] != pair) | (frame["arm"] != "full")]
    with pytest.raises(InputError, match=rf"pair {pair} has no arm 'full' \(1 such pairs\)"):
        attribute_importance(orphans)
    counted = attribute_importance(orphans, unpaired="count", **FEW)
    assert counted.n_without_full == 1
    whole = attribute_importance(frame[frame["pair"] != pair], **FEW)
    np.testing.assert_allclose(counted.table["importance"], whole.table["importance"])
    mixed = frame.assign(question_id=frame["question_id"].where(frame["arm"] != "none", -1))
    with pytest.raises(InputError, match="has more than one question_id"):
        attribute_importance(mixed)
    with pytest.raises(InputError, match="no column persona_id"):
        attribute_importance(frame.drop(columns="persona_id"))
    with pytest.raises(InputError, match="min_n"):
        attribute_importance(frame, min_n=1)


def test_nothing_but_parts() -> None:
    frame = study()
    for arms in (["full"], ["without:a0"], []):
        found = attribute_importance(frame[frame["arm"].isin(arms)], unpaired="count", **FEW)
        assert found.table["importance"].isna().all() and np.isnan(found.gap["importance"])
