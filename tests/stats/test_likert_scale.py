import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.errors import InputError
from pluralens.stats.likert_scale import aligned, outcome_kind, persona_scores, semantic

NAN = float("nan")
rating = st.one_of(st.just(NAN), st.floats(1, 5), st.integers(1, 5).map(float))
item = st.tuples(rating, rating, st.sampled_from([-1, 0, 1]), st.sampled_from("wcm"))


def test_semantic_mirrors_only_the_reversed_order() -> None:
    raw = np.array([[1.0, 5.0], [3.0, 3.0], [NAN, 2.0]])
    expected = [[1.0, 1.0], [3.0, 3.0], [NAN, 4.0]]
    np.testing.assert_array_equal(semantic(raw, [False, True]), expected)


def test_aligned_by_valence() -> None:
    np.testing.assert_array_equal(
        aligned([5.0, 5.0, 5.0, NAN, 3.0], [1, -1, 0, -1, -1]), [5.0, 1.0, NAN, NAN, 3.0]
    )


def test_aligned_refuses_other_valences() -> None:
    with pytest.raises(InputError, match="valence: 2 is not -1, 0 or 1"):
        aligned([3.0, 3.0], [1, 2])


def plain_mean(numbers: list[float]) -> float:
    kept = [x for x in numbers if not math.isnan(x)]
    return math.fsum(kept) / len(kept) if kept else NAN


@settings(derandomize=True, deadline=None)
@given(st.lists(item, max_size=12))
def test_persona_scores_against_plain_loops(items: list[tuple[float, float, int, str]]) -> None:
    scores = persona_scores(
        np.array([i[:2] for i in items]), [i[2] for i in items], [i[3] for i in items]
    )
    per_item = [plain_mean([normal, 6 - back]) for normal, back, _, _ in items]
    expected = {"semantic": plain_mean(per_item)}
    turned = [
        {1: mean, -1: 6 - mean, 0: NAN}[i[2]] for i, mean in zip(items, per_item, strict=True)
    ]
    expected["aligned"] = plain_mean(turned)
    for name in {i[3] for i in items}:
        expected[f"aligned_{name}"] = plain_mean(
            [t for t, i in zip(turned, items, strict=True) if i[3] == name]
        )
    assert scores.keys() == expected.keys()
    for key, value in expected.items():
        assert scores[key] == pytest.approx(value, abs=1e-12, nan_ok=True)
        assert type(scores[key]) is float


def test_missing_order_does_not_halve_an_item() -> None:
    scores = persona_scores([[5.0, NAN], [1.0, 5.0]], [1, 1], ["w", "w"])
    assert scores == {"semantic": 3.0, "aligned": 3.0, "aligned_w": 3.0}


def test_nothing_rated_is_nan_and_not_the_middle() -> None:
    scores = persona_scores(np.full((2, 2), NAN), [1, -1], ["w", "c"])
    assert set(scores) == {"semantic", "aligned", "aligned_w", "aligned_c"}
    assert all(math.isnan(v) for v in scores.values())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([[1.0, 2.0]], "shape"),
        ([1.0, 2.0], "shape"),
        ([[0.0, 2.0], [1.0, 1.0]], "outside 1..5"),
        ([[1.0, 2.0], [1.0, 5.5]], "outside 1..5"),
    ],
)
def test_wrong_ratings_are_refused(raw: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        persona_scores(raw, [1, 1], ["w", "w"])  # type: ignore[arg-type]


def test_outcome_kind_follows_the_names_of_persona_scores() -> None:
    names = persona_scores([[1.0, 2.0]], [1], ["warmth"])
    assert [outcome_kind(n) for n in names] == ["overall", "overall", "dimension"]
    assert outcome_kind("g1") == "item"
