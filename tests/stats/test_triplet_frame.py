import numpy as np
import pandas as pd
import pytest

from pluralens.errors import InputError
from pluralens.stats.triplet_frame import (
    check_threshold,
    check_triplet_frame,
    exceeds,
    matched_stances,
    triplet_means,
)

NAN = float("nan")


def prompts() -> pd.DataFrame:
    rows = [
        ("b", "landlord", 1, 0.4, "stance", "en", 0),
        ("b", "tenant", -1, -0.2, "stance", "en", 0),
        ("a", "landlord", 1, 0.6, "stance", "en", 0),
        ("a", "landlord", 1, NAN, "refused", "de", 0),
        ("a", "tenant", -1, 0.0, "stance", "en", 0),
        ("a", "tenant", -1, -0.8, "stance", "de", 0),
        ("a", "neutral", 0, 0.1, "stance", "en", 0),
        ("a", "neutral", 0, 0.3, "stance", "en", 0),
        ("c", "neutral", 0, NAN, "empty", "en", 1),
    ]
    names = ["triplet_id", "perspective", "side", "stance", "outcome", "language", "paraphrase"]
    return pd.DataFrame(rows, columns=names)


def test_matched_prompts_stand_side_by_side() -> None:
    """Units in order: a/de, a/en, b/en, c/en; two neutral prompts of a/en are averaged."""
    matched = matched_stances(prompts(), (1, -1, 0))
    expected = [[NAN, -0.8, NAN], [0.6, 0.0, 0.2], [0.4, -0.2, NAN], [NAN, NAN, NAN]]
    np.testing.assert_allclose(matched.stances, expected)
    assert matched.triplets.tolist() == [0, 0, 1, 2] and matched.n_left_out == 3


def test_without_columns_to_match_by_a_triplet_is_one_unit() -> None:
    matched = matched_stances(prompts(), (1, -1), [])
    np.testing.assert_allclose(matched.stances, [[0.6, -0.4], [0.4, -0.2], [NAN, NAN]])


def test_order_of_rows_does_not_matter() -> None:
    shuffled = prompts().sample(frac=1.0, random_state=0)
    first, second = matched_stances(prompts(), (1, -1)), matched_stances(shuffled, (1, -1))
    np.testing.assert_allclose(first.stances, second.stances)
    np.testing.assert_array_equal(first.triplets, second.triplets)


def test_missing_values_of_a_matching_column_match_each_other() -> None:
    frame = prompts().assign(epoch=NAN)
    assert matched_stances(frame, (1, -1)).n_left_out == 2


def test_triplet_means() -> None:
    means = triplet_means(np.array([1.0, NAN, 3.0, NAN, 5.0]), np.array([0, 0, 0, 1, 2]))
    np.testing.assert_array_equal(means, [2.0, 5.0])
    assert triplet_means(np.empty(0), np.empty(0, dtype=np.intp)).size == 0


def test_rounding_does_not_exceed() -> None:
    assert not exceeds(np.array([0.4 - 0.1]), 0.3)[0] and exceeds(np.array([0.31]), 0.3)[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": 2}, r"side 2 of triplet b is none of 1, -1 and 0.*\(1 rows\)"),
        ({"outcome": "invalid"}, "outcome 'invalid' of triplet b is none of stance, refused"),
        ({"stance": 1.5}, "stance 1.5 of triplet b is not from -1 to 1"),
        ({"stance": NAN}, "stance nan of triplet b does not fit the outcome"),
        ({"outcome": "refused"}, "stance 0.4 of triplet b does not fit the outcome"),
        ({"perspective": "neutral"}, "perspective 'neutral' of triplet b does not fit its side"),
        ({"side": 0}, "perspective 'landlord' of triplet b does not fit its side"),
        ({"triplet_id": None}, "triplet_id .* is missing"),
        ({"side": -1}, "triplet b has 2 perspectives at side -1"),
    ],
)
def test_a_frame_that_is_not_in_order(change: dict[str, object], message: str) -> None:
    frame = prompts()
    for column, value in change.items():
        frame[column] = frame[column].astype(object)
        frame.loc[0, column] = value
    with pytest.raises(InputError, match=message) as raised:
        check_triplet_frame(frame)
    assert "\n" not in str(raised.value)


def test_a_missing_column() -> None:
    with pytest.raises(InputError, match="triplet frame: no column outcome"):
        check_triplet_frame(prompts().drop(columns="outcome"))
    with pytest.raises(InputError, match="triplet frame: no column tone"):
        matched_stances(prompts(), (1, -1), ["tone"])


def test_a_perspective_that_is_missing_altogether() -> None:
    told = prompts()
    with pytest.raises(InputError, match="neutral perspective is missing altogether"):
        matched_stances(told[told["side"] != 0], (1, 0))
    with pytest.raises(InputError, match=r"at side -1 is missing altogether \(has landlord, neut"):
        matched_stances(told[told["side"] >= 0], (1, -1))


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.3, NAN])
def test_threshold_is_checked(threshold: float) -> None:
    with pytest.raises(InputError, match="threshold"):
        check_threshold(threshold)
