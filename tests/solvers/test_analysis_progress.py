"""What is said while an analysis runs."""

import time
from typing import Any

import anyio
import pytest

from pluralens.solvers import analysis_progress as room
from pluralens.solvers.analysis_progress import Progress, shown_progress


class Clock:
    """Seconds that the test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_left_follows_the_pace_so_far() -> None:
    clock = Clock()
    progress = Progress("ablation", clock)
    assert progress.words == "starting"
    progress(10, 100)
    assert progress.words == "10%, time left unknown"
    clock.now += 20
    progress(30, 100)
    # 20 steps in 20 s, 70 to go.
    assert progress.words == "30%, 1:10 left"
    assert progress.bar == "█" * 6 + "░" * 14 + " 30%, 1:10 left"
    clock.now += 5
    progress(100, 100)
    assert progress.words == "100%, 0:00 left"


def test_the_next_part_of_an_analysis_starts_anew() -> None:
    clock = Clock()
    progress = Progress("attribution", clock)
    progress(5, 10)
    clock.now += 30
    progress(10, 10)
    progress(1, 4)
    assert progress.words == "25%, time left unknown"
    clock.now += 2
    progress(2, 4)
    assert progress.words == "50%, 0:04 left"


def test_plain_lines_where_there_is_no_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    monkeypatch.setattr(room, "PATIENCE", 0.05)
    monkeypatch.setattr(room, "display_counter", lambda what, bar: said.append((what, bar)))

    async def run(kind: str, seconds: float) -> None:
        monkeypatch.setattr(room, "display_type", lambda: kind)
        progress = Progress("lens builtin/gender")
        progress(1, 2)
        async with shown_progress(progress):
            await anyio.sleep(seconds)

    anyio.run(run, "plain", 0.01)
    assert capsys.readouterr().err == ""
    anyio.run(run, "plain", 0.2)
    assert capsys.readouterr().err == "lens builtin/gender: 50%, time left unknown\n"
    anyio.run(run, "none", 0.2)
    assert capsys.readouterr().err == "" and not said
    anyio.run(run, "full", 0.2)
    assert capsys.readouterr().err == "" and said[0][0] == "lens builtin/gender"


def test_what_the_analysis_raises_is_raised_as_it_is() -> None:
    async def run() -> Any:
        async with shown_progress(Progress("x")):
            raise KeyError("own")

    started = time.monotonic()
    with pytest.raises(KeyError, match="own"):
        anyio.run(run)
    assert time.monotonic() - started < room.PATIENCE
