import numpy as np
import pandas as pd
import pytest

from pluralens.errors import InputError
from pluralens.stats.persona_frame import (
    attribute_groups,
    outcome_matrix,
    require_base_personas,
    require_columns,
)


def test_missing_columns_are_named_with_those_that_exist() -> None:
    frame = pd.DataFrame({"a": [1], "b": [2]})
    require_columns(frame, ["b", "a"], "pairs")
    with pytest.raises(InputError, match=r"pairs: no column x, y; .*\(has a, b\)"):
        require_columns(frame, ["a", "x", "y"], "pairs")
    with pytest.raises(InputError, match="has none"):
        require_columns(pd.DataFrame(), ["x"], "pairs")


def test_outcomes_become_floats_with_nan_for_none() -> None:
    frame = pd.DataFrame(
        {
            "objects": [1, None, 3.5],
            "nullable": pd.array([1, pd.NA, 3], dtype="Int64"),
            "text": ["1", "two", "3"],
        }
    )
    matrix = outcome_matrix(frame, ["objects", "nullable"], "frame")
    np.testing.assert_array_equal(matrix, [[1, 1], [np.nan, np.nan], [3.5, 3]])
    with pytest.raises(InputError, match="column text is not numeric"):
        outcome_matrix(frame, ["text"], "frame")


def test_only_independent_personas_pass() -> None:
    frame = pd.DataFrame({"sample_id": ["a", "b"], "role": ["base", "base"]})
    require_base_personas(frame, "frame")
    require_base_personas(frame[["sample_id"]], "frame")
    with pytest.raises(InputError, match="1 of 2 rows are twins"):
        require_base_personas(frame.assign(role=["base", "placebo"]), "frame")
    with pytest.raises(InputError, match="sample a occurs more than once"):
        require_base_personas(frame.assign(sample_id="a"), "frame")


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["b", "a", None, "b"], {"a": [1], "b": [0, 3]}),
        ([10, 9, 9, 100], {"9": [1, 2], "10": [0], "100": [3]}),
        ([1.0, np.nan, 0.0, 1.0], {"0": [2], "1": [0, 3]}),
        ([0.5, 0.5, 2.0, 2.0], {"0.5": [0, 1], "2": [2, 3]}),
        ([True, False, True, True], {"False": [1], "True": [0, 2, 3]}),
        (["", "a", "", "a"], {"": [0, 2], "a": [1, 3]}),
    ],
)
def test_groups_in_a_stable_order(column: list[object], expected: dict[str, list[int]]) -> None:
    groups = attribute_groups(pd.DataFrame({"x": column}, index=[7, 7, 8, 9]), "x")
    assert list(groups) == list(expected)
    assert {k: v.tolist() for k, v in groups.items()} == expected


def test_categories_keep_their_declared_order() -> None:
    ages = pd.Categorical(["old", "young", "old"], categories=["young", "middle", "old"])
    groups = attribute_groups(pd.DataFrame({"age": ages}), "age")
    assert {k: v.tolist() for k, v in groups.items()} == {"young": [1], "old": [0, 2]}
    assert list(groups) == ["young", "old"]


def test_empty_frame_has_no_groups() -> None:
    assert attribute_groups(pd.DataFrame({"x": []}), "x") == {}
    assert attribute_groups(pd.DataFrame({"x": [None, None]}), "x") == {}
