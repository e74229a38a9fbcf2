import numpy as np
import pandas as pd
import pytest
from critique_studies import cell_study, frame_of

from pluralens.errors import InputError
from pluralens.stats.cells import cell_accuracy, cell_contrasts
from pluralens.stats.holm import holm
from pluralens.stats.jeffreys import jeffreys_interval
from pluralens.stats.multiplicity import benjamini_hochberg
from pluralens.stats.padded_shares import ShareGroup, padded_share


def test_cells_one_by_one() -> None:
    frame = cell_study(np.random.default_rng(0), [0.2, 0.5, 0.9])
    frame.loc[[0, 31], "accepted"] = np.nan
    table = cell_accuracy(frame).set_index("cell")
    for cell, rows in frame.groupby("cells"):
        row = table.loc[cell]
        assert row["accuracy"] == pytest.approx(rows["accepted"].mean())
        assert row["n_answers"] == row["n_pairs"] == rows["accepted"].notna().sum()
        assert row["n_unscored"] == rows["accepted"].isna().sum()
        # Persons with questions of their own: close to as many answers as there are.
        low, high = jeffreys_interval(row["accuracy"], row["n_answers"])
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), abs=0.02)
    between = np.sort([table["accuracy"]["c0"], table["pooled"]["c0"], table["accuracy"].mean()])
    assert table["pooled"]["c0"] == between[1] and table["own_weight"].between(0, 1).all()


def test_an_answer_counts_in_each_of_its_cells() -> None:
    frame = frame_of(np.arange(6), np.arange(6), np.array([1, 1, 0, 0, 1, 1.0]))
    frame["cells"] = ["a|b", "a", "b|a", "b", "", None]
    table = cell_accuracy(frame).set_index("cell")
    assert table["accuracy"].to_dict() == pytest.approx({"a": 2 / 3, "b": 1 / 3})
    assert table["n_pairs"].to_dict() == {"a": 3, "b": 3} and table["pooled"].isna().all()
    row = cell_contrasts(frame, min_n=3).iloc[0]
    assert (row["cell"], row["other"], row["n_shared"]) == ("a", "b", 2)
    assert row["difference"] == pytest.approx(1 / 3)


def test_contrasts_against_one_at_a_time() -> None:
    frame = cell_study(np.random.default_rng(1), [0.3, 0.5, 0.9, 0.9])
    frame.loc[frame["cells"] == "c3", "accepted"] = 1.0
    table = cell_contrasts(frame)
    assert len(table) == 6
    parts = {
        cell: ShareGroup(rows["accepted"].to_numpy(), rows["question_id"], rows["persona_id"])
        for cell, rows in frame.groupby("cells")
    }
    for row in table.to_dict("records"):
        expected = padded_share(parts[row["cell"]], parts[row["other"]])
        numbers = row["difference"], row["ci_low"], row["ci_high"], row["p"]
        assert numbers == pytest.approx(tuple(expected))
    np.testing.assert_allclose(table["p_holm"], holm(table["p"]))
    np.testing.assert_allclose(table["p_bh"], benjamini_hochberg(table["p"]))


def test_small_cells_have_no_contrast_but_an_interval() -> None:
    frame = frame_of(np.arange(7), np.arange(7), np.ones(7), cells=["a"] * 6 + ["b"])
    assert cell_contrasts(frame)[["difference", "p", "p_holm"]].isna().all(axis=None)
    table = cell_accuracy(frame).set_index("cell")
    assert (table["ci_low"]["b"], table["ci_high"]["b"]) == pytest.approx((0.15, 1), abs=0.1)
    frame["accepted"] = np.nan
    table = cell_accuracy(frame)
    assert table["accuracy"].isna().all() and table["n_unscored"].tolist() == [6, 1]


def test_nothing_and_refusals() -> None:
    frame = frame_of(np.arange(3), np.arange(3), np.ones(3), cells=None)
    assert len(cell_accuracy(frame)) == len(cell_contrasts(frame)) == 0
    with pytest.raises(InputError, match="no column cells"):
        cell_accuracy(pd.DataFrame({"pair": []}))
    with pytest.raises(InputError, match="min_n"):
        cell_contrasts(frame, min_n=1)
