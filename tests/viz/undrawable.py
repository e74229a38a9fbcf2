"""What no figure can be drawn from, and how every drawing program has to say so."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, task
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import Sample
from inspect_ai.solver import Generate, Solver, TaskState, solver

__all__ = ["WRONG_OPTIONS", "another", "assert_not_drawn", "unasked"]

WRONG_OPTIONS = [
    (["--format", "gif"], "choose of png, svg, pdf"),
    (["--theme", "pink"], "light, dark"),
]


@solver
def silent() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return state

    return solve


@task
def another() -> Task:
    return Task(dataset=[Sample(input="x", target="y")], solver=silent())


def unasked(made: Task, folder: Path) -> Path:
    """The finished log of a task in which nobody was asked anything."""
    (log,) = inspect_eval(
        made, model="none", log_dir=str(folder), display="none", score=False, solver=silent()
    )
    return Path(log.location)


def assert_not_drawn(
    main: Callable[[Sequence[str]], int],
    finished: Path,
    wrong: Mapping[str, Any],
    messages: Mapping[str, str],
    out: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each place ends in one line that names it, and nothing is written."""
    assert set(wrong) == set(messages)
    for kind, place in wrong.items():
        # The good log beside it must not be drawn either.
        code = main(["--log", str(finished), "--log", str(place), "--out", str(out)])
        shown = capsys.readouterr()
        assert code == 2, kind
        assert messages[kind] in shown.err and str(place) in shown.err, shown.err
        assert len(shown.err.strip().splitlines()) == 1
        assert not out.exists()
