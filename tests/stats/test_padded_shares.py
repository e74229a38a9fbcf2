import numpy as np
import pytest
from scipy.stats import t as student_t

from pluralens.errors import InputError
from pluralens.stats.padded_shares import ShareGroup, padded_share


def group(hits: int, n: int, start: int = 0) -> ShareGroup:
    values, own = (np.arange(n) < hits).astype(float), np.arange(start, start + n)
    return ShareGroup(values, own, own)


def by_hand(hits: int, n: int) -> tuple[float, float]:
    """Share and variance with one more hit and one more miss."""
    p = (hits + 1) / (n + 2)
    return p, p * (1 - p) / (n + 2)


@pytest.mark.parametrize(("hits", "n"), [(0, 30), (3, 30), (30, 30), (7, 11)])
def test_share_by_hand(hits: int, n: int) -> None:
    p, variance = by_hand(hits, n)
    # The correction G/(G-1) counts the two added answers.
    half = student_t.ppf(0.975, n - 1) * (variance * (n + 2) / (n + 1)) ** 0.5
    found = padded_share(group(hits, n))
    assert found.estimate == hits / n and np.isnan(found.p)
    expected = max(p - half, 0), min(p + half, 1)
    assert (found.ci_low, found.ci_high) == pytest.approx(expected)


@pytest.mark.parametrize(("a", "b"), [((30, 30), (0, 30)), ((12, 30), (9, 20)), ((0, 9), (0, 9))])
def test_difference_against_agresti_and_caffo(a: tuple[int, int], b: tuple[int, int]) -> None:
    (p, v), (q, w) = by_hand(*a), by_hand(*b)
    g = a[1] + b[1]
    se, t = ((v + w) * (g + 4) / (g + 3)) ** 0.5, student_t.ppf(0.975, g - 1)
    found = padded_share(group(*a), group(*b, start=100))
    assert found.estimate == pytest.approx(a[0] / a[1] - b[0] / b[1])
    expected = max(p - q - t * se, -1), min(p - q + t * se, 1)
    assert (found.ci_low, found.ci_high) == pytest.approx(expected)
    assert found.p == pytest.approx(2 * student_t.sf(abs(p - q) / se, g - 1))


def test_answers_of_the_same_questions_cancel_in_a_difference() -> None:
    rng = np.random.default_rng(0)
    hard = (rng.random(40) < 0.5).astype(float)
    one = ShareGroup(hard, np.arange(40), np.arange(40))
    other = ShareGroup(hard, np.arange(40), np.arange(100, 140))
    apart = ShareGroup(hard, np.arange(50, 90), np.arange(100, 140))
    same, different = padded_share(one, other), padded_share(one, apart)
    assert same.ci_high - same.ci_low < 0.5 * (different.ci_high - different.ci_low)


def test_one_person_with_one_question_tells_nothing_of_others() -> None:
    found = padded_share(ShareGroup(np.ones(3), ["q"] * 3, ["p"] * 3))
    assert (found.ci_low, found.ci_high) == (0, 1)


def test_refusals() -> None:
    with pytest.raises(InputError, match="no answers"):
        padded_share(group(1, 2), group(0, 0))
    with pytest.raises(InputError, match="level"):
        padded_share(group(1, 2), level=0)
