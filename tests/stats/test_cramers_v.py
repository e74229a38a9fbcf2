import math
from itertools import permutations

import numpy as np
import pytest
from scipy.stats.contingency import association

from pluralens.stats.cramers_v import cramers_v, cramers_v_by_chance, cramers_v_table


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("sizes", [(2, 2), (3, 5), (7, 2)])
def test_against_scipy(seed: int, sizes: tuple[int, int]) -> None:
    counts = np.random.default_rng(seed).integers(1, 40, sizes)
    expected = association(counts, method="cramer", correction=False)
    assert cramers_v_table(counts) == pytest.approx(expected)
    rows, columns = (np.repeat(i.ravel(), counts.ravel()) for i in np.indices(sizes))
    assert cramers_v(rows, columns) == pytest.approx(expected)
    assert cramers_v(columns, rows) == pytest.approx(expected)


def test_by_hand() -> None:
    # Expected 20 everywhere, chi2 = 4 * 100 / 20 = 20, V = sqrt(20 / 80) = 0.5.
    assert cramers_v_table([[30, 10], [10, 30]]) == pytest.approx(0.5)
    # Shares of a known distribution give the same.
    assert cramers_v_table([[0.375, 0.125], [0.125, 0.375]]) == pytest.approx(0.5)


def test_bounds() -> None:
    assert cramers_v([0, 0, 1, 1], [0, 1, 0, 1]) == 0.0
    assert cramers_v([0, 1, 2, 2], [2, 0, 1, 1]) == pytest.approx(1.0)
    # One determines the other, which has fewer values.
    assert cramers_v([0, 1, 2, 3], [0, 0, 1, 1]) == pytest.approx(1.0)
    assert cramers_v(np.arange(1000) % 7, np.arange(1000) % 7) <= 1.0


def test_only_values_that_occur_count() -> None:
    full = [[5, 9], [8, 2]]
    wide = [[0, 0, 0], [5, 0, 9], [8, 0, 2]]
    assert cramers_v_table(wide) == pytest.approx(cramers_v_table(full))
    a, b = np.array([3, 3, 90, 90, 90]), np.array([0, 7, 7, 7, 0])
    assert cramers_v(a, b) == pytest.approx(cramers_v([0, 0, 1, 1, 1], [0, 1, 1, 1, 0]))


def test_small_unsigned_codes_do_not_overflow() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 200, 3000), rng.integers(0, 200, 3000)
    assert cramers_v(a.astype(np.uint8), b.astype(np.uint8)) == cramers_v(a, b)


def test_one_value_or_nobody_has_no_association() -> None:
    assert math.isnan(cramers_v([1, 1, 1], [0, 1, 2]))
    assert math.isnan(cramers_v([0, 1, 2], [4, 4, 4]))
    assert math.isnan(cramers_v(np.array([], dtype=int), np.array([], dtype=int)))
    assert math.isnan(cramers_v_table([[3, 0], [4, 0]]))
    assert math.isnan(cramers_v_table([[0, 0], [0, 0]]))


@pytest.mark.parametrize(
    ("a", "b"), [([0, 1], [0, 1, 1]), ([0, -1], [0, 1]), ([0.5, 1.0], [0, 1]), ([[0]], [[1]])]
)
def test_what_are_no_codes_is_refused(a: list[int], b: list[int]) -> None:
    with pytest.raises(ValueError, match="code"):
        cramers_v(a, b)


@pytest.mark.parametrize("table", [[1, 2], [[1, -1], [2, 2]], [[1.0, math.nan], [2, 2]]])
def test_what_is_no_table_is_refused(table: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="table of counts"):
        cramers_v_table(table)


@pytest.mark.parametrize(
    ("a", "b"),
    [([0, 0, 1, 1, 2, 2, 2], [0, 0, 0, 1, 1, 1, 1]), ([0, 1, 1, 2, 2, 2], [1, 0, 0, 1, 2, 0])],
)
def test_by_chance_against_all_permutations(a: list[int], b: list[int]) -> None:
    squares = [cramers_v(a, list(order)) ** 2 for order in permutations(b)]
    expected = math.sqrt(sum(squares) / len(squares))
    assert cramers_v_by_chance(len(set(a)), len(set(b)), len(a)) == pytest.approx(expected)


def test_by_chance_of_a_single_value_is_unknown() -> None:
    assert math.isnan(cramers_v_by_chance(1, 4, 100))
    assert math.isnan(cramers_v_by_chance(2, 2, 1))
