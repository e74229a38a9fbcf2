"""Weights of the plan against a walk through all combinations."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_population import tiny

from pluralens.errors import InputError
from pluralens.personas.plan import build_plan
from pluralens.personas.population import Population

VALUES = {"a": ("a0", "a1"), "b": ("b0", "b1", "b2"), "c": ("c0", "c1"), "d": ("d0", "d1", "d2")}
PARENTS: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("b", "a"), "d": ("b",)}
Tables = Mapping[str, Mapping[tuple[str, ...], Sequence[float]]]
Chosen = Mapping[str, str]


def rows(name: str) -> list[tuple[str, ...]]:
    return list(itertools.product(*(VALUES[parent] for parent in PARENTS[name])))


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    weight = st.sampled_from([0.0, 0.0, 1.0, 2.0, 5.0])
    return {
        name: {
            key: draw(
                st.lists(weight, min_size=len(VALUES[name]), max_size=len(VALUES[name])).filter(any)
            )
            for key in rows(name)
        }
        for name in VALUES
    }


forbidden = st.lists(
    st.dictionaries(
        st.sampled_from(sorted(VALUES)), st.sets(st.integers(0, 2), min_size=1), min_size=2
    ),
    max_size=3,
)


def allowed_words(raw: Mapping[str, set[int]]) -> dict[str, list[str]]:
    return {
        name: [VALUES[name][i] for i in sorted(codes) if i < len(VALUES[name])]
        for name, codes in raw.items()
    }


def reachable(given_tables: Tables, rules: Sequence[Mapping[str, Sequence[str]]]) -> list[Chosen]:
    """Every complete persona of positive probability that breaks no rule."""
    found = []
    for combination in itertools.product(*VALUES.values()):
        persona = dict(zip(VALUES, combination, strict=True))
        possible = all(
            given_tables[n][tuple(persona[p] for p in PARENTS[n])][VALUES[n].index(persona[n])] > 0
            for n in VALUES
        )
        if possible and not any(all(persona[n] in r[n] for n in r) for r in rules):
            found.append(persona)
    return found


def by_plan(
    population: Population, steps_of: Mapping[str, float] | None = None
) -> dict[tuple[str, ...], float]:
    """Probability of every persona that the plan can draw."""
    total: dict[tuple[str, ...], float] = {(): 1.0}
    for step in build_plan(population, temperature=steps_of):
        following = {}
        for persona, p in total.items():
            chosen = dict(zip(VALUES, persona, strict=False))
            at = tuple(population.code(n, chosen[n]) for n in step.context)
            weights = step.weights[at]
            assert weights.sum() > 0, "a dead end can be reached"
            for value, w in zip(population.values(step.attribute), weights, strict=True):
                if w > 0:
                    following[(*persona, str(value))] = p * float(w / weights.sum())
        total = following
    return total


@settings(derandomize=True, deadline=None, max_examples=150)
@given(tables(), forbidden)
def test_draws_all_that_is_possible_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, drawn: Tables, raw: list[dict[str, set[int]]]
) -> None:
    rules = [words for r in raw if all((words := allowed_words(r)).values())]
    population = tiny(
        tmp_path_factory.mktemp("tiny"),
        {name: (PARENTS[name], drawn[name]) for name in VALUES},
        VALUES,
        rules,
    )
    expected = reachable(drawn, rules)
    if not expected:
        with pytest.raises(InputError, match="leave no a to draw"):
            build_plan(population)
        return
    found = by_plan(population)
    assert set(found) == {tuple(persona.values()) for persona in expected}
    assert sum(found.values()) == pytest.approx(1.0)
    if not rules:
        for persona, p in found.items():
            chosen = dict(zip(VALUES, persona, strict=True))
            product = 1.0
            for name in VALUES:
                row = drawn[name][tuple(chosen[parent] for parent in PARENTS[name])]
                product *= row[VALUES[name].index(chosen[name])] / sum(row)
            assert p == pytest.approx(product)


def fixed(folder: Path, forbid: Sequence[Mapping[str, Sequence[str]]] = ()) -> Population:
    return tiny(
        folder,
        {
            "a": ((), {(): [3, 1]}),
            "b": (("a",), {("a0",): [1, 1, 2], ("a1",): [0, 1, 4]}),
            "c": (("b",), {("b0",): [1, 0], ("b1",): [1, 3], ("b2",): [0, 1]}),
        },
        {name: VALUES[name] for name in "abc"},
        forbid,
    )


def test_a_rule_takes_weight_from_the_attribute_drawn_last(tmp_path: Path) -> None:
    population = fixed(tmp_path, [{"a": ["a0"], "c": ["c1"], "b": ["b1"]}])
    a, b, c = build_plan(population)
    assert (a.context, b.context, c.context) == ((), ("a",), ("a", "b"))
    assert np.allclose(a.weights, [0.75, 0.25])
    assert np.allclose(b.weights, [[0.25, 0.25, 0.5], [0, 0.2, 0.8]])
    # a0 b1 loses c1; a1 b1 keeps it.
    assert np.allclose(c.weights[0, 1], [0.25, 0])
    assert np.allclose(c.weights[1, 1], [0.25, 0.75])
    assert c.forbidden.sum() == 1 and c.forbidden[0, 1, 1]


def test_a_dead_end_is_closed_where_it_begins(tmp_path: Path) -> None:
    # Without c1 nothing is left after b2: b2 goes, for both a.
    population = fixed(tmp_path)
    no_c1 = {"c": np.array([True, False])}
    a, b, c = build_plan(population, no_c1)
    assert np.allclose(b.weights, [[0.25, 0.25, 0], [0, 0.2, 0]])
    # Without b1 as well, nothing is left after a1 either.
    a, b, c = build_plan(population, {**no_c1, "b": np.array([True, False, True])})
    assert np.allclose(a.weights, [0.75, 0])


def test_temperature_works_on_what_the_rules_leave(tmp_path: Path) -> None:
    population = fixed(tmp_path, [{"a": ["a0"], "b": ["b2"]}])
    _, b, _ = build_plan(population, temperature={"b": 1.0})
    assert np.allclose(b.weights, [[1, 1, 0], [0, 1, 1]])
    _, b, _ = build_plan(population, temperature={"b": 0.5})
    assert np.allclose(b.weights[1] / b.weights[1].sum(), [0, 1 / 3, 2 / 3])


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    population = fixed(tmp_path)
    with pytest.raises(InputError, match="leave no a to draw; widen"):
        build_plan(population, {"b": np.array([True, False, False]), "c": np.array([False, True])})
