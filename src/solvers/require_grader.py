"""Refuse to ask for answers that are to be scored where nobody could score them."""

from inspect_ai.model import model_roles
from inspect_ai.scorer import score
from inspect_ai.solver import TaskState

from pluralens.scorers.graders import GRADER_ROLE

__all__ = ["require_grader"]


async def require_grader(state: TaskState) -> None:
    """Stop before the first call if the answer is to be scored and nobody can.

    A solver is not told whether `--no-score` was given. But inspect's `score()` knows: it hands an
    unanswered sample to the scorer, which then says what it misses, or raises RuntimeError where
    there is no scorer.

    Args:
        state: The sample, before anything was asked.

    Raises:
        InputError: What the scorer says of a missing grader.
    """
    if model_roles().get(GRADER_ROLE):
        return
    try:
        await score(state)
    except RuntimeError:
        return
