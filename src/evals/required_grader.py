"""Refuse a run whose answers nobody could score, before the first call."""

from inspect_ai.model import model_roles

from pluralens.errors import InputError
from pluralens.scorers.graders import GRADER_ROLE, NO_GRADER

__all__ = ["require_grader"]


def require_grader() -> None:
    """Refuse a run of `inspect eval` whose answers nobody could score.

    Only the command line knows of `--no-score`; for runs from Python the solver finds out, before
    the first call.

    Raises:
        InputError: No model has the role `grader`, and the answers are to be scored at once.
    """
    import click

    line = click.get_current_context(silent=True)
    scored = line is not None and line.params.get("no_score") is False
    if scored and not model_roles().get(GRADER_ROLE):
        raise InputError(NO_GRADER)
