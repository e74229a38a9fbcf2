import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.personas.rules import Rule, bound_rule, forbidden_mask, parse_condition

AGES = tuple(range(10, 20))
SHADES = ("red", "green", "blue")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("<13", {10, 11, 12}),
        ("<=13", {10, 11, 12, 13}),
        (">17", {18, 19}),
        (">= 17", {17, 18, 19}),
        ("<10", set()),
        ([10, 19], {10, 19}),
        (12, {12}),
        ({"not": [10, 11, 12, 13, 14, 15, 16, 17, 18]}, {19}),
    ],
)
def test_numbers(condition: object, expected: set[int]) -> None:
    assert {AGES[i] for i in parse_condition(condition, AGES)} == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [("red", {"red"}), (["red", "blue"], {"red", "blue"}), ({"not": ["red"]}, {"green", "blue"})],
)
def test_words(condition: object, expected: set[str]) -> None:
    assert {SHADES[i] for i in parse_condition(condition, SHADES)} == expected


@pytest.mark.parametrize(
    ("condition", "values", "problem"),
    [
        ("young", AGES, "is no comparison"),
        ("=12", AGES, "is no comparison"),
        ("<12; drop", AGES, "is no comparison"),
        (99, AGES, "99 is not a declared value"),
        (True, (0, 1), "True is no value"),
        ("grene", SHADES, "use 'green', the closest"),
        ([], SHADES, "the list is empty"),
        ({"not": []}, SHADES, "the list is empty"),
        ({"or": ["red"]}, SHADES, "is no condition"),
    ],
)
def test_unreadable(condition: object, values: tuple[str | int, ...], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_condition(condition, values)


sizes = {"a": 3, "b": 4, "c": 2}
rules = st.lists(
    st.dictionaries(
        st.sampled_from(sorted(sizes)), st.frozensets(st.integers(0, 3), max_size=3), min_size=1
    ).map(lambda conditions: Rule(conditions, "")),
    max_size=4,
)


@settings(derandomize=True, deadline=None)
@given(rules)
def test_mask_agrees_with_every_single_persona(drawn: list[Rule]) -> None:
    combinations = list(itertools.product(*(range(n) for n in sizes.values())))
    columns = dict(zip(sizes, np.array(combinations).T, strict=True))
    expected = [
        any(
            all(combination["abc".index(name)] in codes for name, codes in rule.conditions.items())
            for rule in drawn
        )
        for combination in combinations
    ]
    assert forbidden_mask(drawn, columns).tolist() == expected
    assert [
        any(rule.breaks(dict(zip("abc", c, strict=True))) for rule in drawn) for c in combinations
    ] == expected


def test_bounds() -> None:
    ranks: dict[str | int, int] = {"none": 0, "low": 1, "also_low": 1, "high": 2}
    values = ("at_school", "none", "low", "also_low", "high")
    rule = bound_rule("job", [7], "school", ranks, values, 1, at_least=True)
    assert rule is not None
    assert {values[i] for i in rule.conditions["school"]} == {"at_school", "none"}
    assert rule.conditions["job"] == {7}
    assert rule.text == "job: this value needs school of at least low or also_low"
    highest = bound_rule("job", [7], "school", ranks, values, 1, at_least=False)
    assert highest is not None
    assert {values[i] for i in highest.conditions["school"]} == {"at_school", "high"}
    numbers: dict[str | int, int] = {v: v for v in AGES}
    assert bound_rule("job", [0], "age", numbers, AGES, 10, at_least=True) is None
