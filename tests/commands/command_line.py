"""Run `pluralens` in this process and look at what it leaves behind."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pluralens.cli import main

__all__ = ["Done", "Line", "command_line"]


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Line = Callable[..., Done]


def command_line(capsys: pytest.CaptureFixture[str]) -> Line:
    """A function that runs `pluralens` with the words of a text and then single arguments."""

    def run(words: str, *arguments: str) -> Done:
        capsys.readouterr()
        code = main([*words.split(), *arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Done(code, captured.out, captured.err)

    return run
