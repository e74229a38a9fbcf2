from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.stats import chisquare
from tiny_population import tiny

from pluralens.errors import InputError
from pluralens.personas.balancing import BalanceReport, balanced_select
from pluralens.personas.persona import Personas
from pluralens.personas.population import Population
from pluralens.personas.sampling import sample

VALUES = {"a": ("a0", "a1"), "b": ("b0", "b1", "b2"), "c": ("c0", "c1", "c2", "c3")}


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Population:
    """Three independent attributes: any combination can be in a pool."""
    return tiny(
        tmp_path_factory.mktemp("free"),
        {name: ((), {(): [1] * len(values)}) for name, values in VALUES.items()},
        VALUES,
    )


def pool_of(population: Population, rows: Sequence[Sequence[int]]) -> Personas:
    codes = np.array(rows, dtype=np.uint8)
    ids = np.array([f"{i:016x}" for i in range(len(rows))])
    return Personas(population, ids, {name: codes[:, i] for i, name in enumerate(VALUES)})


rows = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=60
)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(rows, st.data())
def test_members_of_the_pool(
    free: Population, people: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    pool = pool_of(free, people)
    n = data.draw(st.integers(1, len(people)))
    seed = data.draw(st.integers(0, 9))
    chosen, report = balanced_select(pool, n, seed=seed, axes=list(VALUES))
    ids = chosen.ids.tolist()
    # In the order of the pool, nobody twice, everybody as they were.
    assert len(ids) == n and all(one < two for one, two in pairwise(ids))
    assert list(chosen) == [pool[int(persona_id, 16)] for persona_id in ids]
    for axis in report.axes:
        present = {str(p.attributes[axis.axis]) for p in pool}
        assert set(axis.groups) == present
        assert sum(axis.groups.values()) == n
        assert axis.max_deviation >= axis.allowed - 1e-9
    again = balanced_select(pool, n, seed=seed, axes=list(VALUES))
    assert again[0].ids.tolist() == ids and again[1].to_json() == report.to_json()


def least_excess(pool: Personas, n: int, report: BalanceReport) -> float:
    """Smallest excess over what is allowed that all axes can have at once, percentage points.

    A linear programme over the cells of the pool; what parts of persons could do is a lower bound.
    """
    merged = {v: g for axis in report.axes for g, values in axis.merged.items() for v in values}
    columns = []
    for axis in report.axes:
        values = [str(value) for value in pool.population.values(axis.axis)]
        place = {group: i for i, group in enumerate(axis.groups)}
        lookup = np.array([place.get(merged.get(value, value), -1) for value in values])
        columns.append(lookup[pool.column(axis.axis)])
    cells, capacity = np.unique(np.stack(columns, axis=1), axis=0, return_counts=True)
    matrix, low, high = [np.append(np.ones(len(cells)), 0.0)], [float(n)], [float(n)]
    for a, axis in enumerate(report.axes):
        share = 100.0 / len(axis.groups)
        for group in range(len(axis.groups)):
            member = (cells[:, a] == group) * 100.0 / n
            matrix += [np.append(member, -1.0), np.append(member, 1.0)]
            low += [-np.inf, share - axis.allowed]
            high += [share + axis.allowed, np.inf]
    solved = milp(
        np.append(np.zeros(len(cells)), 1.0),
        constraints=LinearConstraint(np.array(matrix), low, high),
        bounds=Bounds(np.append(np.zeros(len(cells)), -100.0), np.append(capacity, 100.0)),
    )
    assert solved.status == 0
    return float(solved.fun)


@pytest.mark.parametrize("seed", range(12))
def test_no_choice_is_much_more_even(free: Population, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    people = np.stack(
        [
            numbers.choice(len(v), 300, p=numbers.dirichlet(np.ones(len(v))))
            for v in VALUES.values()
        ],
        axis=1,
    )
    pool = pool_of(free, people.tolist())
    n = 60
    _, report = balanced_select(pool, n, seed=seed, axes=list(VALUES))
    least = least_excess(pool, n, report)
    found = max(axis.max_deviation - axis.allowed for axis in report.axes)
    # One person is 1.7 points.
    assert least - 1e-6 <= found <= least + 100 / n + 1e-6


@pytest.mark.parametrize("temperature", [0.0, 0.1, 0.4])
def test_axes_that_exclude_each_other_share_the_loss(de: Population, temperature: float) -> None:
    pool = sample(de, 20_000, seed=1, temperature=temperature)
    _, report = balanced_select(pool, 2000, seed=1)
    found = max(axis.max_deviation - axis.allowed for axis in report.axes)
    assert found <= least_excess(pool, 2000, report) + 1.0


@pytest.mark.parametrize("seed", range(3))
def test_goals(de: Population, seed: int) -> None:
    pool = sample(de, 20_000, seed=seed, temperature=0.8)
    chosen, report = balanced_select(pool, 2000, seed=seed)
    assert len(chosen) == 2000
    for axis in report.axes:
        assert axis.max_deviation <= axis.allowed + 1.0
    # What is associated in the pool is not more so in the set, by more than chance.
    strongest = max(pair.pool for pair in report.associations if pair.pool is not None)
    assert report.max_cramers_v <= strongest


def test_an_association_of_the_pool_goes_where_people_allow(free: Population) -> None:
    # 900 with a0 b0 or a1 b1, 100 each with the other combinations.
    people = [(i % 2, i % 2, i % 4) for i in range(1800)]
    people += [(0, 1, i % 4) for i in range(100)] + [(1, 0, i % 4) for i in range(100)]
    _, report = balanced_select(pool_of(free, people), 400, axes=["a", "b"])
    pair = report.associations[0]
    assert pair.pool is not None and pair.pool > 0.7
    assert pair.cramers_v < 0.02
    assert report.max_deviation == 0


def test_within_a_cell_all_have_the_same_chance(free: Population) -> None:
    people = [(0, 0, 0)] * 30 + [(1, 0, 0)] * 10
    pool = pool_of(free, people)
    times = np.zeros(40)
    for seed in range(400):
        chosen, _ = balanced_select(pool, 20, seed=seed, axes=["a"])
        times[[int(i, 16) for i in chosen.ids.tolist()]] += 1
    assert (times[30:] == 400).all()
    assert times[:30].sum() == 4000 and chisquare(times[:30]).pvalue > 0.001
    assert chisquare(times[:30]).statistic > 5


def test_everybody(de: Population) -> None:
    pool = sample(de, 300)
    chosen, report = balanced_select(pool, 300)
    assert chosen.ids.tolist() == pool.ids.tolist()
    for axis in report.axes:
        assert axis.max_deviation == axis.allowed
    for pair in report.associations:
        assert pair.cramers_v == pair.pool or np.isnan(pair.cramers_v)


# Positions in a pool. A change here means that every published set changes.
GOLDEN = [0, 1, 5, 8, 10, 21, 25, 35, 39, 49, 51, 59]


def test_documented_selection(de: Population) -> None:
    pool = sample(de, 60, seed=1, temperature=0.8)
    place = {persona_id: i for i, persona_id in enumerate(pool.ids.tolist())}
    chosen, _ = balanced_select(pool, 12, seed=42)
    assert [place[i] for i in chosen.ids.tolist()] == GOLDEN


def test_nobody_of_a_value_is_no_group(free: Population) -> None:
    _, report = balanced_select(pool_of(free, [(0, 1, 2), (0, 2, 2), (0, 1, 2)]), 2, axes=["b"])
    assert dict(report.axes[0].groups) == {"b1": 1, "b2": 1}


@pytest.mark.parametrize(
    ("n", "options", "message"),
    [
        (11, {}, "n=11 is more than the 10 personas of the pool; ask for fewer"),
        (0, {}, "n=0 is too small"),
        (True, {}, "n=True is not a whole number"),
        (5, {"seed": "x"}, "seed='x' is not a whole number"),
        (5, {"axes": ["gender", "gender"]}, "gender is named twice"),
        (5, {"axes": ["genders"]}, "no attribute 'genders'; the closest is 'gender'"),
        (5, {"axes": ["age", "age_bin_all"]}, "both read from age"),
        (5, {"min_share": 0.5}, "min_share=0.5"),
    ],
)
def test_wrong_requests(de: Population, n: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        balanced_select(sample(de, 10), n, **options)
    assert "\n" not in str(caught.value)


def test_an_empty_pool(de: Population) -> None:
    with pytest.raises(InputError, match="the pool is empty; give it personas to choose from"):
        balanced_select(sample(de, 10)[:0], 1)
