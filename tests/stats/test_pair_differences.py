import numpy as np
import pandas as pd
import pytest

from pluralens.errors import InputError
from pluralens.stats.pair_differences import pair_differences

HEADER = ["sample_id", "role", "base_id", "pair_id", "attribute", "from_value", "to_value"]


def samples() -> pd.DataFrame:
    rows = [
        ("a", "base", None, None, None, None, None, 3.0, 1.0),
        ("a+m", "counterfactual", "a", "p1", "gender", "f", "m", 3.5, np.nan),
        ("b", "base", None, None, None, None, None, 4.0, np.nan),
        ("a+placebo", "placebo", "a", "p2", None, None, None, 3.1, 1.5),
        ("b+60", "counterfactual", "b", "p3", "age", "30", "60", 3.0, 2.0),
    ]
    return pd.DataFrame(rows, columns=[*HEADER, "aligned", "g1"])


def test_twin_minus_base() -> None:
    pairs = pair_differences(samples(), ["aligned", "g1"])
    expected = pd.DataFrame(
        {
            "pair_id": ["p1", "p2", "p3"],
            "base_id": ["a", "a", "b"],
            "attribute": ["gender", "placebo", "age"],
            "from_value": ["f", "", "30"],
            "to_value": ["m", "", "60"],
            "aligned": [0.5, 0.1, -1.0],
            "g1": [np.nan, 0.5, np.nan],
        }
    )
    pd.testing.assert_frame_equal(pairs, expected, check_dtype=False)


@pytest.mark.parametrize("own", ["", None, float("nan")])
def test_base_without_an_own_base_id_is_found_by_its_sample_id(own: object) -> None:
    frame = samples()
    frame["base_id"] = [own, "a", own, "a", "b"]
    assert pair_differences(frame, ["aligned"])["aligned"].tolist() == pytest.approx([0.5, 0.1, -1])


def test_base_may_carry_the_identity_of_its_persona() -> None:
    frame = samples()
    frame["sample_id"] = [f"{s}/de" if r == "base" else s for s, r in frame.iloc[:, :2].to_numpy()]
    frame.loc[frame["role"] == "base", "base_id"] = ["a", "b"]
    assert pair_differences(frame, ["aligned"])["aligned"].tolist() == pytest.approx([0.5, 0.1, -1])


def test_row_labels_do_not_matter() -> None:
    frame = samples().sample(frac=1, random_state=0)
    frame.index = [5] * len(frame)
    pairs = pair_differences(frame, ["aligned"]).set_index("pair_id")["aligned"]
    assert pairs.to_dict() == pytest.approx({"p1": 0.5, "p2": 0.1, "p3": -1.0})


def test_lost_bases_are_counted_and_named() -> None:
    frame = samples()
    with pytest.raises(InputError, match=r"1 of 3 twins have no base: b\+60; "):
        pair_differences(frame[frame["sample_id"] != "b"], ["aligned"])
    with pytest.raises(InputError, match=r"3 of 3 twins have no base: a\+m, a\+placebo, b\+60;"):
        pair_differences(frame[frame["role"] != "base"], ["aligned"])


def test_wrong_rows() -> None:
    frame = samples()
    with pytest.raises(InputError, match="role 'twin' is unknown"):
        pair_differences(frame.replace({"role": {"counterfactual": "twin"}}), ["aligned"])
    with pytest.raises(InputError, match="base a occurs more than once"):
        pair_differences(pd.concat([frame, frame.iloc[:1]]), ["aligned"])
    with pytest.raises(InputError, match="no column pair_id"):
        pair_differences(frame.drop(columns="pair_id"), ["aligned"])


def test_without_twins_and_without_rows() -> None:
    frame = samples()
    for nothing in (frame[frame["role"] == "base"], frame.iloc[:0]):
        pairs = pair_differences(nothing, ["aligned", "g1"])
        assert pairs.empty and "g1" in pairs.columns
