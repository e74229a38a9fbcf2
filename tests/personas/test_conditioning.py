"""Joint and conditional distributions against a walk through all personas."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from tiny_population import tiny

from pluralens.errors import InputError
from pluralens.personas import conditioning
from pluralens.personas.conditioning import Evidence, condition
from pluralens.personas.plan import Step, build_plan

VALUES = {"a": ("a0", "a1"), "b": ("b0", "b1", "b2"), "c": ("c0", "c1"), "d": ("d0", "d1", "d2")}
PARENTS: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("b", "a"), "d": ("b",)}
Tables = Mapping[str, Mapping[tuple[str, ...], Sequence[float]]]


def everybody(steps: Sequence[Step]) -> dict[tuple[int, ...], float]:
    """Probability of every persona that the steps can draw, as codes in their order."""
    found: dict[tuple[int, ...], float] = {(): 1.0}
    order = [step.attribute for step in steps]
    for step in steps:
        following = {}
        for persona, p in found.items():
            row = step.weights[tuple(persona[order.index(n)] for n in step.context)]
            for code in np.flatnonzero(row).tolist():
                following[(*persona, code)] = p * float(row[code]) / float(row.sum())
        found = following
    return found


def cells_of(
    people: Mapping[tuple[int, ...], float], evidence: Sequence[Evidence]
) -> dict[tuple[int, ...], dict[tuple[int, ...], float]]:
    """Cell -> personas in it with their probability."""
    found: dict[tuple[int, ...], dict[tuple[int, ...], float]] = {}
    for persona, p in people.items():
        cell = tuple(int(e.groups[persona[list(VALUES).index(e.attribute)]]) for e in evidence)
        if min(cell, default=0) >= 0:
            found.setdefault(cell, {})[persona] = p
    return found


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    weight = st.sampled_from([0.0, 0.0, 1.0, 2.0, 5.0])
    return {
        name: {
            key: draw(
                st.lists(weight, min_size=len(VALUES[name]), max_size=len(VALUES[name])).filter(any)
            )
            for key in itertools.product(*(VALUES[parent] for parent in PARENTS[name]))
        }
        for name in VALUES
    }


@st.composite
def evidences(draw: st.DrawFn) -> list[Evidence]:
    """One to four groupings, also several of one attribute, with values that are in no group."""
    found = []
    for i in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(sorted(VALUES)))
        size = len(VALUES[name])
        groups = draw(st.lists(st.integers(-1, 2), min_size=size, max_size=size))
        found.append(Evidence(f"e{i}", name, np.array(groups), 3))
    return found


forbidden = st.lists(
    st.dictionaries(
        st.sampled_from(sorted(VALUES)), st.sets(st.integers(0, 1), min_size=1), min_size=2
    ),
    max_size=2,
)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(tables(), forbidden, evidences(), st.sampled_from([0.0, 0.4, 1.0]), st.booleans())
def test_joint_and_draws(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: Tables,
    raw: list[dict[str, set[int]]],
    evidence: list[Evidence],
    temperature: float,
    without_b0: bool,
) -> None:
    population = tiny(
        tmp_path_factory.mktemp("tiny"),
        {name: (PARENTS[name], drawn[name]) for name in VALUES},
        VALUES,
        [{n: [VALUES[n][i] for i in sorted(codes)] for n, codes in rule.items()} for rule in raw],
    )
    allowed = {"b": np.array([not without_b0, True, True])}
    try:
        steps = build_plan(population, allowed, dict.fromkeys(VALUES, temperature))
    except InputError:
        assume(False)
    people = everybody(steps)
    cells = cells_of(people, evidence)
    conditioned = condition(steps, evidence)
    expected = np.zeros([e.size for e in evidence])
    for cell, members in cells.items():
        expected[cell] = sum(members.values())
    assert np.allclose(conditioned.joint, expected, rtol=1e-12, atol=0)
    # Zero exactly where nobody is: a cell of rounding errors could be asked for.
    assert np.array_equal(conditioned.joint > 0, expected > 0)
    # Everybody drawn is a possible persona of the cell that was asked for.
    asked = [cell for cell in cells for _ in range(20)]
    if asked:
        groups = {e.name: np.array(asked)[:, i] for i, e in enumerate(evidence)}
        numbers = np.random.default_rng(0)
        codes = conditioned.draw(groups, lambda _: numbers.random(len(asked)))
        assert list(codes) == list(VALUES)
        for cell, persona in zip(asked, zip(*codes.values(), strict=True), strict=True):
            assert tuple(int(c) for c in persona) in cells[cell]


def fixed(folder: Path) -> list[Step]:
    """A chain with an explaining-away pattern, a rule, a temperature and an exclusion."""
    population = tiny(
        folder,
        {
            "a": ((), {(): [3, 1]}),
            "b": (("a",), {("a0",): [1, 1, 2], ("a1",): [2, 1, 4]}),
            "c": (
                ("b", "a"),
                {
                    key: row
                    for key, row in zip(
                        itertools.product(VALUES["b"], VALUES["a"]),
                        ([1, 3], [2, 2], [5, 1], [1, 1], [1, 9], [3, 1]),
                        strict=True,
                    )
                },
            ),
            "d": (("b",), {("b0",): [1, 2, 3], ("b1",): [3, 0, 1], ("b2",): [1, 1, 1]}),
        },
        VALUES,
        [{"a": ["a1"], "d": ["d2"]}, {"b": ["b2"], "c": ["c1"], "d": ["d0"]}],
    )
    return build_plan(population, {"d": np.array([True, True, True])}, {"b": 0.5})


EVIDENCE = [
    Evidence("c", "c", np.array([0, 1]), 2),
    Evidence("d group", "d", np.array([0, 1, 1]), 2),
]


@pytest.mark.parametrize("cell", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_personas_of_a_cell_are_as_in_the_population(tmp_path: Path, cell: tuple[int, int]) -> None:
    steps = fixed(tmp_path)
    members = cells_of(everybody(steps), EVIDENCE)[cell]
    n = 60_000
    numbers = np.random.default_rng([1, *cell])
    codes = condition(steps, EVIDENCE).draw(
        {"c": np.full(n, cell[0]), "d group": np.full(n, cell[1])}, lambda _: numbers.random(n)
    )
    people, counts = np.unique(np.stack(list(codes.values()), axis=1), axis=0, return_counts=True)
    found = {tuple(p): c for p, c in zip(people.tolist(), counts.tolist(), strict=True)}
    assert set(found) == set(members)
    whole = sum(members.values())
    expected = [n * p / whole for p in members.values()]
    assert chisquare([found[m] for m in members], expected).pvalue > 0.001


def test_many_personas_are_drawn_as_few_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditioned = condition(fixed(tmp_path), EVIDENCE)
    n = 1000
    groups = {"c": np.arange(n) % 2, "d group": np.arange(n) // 2 % 2}
    numbers = {name: np.random.default_rng(i).random(n) for i, name in enumerate(VALUES)}
    whole = conditioned.draw(groups, numbers.__getitem__)
    monkeypatch.setattr(conditioning, "CHUNK", 7)
    parts = conditioned.draw(groups, numbers.__getitem__)
    assert all(np.array_equal(whole[name], parts[name]) for name in VALUES)


def test_an_impossible_cell_is_not_drawn(tmp_path: Path) -> None:
    steps = fixed(tmp_path)
    both = [*EVIDENCE, Evidence("d", "d", np.array([0, 1, 2]), 3)]
    conditioned = condition(steps, both)
    assert conditioned.joint[0, 0, 1] == 0
    groups = {"c": np.zeros(3, int), "d group": np.zeros(3, int), "d": np.array([0, 1, 0])}
    with pytest.raises(ValueError, match="the evidence is impossible"):
        conditioned.draw(groups, lambda _: np.full(3, 0.5))


def test_too_many_combinations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditioning, "MAX_CELLS", 10)
    with pytest.raises(InputError, match="^c, d group have too many combinations .*; use fewer"):
        condition(fixed(tmp_path), EVIDENCE)
