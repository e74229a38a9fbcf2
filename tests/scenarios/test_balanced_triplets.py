"""Balance of chosen triplets, for every number of them and for factors of any size."""

from collections import Counter
from collections.abc import Mapping
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from pluralens.errors import InputError
from pluralens.scenarios.balance import balanced_triplets
from pluralens.scenarios.scenario import load_scenario, scenario_ids

PINNED = [
    "rent/050-costs-good-poor",
    "rent/200-costs-poor-good",
    "rent/500-economy-poor-poor",
    "rent/500-timing-good-good",
]


def grid_of(name: str) -> dict[str, Mapping[str, str]]:
    return {cell.id: cell.levels for cell in load_scenario(name).cells()}


def full(name: str, sizes: list[int]) -> dict[str, Mapping[str, str]]:
    return {
        f"{name}/{'-'.join(map(str, levels))}": {f"f{i}": str(v) for i, v in enumerate(levels)}
        for levels in product(*(range(size) for size in sizes))
    }


def spread(chosen: list[str], factors: Mapping[str, Mapping[str, str]], name: str) -> int:
    counts = Counter(factors[t][name] for t in chosen)
    levels = {levels[name] for levels in factors.values()}
    return max(counts[level] for level in levels) - min(counts[level] for level in levels)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(2, 4), min_size=2, max_size=4).filter(
        lambda s: len(full("a", s)) <= 72
    ),
    share=st.floats(0, 1),
    seed=st.integers(0, 10**6),
)
def test_levels_differ_by_one_at_most(sizes: list[int], share: float, seed: int) -> None:
    factors = full("a", sizes)
    n = 1 + int(share * (len(factors) - 1))
    chosen = balanced_triplets(list(factors), factors, n, seed)
    assert len(chosen) == len(set(chosen)) == n
    for name in next(iter(factors.values())):
        assert spread(chosen, factors, name) <= 1


@pytest.mark.parametrize("n", range(1, 37))
def test_every_number_of_rent(n: int) -> None:
    factors = grid_of("rent")
    chosen = balanced_triplets(list(factors), factors, n, 7)
    assert chosen == [t for t in factors if t in set(chosen)] and len(chosen) == n
    assert all(spread(chosen, factors, name) <= 1 for name in ("increase", "justification"))
    assert all(spread(chosen, factors, name) <= 1 for name in ("landlord_view", "tenant_view"))


def even_pairs_exist(factors: Mapping[str, Mapping[str, str]], n: int) -> bool:
    """Whether some choice has all levels and all pairs of levels even: an integer programme."""
    cells = list(factors.values())
    names = list(cells[0])
    rows, low, high = [np.ones(len(cells))], [n], [n]
    for together in [(name,) for name in names] + list(combinations(names, 2)):
        every = {tuple(cell[name] for name in together) for cell in cells}
        for levels in every:
            rows.append(np.array([tuple(c[name] for name in together) == levels for c in cells]))
            low.append(n // len(every))
            high.append(-(-n // len(every)))
    constraint = LinearConstraint(np.array(rows, dtype=float), low, high)
    found = milp(np.zeros(len(cells)), constraints=constraint, integrality=1, bounds=Bounds(0, 1))
    return bool(found.success)


@pytest.mark.parametrize("name", ["rent", "piano"])
def test_pairs_of_levels_are_even_wherever_they_can_be(name: str) -> None:
    """Levels alone could be even with the two views always the same: never one-sided."""
    factors = grid_of(name)
    for n in range(1, len(factors)):
        chosen = balanced_triplets(list(factors), factors, n, 0)
        spreads = []
        for one, other in combinations(next(iter(factors.values())), 2):
            counts = Counter((factors[t][one], factors[t][other]) for t in chosen)
            every = {(f[one], f[other]) for f in factors.values()}
            spreads.append(max(counts.values()) - min(counts[pair] for pair in every))
        assert max(spreads) <= (1 if even_pairs_exist(factors, n) else 2), n


def test_scenarios_get_equal_numbers() -> None:
    factors = {t: f for name in scenario_ids() for t, f in grid_of(name).items()}
    chosen = balanced_triplets(list(factors), factors, 30, 3)
    counts = Counter(t.split("/")[0] for t in chosen)
    assert sorted(counts.values()) == [4, 4, 4, 4, 4, 5, 5]
    for name in scenario_ids():
        own = grid_of(name)
        mine = [t for t in chosen if t in own]
        assert all(spread(mine, own, f) <= 1 for f in next(iter(own.values())))


def test_a_small_scenario_gives_all_it_has() -> None:
    factors = {**full("small", [2, 2]), **full("large", [4, 4])}
    chosen = balanced_triplets(list(factors), factors, 14, 0)
    assert Counter(t.split("/")[0] for t in chosen) == {"small": 4, "large": 10}


def test_an_incomplete_grid_still_gives_what_is_asked() -> None:
    factors = {t: f for t, f in grid_of("rent").items() if f["increase"] != "050" or "good" in t}
    chosen = balanced_triplets(list(factors), factors, 9, 1)
    assert len(set(chosen)) == 9 and set(chosen) <= set(factors)
    assert spread(chosen, factors, "increase") == 0


def test_all_are_all() -> None:
    factors = grid_of("rent")
    assert balanced_triplets(list(factors), factors, 36, 5) == list(factors)


def test_seeds_choose_differently_and_the_order_does_not_matter() -> None:
    factors = grid_of("rent")
    chosen = {tuple(balanced_triplets(list(factors), factors, 6, seed)) for seed in range(20)}
    assert len(chosen) >= 15
    backwards = balanced_triplets(list(factors)[::-1], factors, 6, 0)
    assert backwards[::-1] == balanced_triplets(list(factors), factors, 6, 0)


def test_every_triplet_has_its_chance() -> None:
    factors = grid_of("rent")
    counts = Counter(t for s in range(60) for t in balanced_triplets(list(factors), factors, 6, s))
    # 60 draws of 6 in 36: 10 each are expected, with a standard deviation of about 2.9.
    assert set(counts) == set(factors) and 1 <= min(counts.values()) <= max(counts.values()) <= 25


def test_the_choice_is_the_same_everywhere() -> None:
    factors = grid_of("rent")
    assert balanced_triplets(list(factors), factors, 4, 0) == PINNED


@pytest.mark.parametrize("n", [0, -1, 37, True, 2.0, "4"])
def test_numbers_that_are_not_possible(n: object) -> None:
    factors = grid_of("rent")
    with pytest.raises(InputError, match="is not possible; choose a whole number from 1 to 36"):
        balanced_triplets(list(factors), factors, n)  # type: ignore[arg-type]


def test_an_id_twice_is_a_mistake() -> None:
    factors = full("a", [2, 2])
    with pytest.raises(ValueError, match="occurs twice"):
        balanced_triplets([*factors, "a/0-0"], factors, 2)
