"""Ways to break a copy of a population's folder, one thing at a time."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from pluralens.errors import InputError
from pluralens.personas.population import load_population

__all__ = [
    "Edit",
    "append",
    "complaint",
    "drop_column",
    "drop_line",
    "raw",
    "remove",
    "swap",
]

Edit = Callable[[Path], None]


def swap(file: str, old: str, new: str, count: int = 1) -> Edit:
    def edit(folder: Path) -> None:
        text = (folder / file).read_text("utf-8")
        assert old in text, f"{file} has no {old!r}"
        (folder / file).write_text(text.replace(old, new, count), "utf-8")

    return edit


def append(file: str, line: str) -> Edit:
    def edit(folder: Path) -> None:
        with (folder / file).open("a", encoding="utf-8") as handle:
            handle.write(line + "\n")

    return edit


def drop_line(file: str, start: str) -> Edit:
    def edit(folder: Path) -> None:
        lines = (folder / file).read_text("utf-8").splitlines(True)
        kept = [line for line in lines if not line.startswith(start)]
        assert len(kept) == len(lines) - 1, f"{file}: {start!r} starts {len(lines) - len(kept)}"
        (folder / file).write_text("".join(kept), "utf-8")

    return edit


def drop_column(file: str, column: str) -> Edit:
    def edit(folder: Path) -> None:
        lines = (folder / file).read_text("utf-8").splitlines()
        head = next(line for line in lines if not line.startswith("#"))
        position = head.split(",").index(column)
        with (folder / file).open("w", encoding="utf-8", newline="") as handle:
            for cells in csv.reader(line for line in lines if not line.startswith("#")):
                csv.writer(handle).writerow(cells[:position] + cells[position + 1 :])

    return edit


def raw(file: str, content: bytes) -> Edit:
    def edit(folder: Path) -> None:
        (folder / file).write_bytes(content)

    return edit


def remove(file: str) -> Edit:
    return lambda folder: (folder / file).unlink()


def complaint(edit: Edit, folder: Path) -> str:
    """The one line that loading the broken folder ends with."""
    edit(folder)
    with pytest.raises(InputError) as caught:
        load_population(folder)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(str(folder)), message
    return message
