"""Programs that use a store at the same time as others, or until they are killed."""

import subprocess
import sys
from collections.abc import Sequence
from typing import IO

__all__ = ["go_on", "start", "together", "wait_until_ready"]

PROLOGUE = """
import os, signal, sys
sys.path.insert(0, {tests!r})
url = sys.argv[1]

def ready():
    print("ready", flush=True)
    sys.stdin.readline()

"""


def start(url: str, code: str) -> "subprocess.Popen[str]":
    """Start a program that knows `url`; it waits in `ready()` for a line on its input."""
    tests = str(__file__).rpartition("/")[0]
    return subprocess.Popen(
        [sys.executable, "-c", PROLOGUE.format(tests=tests) + code, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def together(url: str, programs: Sequence[str]) -> list[str]:
    """Let programs go on from `ready()` at the same time; what each printed after it."""
    running = [start(url, code) for code in programs]
    for process in running:
        wait_until_ready(process)
    for process in running:
        go_on(process)
    found = [process.communicate(timeout=120) for process in running]
    for process, (_, errors) in zip(running, found, strict=True):
        assert process.returncode == 0, errors
    return [out.strip() for out, _ in found]


def wait_until_ready(process: "subprocess.Popen[str]") -> None:
    """Wait until a program is in `ready()`."""
    assert _pipe(process.stdout).readline() == "ready\n", _pipe(process.stderr).read()


def go_on(process: "subprocess.Popen[str]") -> None:
    """Let a program out of `ready()`."""
    commands = _pipe(process.stdin)
    commands.write("go\n")
    commands.flush()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
