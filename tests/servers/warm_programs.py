"""Start programs of this environment from a process that has the large libraries loaded already.

    with WarmPrograms() as programs:
        done = programs.run("inspect", "eval", "pluralens/likert", cwd=tmp_path, env=environment)

Most of what `inspect eval` takes with a few samples is loading inspect and scipy: several seconds
on a slow machine. Here one process loads them once, without pluralens, and each program is a fork
of it with arguments, folder, environment and output of its own; from its entry point to its exit
code it does what it always does.
"""

import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Self

LIBRARIES = (
    "fastapi",
    "inspect_ai._cli.main",
    "inspect_ai.agent._acp.server",
    "matplotlib.pyplot",
    "openai",
    "pandas",
    "peewee",
    "pyarrow.parquet",
    "rich.progress",
    "scipy.stats",
    "statsmodels.stats.proportion",
    "typer",
    "uvicorn",
    "yaml",
)


class WarmPrograms:
    """The process that programs are forked from; one program at a time."""

    def __enter__(self) -> Self:
        self.process: subprocess.Popen[str] | None = None
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.communicate()
            self.process = None

    def run(
        self, program: str, *arguments: str, cwd: Path, env: Mapping[str, str], timeout: float
    ) -> "subprocess.CompletedProcess[str]":
        """Run a console script, or a `.py` file by its path, as `subprocess.run` would.

        Raises:
            subprocess.TimeoutExpired: It took longer; it has been killed.
        """
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            words = [program, *arguments]
            wanted = {"words": words, "cwd": str(cwd), "env": dict(env)}
            code = self._ask({**wanted, "out": str(out), "err": str(err)}, timeout)
            if code is None:
                raise subprocess.TimeoutExpired(words, timeout, out.read_text(), err.read_text())
            return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())

    def _ask(self, wanted: Mapping[str, Any], timeout: float) -> int | None:
        """The exit code; None after killing what took too long."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], timeout)[0]:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            self.process = None
            return None
        return int(self.process.stdout.readline())


def serve() -> dict[str, Any]:
    """Fork a process per line of standard input; returns in each of them, with what it is to run.

    The parent answers with a line that has the exit code, and ends with its input.
    """
    for name in LIBRARIES:
        # Another version of inspect may not have one; who needs it then loads it.
        with suppress(ModuleNotFoundError):
            importlib.import_module(name)
    # Reads inspect's list of known models, which every run looks into.
    importlib.import_module("inspect_ai.model").get_model_info("openai/gpt-4o")
    # It remembers in which folder it was loaded.
    assert "pluralens" not in sys.modules
    # What is here already is nothing to be looked through, and copied by that, in every child.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            wanted: dict[str, Any] = json.loads(line)
            return wanted
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, flush=True)
    # Without the seconds that unloading takes.
    os._exit(0)


def become(wanted: Mapping[str, Any]) -> None:
    """Run the program in this process."""
    flags = os.O_WRONLY | os.O_CREAT
    for target, path in enumerate((os.devnull, wanted["out"], wanted["err"])):
        opened = os.open(path, flags if target else os.O_RDONLY, 0o644)
        os.dup2(opened, target)
        os.close(opened)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    random.seed()
    program, *arguments = wanted["words"]
    sys.argv = [program, *arguments]
    if program.endswith(".py"):
        sys.path[0] = os.path.dirname(program)
        runpy.run_path(program, run_name="__main__")
    else:
        sys.argv[0] = str(Path(sys.executable).with_name(program))
        sys.path[0] = os.path.dirname(sys.argv[0])
        (script,) = entry_points(group="console_scripts", name=program)
        sys.exit(script.load()())


if __name__ == "__main__":
    become(serve())
