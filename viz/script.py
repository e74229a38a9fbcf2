"""What all drawing scripts share: their options, how they draw and write, and how they end.

A script is a `main(arguments) -> int` that reads its logs, hands `Chart`s to `make_all` and the
result to `draw_each` or `pluralens.viz.output.write_all`: all is made before anything is written.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from pluralens.errors import InputError
from pluralens.viz.output import FORMATS, rendered, safe_name, write_all
from pluralens.viz.progress import steps
from pluralens.viz.style import THEMES, themed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Chart", "Made", "Run", "draw_each", "make_all", "print_written", "run_script"]
__all__ += ["script_parser"]


class Chart(NamedTuple):
    """A figure and the numbers behind it.

    Attributes:
        name: Of its files.
        table: Makes the numbers.
        figure: Draws them.
    """

    name: str
    table: "Callable[[], pd.DataFrame]"
    figure: "Callable[[pd.DataFrame], Figure]"


class Run(Protocol):
    """What tells the logs of a call apart."""

    @property
    def model(self) -> str:
        """The evaluated model."""

    @property
    def run(self) -> str:
        """Id that inspect gave the eval."""


Log = TypeVar("Log", bound=Run)
Made = tuple[dict[str, Mapping[str, bytes]], "dict[str, pd.DataFrame]"]
"""Pictures (name -> format -> bytes) and tables (name -> numbers)."""


def script_parser(
    script: str, description: str, out: str, log: str = "log file or folder (repeatable)"
) -> argparse.ArgumentParser:
    """A parser with the options of every script; each adds its own.

    Args:
        script: Its path in the repository, as messages show it.
        description: What it does.
        out: Default of `--out`.
        log: What `--log` takes.
    """
    parser = argparse.ArgumentParser(
        prog=script,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--log", action="append", default=[], help=log)
    parser.add_argument("--out", default=out, help="folder for figures and tables")
    parser.add_argument("--format", default="png,svg", help=f"of {', '.join(FORMATS)}")
    parser.add_argument("--theme", default="light", help=f"of {', '.join(THEMES)}")
    return parser


def run_script(script: str, work: Callable[[], None]) -> int:
    """Do the work; returns the exit code: 0, or 2 for input that a person can put right.

    Args:
        script: Its path in the repository, with which the message begins.
        work: Everything but the reading of the command line.
    """
    try:
        work()
    except InputError as error:
        print(f"{script}: {error}", file=sys.stderr)
        return 2
    return 0


def make_all(charts: Sequence[Chart], formats: Sequence[str], theme: str, what: str) -> Made:
    """Draw every chart in memory.

    Args:
        charts: In the order in which they are drawn.
        formats: Of `FORMATS`.
        theme: `light` or `dark`.
        what: What the progress says is being done.
    """
    pictures: dict[str, Mapping[str, bytes]] = {}
    tables: dict[str, pd.DataFrame] = {}
    for chart in steps(charts, what):
        tables[chart.name] = chart.table()
        with themed(theme):
            pictures[chart.name] = rendered(chart.figure(tables[chart.name]), formats)
    return pictures, tables


def draw_each(
    logs: Sequence[Log],
    out: Path,
    about: Callable[[Log], str],
    make: "Callable[[Log], Made]",
) -> None:
    """Draw logs one by one, write several of them into a folder each, and say so.

    All logs are read and drawn before anything is written, so a bad one leaves nothing half-done.

    Args:
        logs: All that were asked for.
        out: Folder for the files, or for the folders.
        about: A line on a log.
        make: Makes the pictures and tables of a log.
    """
    made = [make(log) for log in logs]
    for log, files in zip(logs, made, strict=True):
        print(about(log))
        own = out / f"{safe_name(log.model)}-{log.run[:8]}" if len(logs) > 1 else out
        print_written(write_all(*files, own))


def print_written(paths: Sequence[Path]) -> None:
    """Say what was written."""
    for path in paths:
        print(f"  wrote {path}")
