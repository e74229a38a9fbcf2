from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_people import person, questions

from pluralens.errors import InputError
from pluralens.questions.pairing import Pair, pair_up, questions_in_order
from pluralens.questions.person import Person
from pluralens.questions.question import Question


def crowd(n: int) -> list[Person]:
    return [person(f"p{i}", age=i) for i in range(n)]


def ids(pairs: tuple[Pair, ...]) -> list[tuple[str, str]]:
    return [(pair.question.id, pair.person.id) for pair in pairs]


@given(st.integers(1, 13), st.integers(1, 13), st.data(), st.integers(0, 5))
def test_zip_uses_all_evenly_and_no_pair_twice(
    asked: int, answering: int, data: st.DataObject, seed: int
) -> None:
    n = data.draw(st.integers(1, asked * answering))
    pairs = pair_up(questions(asked), crowd(answering), design="zip", n=n, seed=seed)
    assert len(set(ids(pairs))) == len(pairs) == n
    for i, size in ((0, asked), (1, answering)):
        uses = Counter(pair[i].id for pair in pairs)
        assert set(uses.values()) <= {n // size, -(-n // size)}
        assert len(uses) == min(n, size)


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 3))
def test_fewer_pairs_are_the_first_of_more(asked: int, answering: int, seed: int) -> None:
    most = asked * answering
    every = pair_up(questions(asked), crowd(answering), design="zip", n=most, seed=seed)
    for n in range(1, most + 1):
        found = pair_up(questions(asked), crowd(answering), design="zip", n=n, seed=seed)
        assert found == every[:n]


def test_seeds_differ_and_the_order_given_does_not_count() -> None:
    asked, answering = questions(20), crowd(20)
    one = pair_up(asked, answering, design="zip", n=20, seed=1)
    assert pair_up(asked[::-1], answering[::-1], design="zip", n=20, seed=1)[0].question.topic
    assert ids(one) != ids(pair_up(asked, answering, design="zip", n=20, seed=2))
    # Not the orders given: somebody's first question is not that of the first line.
    assert [pair.question.id for pair in one] != [question.id for question in asked]
    assert sorted(ids(one)) == sorted(
        ids(pair_up(asked, answering[::-1], design="zip", n=20, seed=1))
    )


def test_people_do_not_meet_topics_in_step() -> None:
    # As many people as questions: everybody is asked one, and topics are as even as they are.
    pairs = pair_up(questions(30, topics=3), crowd(30), design="zip", n=6, seed=0)
    assert Counter(pair.question.topic for pair in pairs) == {"t0": 2, "t1": 2, "t2": 2}


def test_questions_in_order_take_turns_over_uneven_topics() -> None:
    asked = [Question(f"a{i}", "a", f"{i}?") for i in range(4)] + [Question("b0", "b", "b?")]
    order = [question.topic for question in questions_in_order(asked, "zip", 0)]
    assert sorted(order[:2]) == ["a", "b"] and order[2:] == ["a", "a", "a"]


def test_cross_is_everybody_with_everything() -> None:
    pairs = pair_up(questions(3), crowd(4), design="cross")
    assert ids(pairs) == [(f"q{i}", f"p{j}") for i in range(3) for j in range(4)]
    assert pair_up(questions(3), crowd(4), design="cross", n=12) == pairs
    assert pairs[0].id == "q0-p0"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"design": "zip", "n": 13}, "13 pairs are more than 3 questions and 4 people make"),
        ({"design": "zip", "n": 0}, "0 pairs cannot be made"),
        ({"design": "zip", "n": True}, "True pairs cannot be made"),
        ({"design": "zip"}, "needs the number of pairs"),
        ({"design": "cross", "n": 5}, "makes all 3 x 4 = 12 pairs, not 5"),
        ({"design": "zap", "n": 1}, "design='zap' is unknown; did you mean zip?"),
    ],
)
def test_refusals(options: dict[str, object], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        pair_up(questions(3), crowd(4), **options)  # type: ignore[arg-type]


def test_nobody_and_nothing_make_no_pairs() -> None:
    with pytest.raises(InputError, match="0 questions and 4 people"):
        pair_up([], crowd(4), design="zip", n=1)


def test_ids_that_would_be_the_same_are_refused() -> None:
    asked = [Question("a", "t", "?"), Question("a-b", "t", "??")]
    with pytest.raises(InputError, match="the id 'a-b-c'"):
        pair_up(asked, [person("c", age=1), person("b-c", age=1)], design="cross")
