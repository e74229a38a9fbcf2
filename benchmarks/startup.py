"""What an installed pluralens adds to the start-up of inspect.

    python benchmarks/startup.py [--runs 5] [--at-most 0.3]

inspect imports every package that names an entry point for it. Two environments are made of links
to this one's packages; they differ in nothing but pluralens, which the second lacks. In both, in
turns and each time in a new process: `inspect list tasks` in an empty folder, and `inspect eval` of
a task with one sample and no model. Prints medians and their differences; exit code 1 when one of
them is above the limit. About two minutes.
"""

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from importlib.metadata import files
from pathlib import Path
from typing import NamedTuple

PACKAGE = "pluralens"
TASK = """
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.solver import Generate, TaskState, solver

@solver
def nothing():
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return state
    return solve

@task
def empty():
    return Task(dataset=[Sample(input="-", id="1")], solver=nothing())
"""
COMMANDS = {
    "inspect list tasks": ["list", "tasks"],
    "inspect eval": ["eval", "task.py", "--model", "none", "--display", "none"],
}


class Spent(NamedTuple):
    """Seconds of one command."""

    wall: float
    cpu: float


def environment(folder: Path, without: set[str]) -> Path:
    """The Python of a new environment that has this one's packages but for some entries."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.check_output([python, "-c", asked], text=True).strip())
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.name not in without:
            (packages / entry.name).symlink_to(entry)
    return python


def package_entries() -> set[str]:
    """What belongs to pluralens in this environment's folder of packages."""
    entries = {file.parts[0] for file in files(PACKAGE) or []} - {"..", "/"}
    if not entries:
        sys.exit(f"startup.py: {PACKAGE} is not installed here; run `pip install -e .` first")
    return entries


def check(python: Path, installed: bool) -> None:
    found = subprocess.run([python, "-c", f"import {PACKAGE}"], capture_output=True).returncode == 0
    if found != installed:
        sys.exit(f"startup.py: {PACKAGE} should {'' if installed else 'not '}be found by {python}")


def spend(python: Path, arguments: list[str], folder: Path) -> Spent:
    settings = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started, before = time.perf_counter(), os.times()
    done = subprocess.run(
        [python, "-m", "inspect_ai", *arguments],
        cwd=folder,
        env={**settings, "XDG_DATA_HOME": str(folder.parent / "data")},
        capture_output=True,
        text=True,
    )
    wall, after = time.perf_counter() - started, os.times()
    if done.returncode:
        sys.exit(f"startup.py: inspect {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    cpu = after.children_user - before.children_user
    return Spent(wall, cpu + after.children_system - before.children_system)


def main() -> None:
    parser = argparse.ArgumentParser(description="Start-up of inspect with and without pluralens")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--at-most", type=float, default=0.3, help="seconds that may be added")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        pythons = {
            "with": environment(root / "with", set()),
            "without": environment(root / "without", package_entries()),
        }
        for way, python in pythons.items():
            check(python, installed=way == "with")
        missed = False
        for command, arguments in COMMANDS.items():
            # A parent of its own for each, so that `list tasks` stays in an empty folder.
            folder = root / arguments[0]
            folder.mkdir()
            if arguments[0] == "eval":
                (folder / "task.py").write_text(TASK)
            spent: dict[str, list[Spent]] = {"with": [], "without": []}
            for turn in range(options.runs + 1):
                # The order changes from turn to turn; the first turn fills the caches.
                for way in sorted(pythons, reverse=bool(turn % 2)):
                    one = spend(pythons[way], arguments, folder)
                    if turn:
                        spent[way].append(one)
            missed |= report(command, spent, options.at_most)
    sys.exit(1 if missed else 0)


def report(command: str, spent: dict[str, list[Spent]], at_most: float) -> bool:
    """Print one command's medians; whether the added wall time is above the limit."""
    wall = {way: statistics.median(s.wall for s in all_) for way, all_ in spent.items()}
    cpu = {way: statistics.median(s.cpu for s in all_) for way, all_ in spent.items()}
    added = wall["with"] - wall["without"]
    verdict = "too much" if added > at_most else "ok"
    print(
        f"{command:18}  without {wall['without']:.2f} s  with {wall['with']:.2f} s  "
        f"added {added:+.2f} s, at most {at_most:.2f}: {verdict}  "
        f"(CPU {cpu['without']:.2f} -> {cpu['with']:.2f} s)",
        flush=True,
    )
    return added > at_most


if __name__ == "__main__":
    main()
