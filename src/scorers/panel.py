"""What a panel of graders amounts to: nothing, unless more than half of them gave a verdict."""

import math
import statistics
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TypeVar

__all__ = ["panel_majority", "panel_median"]

T = TypeVar("T")
Choice = TypeVar("Choice", bound=Hashable)


def _quorum(votes: Sequence[T | None]) -> list[T]:
    """The valid votes; none where they are not more than half of the panel."""
    valid = [vote for vote in votes if vote is not None]
    return valid if 2 * len(valid) > len(votes) else []


def panel_median(votes: Sequence[float | None]) -> float:
    """The median of the votes; NaN unless more than half of the graders gave one.

    Args:
        votes: One per grader, None where its verdict was invalid.
    """
    valid = _quorum(votes)
    return statistics.median(valid) if valid else math.nan


def panel_majority(votes: Sequence[Choice | None]) -> Choice | None:
    """What most of the panel chose.

    Args:
        votes: One per grader, None where its verdict was invalid.

    Returns:
        The choice with the most votes. None where two have the most: a panel that is divided has
        no verdict, and who is asked first must not decide. None too unless more than half of the
        graders gave a valid vote.
    """
    counts = Counter(_quorum(votes)).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]
