import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.personas.balancing.target import even_quotas, water_filled


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.data())
def test_no_division_is_more_even(available: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(available)))
    order = np.array(data.draw(st.permutations(range(len(available)))))
    filled = water_filled(np.array(available), total, order)
    assert filled.sum() == total and (filled <= available).all() and (filled >= 0).all()

    def unevenness(counts: tuple[int, ...]) -> tuple[float, float]:
        off = np.abs(np.array(counts) - total / len(available))
        return off.max(), (off**2).sum()

    choices = itertools.product(*(range(size + 1) for size in available))
    best = [unevenness(c) for c in choices if sum(c) == total]
    # Least largest deviation, and least squares as well.
    found = unevenness(tuple(filled.tolist()))
    assert np.isclose(found[0], min(b[0] for b in best))
    assert np.isclose(found[1], min(b[1] for b in best))


def test_what_does_not_divide_goes_by_order() -> None:
    available = np.array([9, 1, 9, 9])
    assert water_filled(available, 9, np.array([3, 1, 0, 2])).tolist() == [3, 1, 2, 3]
    assert water_filled(available, 9, np.array([0, 1, 2, 3])).tolist() == [3, 1, 3, 2]


def grid(*sizes: int) -> np.ndarray:
    return np.array(list(itertools.product(*map(range, sizes))))


def test_where_all_is_possible_all_cells_get_the_same() -> None:
    cells = grid(3, 4, 2)
    quotas = even_quotas(cells, (3, 4, 2), np.full(24, 100), 60)
    assert np.allclose(quotas, 2.5)


def test_empty_cells_leave_marginals_even_and_odds_ratios_at_one() -> None:
    # Fixed marginals and cells: the solution is a product of row and column factors.
    cells = np.array([c for c in grid(3, 3).tolist() if c != [0, 0]])
    quotas = even_quotas(cells, (3, 3), np.full(8, 90), 90)
    table = np.zeros((3, 3))
    table[tuple(cells.T)] = quotas
    assert np.allclose(table.sum(axis=0), 30, atol=1e-4)
    assert np.allclose(table.sum(axis=1), 30, atol=1e-4)
    assert np.allclose(table, [[0, 15, 15], [15, 7.5, 7.5], [15, 7.5, 7.5]], atol=1e-4)


def test_scarce_cells_are_taken_whole() -> None:
    cells = grid(2, 2)
    # Rows (2, 100) and (100, 100): the first column's 50 come from 2 and 48.
    quotas = even_quotas(cells, (2, 2), np.array([2, 100, 100, 100]), 100)
    assert np.allclose(quotas, [2, 48, 48, 2], atol=1e-3)
    # A group of 10 in all: taken whole, the rest shared.
    quotas = even_quotas(grid(3), (3,), np.array([10, 100, 100]), 90)
    assert np.allclose(quotas, [10, 40, 40])


def test_those_to_whom_an_axis_does_not_apply_stay_out_of_its_groups() -> None:
    # Second axis: 0 and 1, or 2 for "does not apply", which is all that first-axis group 0 can be.
    cells = np.array([[0, 2], [1, 2], [1, 0], [1, 1], [2, 0], [2, 1]])
    quotas = even_quotas(cells, (3, 2), np.full(6, 99), 90)
    by_first = np.bincount(cells[:, 0], quotas)
    by_second = np.bincount(cells[:, 1], quotas)
    assert np.allclose(by_first, 30, atol=1e-3)
    assert np.isclose(by_second[0], by_second[1], atol=1e-3)
    assert np.isclose(by_second.sum(), 90) and by_second[2] > 30


def test_marginals_that_exclude_each_other_end_in_between() -> None:
    # One cell per pair: 10 of one axis are 70 of the other.
    cells = np.array([[0, 0], [1, 0], [2, 0], [2, 1]])
    quotas = even_quotas(cells, (3, 2), np.full(4, 60), 60)
    assert np.isfinite(quotas).all() and np.isclose(quotas.sum(), 60, atol=0.1)
