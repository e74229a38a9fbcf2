import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.errors import InputError
from pluralens.personas.balancing import allocation
from pluralens.personas.balancing.allocation import allocate, shuffled
from pluralens.stats.cramers_v import cramers_v_table


def test_shuffled() -> None:
    assert sorted(shuffled(["x", 1], 50).tolist()) == list(range(50))
    assert shuffled(["x", 1], 50).tolist() == shuffled(["x", 1], 50).tolist()
    assert shuffled(["x", 1], 50).tolist() != shuffled(["x", 2], 50).tolist()


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.data())
def test_counts_stay_within_what_there_is(data: st.DataObject) -> None:
    sizes = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    every = list(itertools.product(*(range(size + 1) for size in sizes)))
    chosen = data.draw(st.lists(st.sampled_from(every), min_size=1, max_size=20, unique=True))
    cells = np.array(chosen)
    capacity = np.array([data.draw(st.integers(1, 9)) for _ in chosen])
    n = data.draw(st.integers(1, int(capacity.sum())))
    counts = allocate(cells, sizes, capacity, n, ["test", n])
    assert counts.sum() == n and (counts >= 0).all() and (counts <= capacity).all()
    assert np.array_equal(counts, allocate(cells, sizes, capacity, n, ["test", n]))


def table_of(cells: np.ndarray, counts: np.ndarray, a: int, b: int) -> np.ndarray:
    table = np.zeros((int(cells[:, a].max()) + 1, int(cells[:, b].max()) + 1))
    np.add.at(table, (cells[:, a], cells[:, b]), counts)
    return table


@pytest.mark.parametrize("seed", range(5))
def test_free_cells_end_even_in_all_pairs(seed: int) -> None:
    sizes = (2, 3, 5, 7)
    cells = np.array(list(itertools.product(*map(range, sizes))))
    n = 1000
    counts = allocate(cells, sizes, np.full(len(cells), n), n, [seed])
    for a, size in enumerate(sizes):
        marginal = np.bincount(cells[:, a], counts)
        assert marginal.max() - marginal.min() <= 1, size
    for a, b in itertools.combinations(range(4), 2):
        table = table_of(cells, counts, a, b)
        assert np.abs(table - n / table.size).max() < 5
        assert cramers_v_table(table) < 0.03


def test_seeds_give_different_cells() -> None:
    cells = np.array(list(itertools.product(range(3), range(4), range(5), range(3))))
    found = {
        tuple(allocate(cells, (3, 4, 5, 3), np.full(180, 60), 60, [seed]).tolist())
        for seed in range(20)
    }
    assert len(found) == 20
    # Over seeds every cell has its turn: 60 of 180 cells each time.
    times = np.mean(
        [allocate(cells, (3, 4, 5, 3), np.full(180, 60), 60, [seed]) for seed in range(100)], axis=0
    )
    assert times.min() > 0.1 and times.max() < 0.6


def test_too_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocation, "MAX_CELLS", 5)
    with pytest.raises(InputError, match="have 6 possible combinations, and at most 5"):
        allocate(np.arange(6)[:, None], (6,), np.full(6, 2), 3, ["x"])
