import math

import pandas as pd
import pytest

from pluralens.stats.likert_frame import (
    base_personas,
    grouped_pairs,
    item_scores,
    outcomes,
    persona_frame,
    rating_frame,
    with_their_bases,
)

ITEMS = {
    "g1": {"adjective": "kind", "dimension": "warmth", "valence": 1},
    "g2": {"adjective": "cold", "dimension": "warmth", "valence": -1},
}
NONE = math.nan


def frame() -> pd.DataFrame:
    metadata = [
        {"gender": "female", "role": "base", "base_id": "a", "changed_attribute": ""},
        {"gender": "male", "role": "counterfactual", "base_id": "a", "changed_attribute": "gender"},
        {"gender": "male", "role": "counterfactual", "base_id": "x", "changed_attribute": "gender"},
    ]
    values = [
        {"g1": 5, "g1_rev": 1, "g2": 2, "g2_rev": NONE, "aligned": 4.5, "aligned_warmth": 4.5},
        {"g1": 4, "g1_rev": 3, "g2": NONE, "g2_rev": NONE, "aligned": 3.5, "aligned_warmth": 3.5},
        {"g1": 4, "g1_rev": 3, "g2": NONE, "g2_rev": NONE, "aligned": 3.5, "aligned_warmth": 3.5},
    ]
    return persona_frame(["a", "b", "c"], metadata, values)


def test_one_row_per_sample_with_numbers_as_numbers() -> None:
    made = frame()
    assert list(made["sample_id"]) == ["a", "b", "c"]
    assert made["attribute"].tolist() == ["", "gender", "gender"]
    assert made["g1"].dtype == float and made["g2"].isna().sum() == 2
    assert outcomes(made) == ["aligned", "aligned_warmth"]


def test_twins_are_no_base_personas_and_need_their_base() -> None:
    assert base_personas(frame())["sample_id"].tolist() == ["a"]
    assert with_their_bases(frame())["sample_id"].tolist() == ["a", "b"]


def test_pairs_are_compared_by_group_and_not_within_one() -> None:
    base = {"role": "base", "base_id": "a", "pair_id": "", "changed_attribute": ""}
    twin = {"role": "counterfactual", "base_id": "a", "changed_attribute": "origin"}
    metadata = [
        {**base, "from_value": "", "to_value": "", "from_group": "", "to_group": ""},
        {**twin, "pair_id": "1", "from_value": "IT", "to_value": "TR", "from_group": "other Europe",
         "to_group": "Asia"},
        {**twin, "pair_id": "2", "from_value": "IT", "to_value": "PL", "from_group": "other Europe",
         "to_group": "other Europe"},
        {**twin, "role": "placebo", "changed_attribute": "placebo", "pair_id": "3",
         "from_value": "", "to_value": "", "from_group": "", "to_group": ""},
    ]  # fmt: skip
    made = persona_frame(list("abcd"), metadata, [{"aligned": v} for v in (3, 4, 5, 3.5)])
    pairs = grouped_pairs(made, ["aligned"])
    assert pairs["pair_id"].tolist() == ["1", "3"]
    assert (pairs["from_value"].iloc[0], pairs["to_value"].iloc[0]) == ("other Europe", "Asia")
    assert pairs["aligned"].tolist() == [1, 0.5]


def test_ratings_stand_side_by_side() -> None:
    ratings = rating_frame(frame(), ITEMS)
    assert len(ratings) == 6
    first = ratings[(ratings["sample_id"] == "a") & (ratings["item"] == "g1")].iloc[0]
    assert (first["raw"], first["raw_reversed"], first["valence"]) == (5, 1, 1)


def test_items_are_mirrored_by_order_and_by_valence() -> None:
    scores = item_scores(frame(), ITEMS)
    assert scores["g1"].tolist() == [5, 3.5, 3.5]
    assert scores["g2"].iloc[0] == 4
    assert scores["g2"].iloc[1:].isna().all()


def test_expected_ratings_are_used_where_there_are_no_others() -> None:
    expected = persona_frame(["a"], [{}], [{"g1_ev": 4.5, "g1_rev_ev": 1.5}])
    assert rating_frame(expected, {"g1": ITEMS["g1"]})["raw"].tolist() == [4.5]
    assert item_scores(expected, {"g1": ITEMS["g1"]})["g1"].tolist() == pytest.approx([4.5])


def test_nothing_gives_empty_frames() -> None:
    assert persona_frame([], [], []).empty
    assert rating_frame(frame(), {}).empty
