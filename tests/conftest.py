import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a program of this environment in an empty folder: `run("inspect", "eval", ...)`."""

    def start(
        program: str, *arguments: str, timeout: float = 240, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        plain = {"INSPECT_DISPLAY": "plain", "NO_COLOR": "1", "COLUMNS": "200"}
        command = (
            [sys.executable, str(ROOT / program)]
            if program.endswith(".py")
            else [str(Path(sys.executable).with_name(program))]
        )
        return subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env={**os.environ, **plain, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return start
