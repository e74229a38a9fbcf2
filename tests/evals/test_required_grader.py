"""Who judges is settled before the first call of an `inspect eval`."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
import pytest
from inspect_ai.model import Model, get_model
from inspect_ai.model._model import init_model_roles

from pluralens.errors import InputError
from pluralens.evals.required_grader import require_grader


@contextmanager
def command(*graders: Model, no_score: bool) -> Iterator[None]:
    """As within `inspect eval`, with these models in the role."""
    init_model_roles({"grader": list(graders)} if graders else {})
    with click.Context(click.Command("eval")) as line:
        line.params = {"no_score": no_score}
        yield
    init_model_roles({})


def test_a_run_without_anybody_who_judges_is_refused() -> None:
    with command(no_score=False), pytest.raises(InputError, match="no model has the role grader"):
        require_grader()


def test_a_panel_that_has_a_grader_twice_is_refused() -> None:
    one = get_model("mockllm/one")
    twice = command(one, get_model("mockllm/one"), no_score=False)
    with twice, pytest.raises(InputError, match="names mockllm/one twice"):
        require_grader()
    with command(one, get_model("mockllm/other"), no_score=False):
        require_grader()


def test_answers_that_are_scored_later_need_nobody() -> None:
    with command(no_score=True):
        require_grader()
