"""Refuse a run whose answers nobody could score, before the first call."""

from pluralens.scorers.graders import graders

__all__ = ["require_grader"]


def require_grader() -> None:
    """Refuse a run of `inspect eval` whose answers nobody could score.

    Only the command line knows of `--no-score`; for runs from Python the solver finds out, before
    the first call.

    Raises:
        InputError: The answers are to be scored at once, and no model has the role `grader`, or one
            is in the panel twice.
    """
    import click

    line = click.get_current_context(silent=True)
    scored = line is not None and line.params.get("no_score") is False
    if scored:
        graders()
