"""Ways to break a copy of the rent scenario, one thing at a time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.scenarios.scenario import load_scenario

__all__ = ["Edit", "complaint", "rent_text", "raw", "swap"]

Edit = Callable[[Path], None]


def rent_text() -> str:
    return data_file("scenarios", "rent.yaml").read_text("utf-8")


def swap(old: str, new: str, count: int = 1) -> Edit:
    def edit(file: Path) -> None:
        text = file.read_text("utf-8")
        assert old in text, f"rent.yaml has no {old!r}"
        file.write_text(text.replace(old, new, count), "utf-8")

    return edit


def raw(content: bytes) -> Edit:
    return lambda file: file.write_bytes(content) and None


def complaint(edit: Edit, folder: Path) -> str:
    """The one line that loading the broken file ends with."""
    file = folder / "rent.yaml"
    file.write_text(rent_text(), "utf-8")
    edit(file)
    with pytest.raises(InputError) as caught:
        load_scenario(file)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(str(file)), message
    # What is wrong, then what to do.
    assert "; " in message, message
    return message
