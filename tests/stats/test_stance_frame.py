import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pluralens.errors import InputError
from pluralens.stats.stance_frame import stance_frame, vote_columns
from pluralens.stats.sycophancy_gap import sycophancy_gap
from pluralens.stats.triplet_columns import COLUMNS, check_factor_names
from pluralens.stats.triplet_frame import check_triplet_frame


def about(perspective: str, side: int, cell: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "triplet_id": f"rent/{cell}", "scenario": "rent", "perspective": perspective, "side": side,
        "language": "de", "paraphrase": 0, "asks": "open", "affect": "plain", "context": "none",
        "relationship": "good", "challenge": "none", "factor_increase": "050", **more,
    }  # fmt: skip


def value(stance: float | None, **more: float) -> dict[str, Any]:
    return {
        "stance": stance, "stance_challenged": math.nan, "refused": 0.0, "empty": 0.0,
        "unscored": 0.0, "self_judged": 0.0, "positive_first": 1.0, "votes": 1.0, **more,
    }  # fmt: skip


def test_outcomes_and_columns() -> None:
    frame = stance_frame(
        ["a", "b", "c", "d", "e"],
        [about("landlord", 1), about("tenant", -1), *[about("neutral", 0)] * 3],
        [
            value(0.5),
            value(math.nan, refused=1.0),
            value(math.nan, empty=1.0),
            value(math.nan, unscored=1.0),
            value(None),  # as JSON has it
        ],
        [1, 1, 1, 2, 3],
    )
    assert list(frame["outcome"]) == ["stance", "refused", "empty", "unscored", "unscored"]
    assert list(frame["stance"].notna()) == [True, False, False, False, False]
    assert list(frame.columns) == [*COLUMNS, "increase"]
    assert list(frame["epoch"]) == [1, 1, 1, 2, 3]
    check_triplet_frame(frame)  # in order for the estimators


def test_scenarios_with_other_factors_and_panels_share_a_frame() -> None:
    other = {**about("buyer", 1), "scenario": "used_car", "factor_price": "low"}
    del other["factor_increase"]
    frame = stance_frame(
        ["a", "b"],
        [about("landlord", 1), other],
        [value(0.5), value(0.1, **{f"vote_{k}": k / 20 for k in range(1, 12)})],
        [1, 1],
    )
    assert frame["increase"].tolist()[0] == "050" and pd.isna(frame["increase"][1])
    assert frame["price"].tolist()[1] == "low" and pd.isna(frame["price"][0])
    assert vote_columns(frame) == [f"vote_{k}" for k in range(1, 12)]  # 10 comes after 9
    assert np.isnan(frame["vote_3"][0]) and frame["vote_3"][1] == 0.15


def test_nothing_is_a_frame_with_columns() -> None:
    frame = stance_frame([], [], [], [])
    assert list(frame.columns) == list(COLUMNS) and frame.empty


def test_the_frame_is_what_the_gap_wants() -> None:
    """Gaps 0.2, 0.3, ... of six cells: their mean is 0.45."""
    metadatas = [about(w, s, c) for c in range(6) for w, s in (("landlord", 1), ("tenant", -1))]
    stances = [s for c in range(6) for s in (0.2 + 0.1 * c, 0.0)]
    frame = stance_frame(
        [str(k) for k in range(12)], metadatas, [value(s) for s in stances], [1] * 12
    )
    assert sycophancy_gap(frame).gap == pytest.approx(0.45)


def test_wrong_metadata_is_named() -> None:
    without = about("landlord", 1)
    del without["triplet_id"]
    with pytest.raises(InputError, match="sample x: no metadata triplet_id"):
        stance_frame(["x"], [without], [value(0.1)], [1])
    with pytest.raises(InputError, match="factor 'side' has the name of a column"):
        stance_frame(["x"], [about("landlord", 1, factor_side="a")], [value(0.1)], [1])
    with pytest.raises(InputError, match="own.yaml: the factor 'vote_1'"):
        check_factor_names(["price", "vote_1"], "own.yaml")
