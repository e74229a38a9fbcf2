import numpy as np
import pytest

from pluralens.errors import InputError
from pluralens.stats.critique_frame import COLUMNS, critique_frame, group_columns

ABOUT = {"question_id": "q1", "persona_id": "p1"}


def one(value: dict[str, object], **about: object) -> dict[str, object]:
    frame = critique_frame(["s"], [{**ABOUT, **about}], [value], [3])
    return dict(frame.iloc[0])


def test_defaults_and_columns() -> None:
    row = one({"accepted": 1, "vote_1": 0, "vote_2": 1, "votes": 2}, group_sex="Male", other="x")
    assert list(row) == [*COLUMNS, "group_sex", "vote_1", "vote_2"]
    assert (row["pair"], row["arm"], row["epoch"], row["outcome"]) == ("q1/p1", "full", 3, "scored")
    assert row["accepted"] == 1 and np.isnan(row["leak"]) and row["votes"] == 2


@pytest.mark.parametrize(
    ("value", "outcome", "accepted"),
    [
        ({"accepted": 0.5, "invalid": 0, "unscored": 0}, "scored", 0.5),
        ({"accepted": 0, "invalid": 1, "unscored": 0}, "invalid", 0),
        ({"accepted": None, "invalid": 1}, "invalid", 0),
        ({"accepted": float("nan"), "unscored": 1}, "unscored", np.nan),
        ({"accepted": 1, "unscored": 1}, "unscored", np.nan),
        ({"accepted": None}, "unscored", np.nan),
        ({"identified": 0.75}, "scored", np.nan),
        ({"identified": None, "invalid": 0.5}, "invalid", np.nan),
        ({"identified": None, "unscored": 0.25}, "unscored", np.nan),
    ],
)
def test_outcomes(value: dict[str, object], outcome: str, accepted: float) -> None:
    row = one(value)
    assert row["outcome"] == outcome
    assert row["accepted"] == pytest.approx(accepted, nan_ok=True)
    if outcome != "scored":
        assert np.isnan(row["identified"])


def test_groups_of_some_and_an_empty_log() -> None:
    frame = critique_frame(
        ["a", "b"], [{**ABOUT, "group_sex": "Male"}, ABOUT], [{"accepted": 1}] * 2, [1, 1]
    )
    assert group_columns(frame) == ["group_sex"] and frame["group_sex"].isna().tolist() == [0, 1]
    empty = critique_frame([], [], [], [])
    assert list(empty.columns) == list(COLUMNS) and len(empty) == 0


@pytest.mark.parametrize("key", ["question_id", "persona_id"])
def test_another_log_is_refused(key: str) -> None:
    about = {k: v for k, v in ABOUT.items() if k != key}
    with pytest.raises(InputError, match=f"sample s: no metadata {key}"):
        critique_frame(["s"], [about], [{"accepted": 1}], [1])
