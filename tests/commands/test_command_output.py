import io
import json
import sys

import pytest

from pluralens.commands.output import (
    plain,
    show_facts,
    show_json,
    show_line,
    show_table,
    working,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_texts_are_neither_markup_nor_control(capsys: pytest.CaptureFixture[str]) -> None:
    nasty = "[red]x[/red] \x1b[2J\u202e\u2028ü\n"
    show_table(("[b]name", "n"), [(nasty, 1)], title=nasty)
    show_line(nasty)
    show_facts({"key": nasty})
    out = capsys.readouterr().out
    assert out.count("[red]x[/red]") == 4 and "[b]name" in out and "ü" in out
    assert not {"\x1b", "\u202e", "\u2028"} & set(out)
    assert plain(nasty) == "[red]x[/red] \\x1b[2J\\u202e\\u2028ü\\n"


def test_tables_are_not_cut_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    show_table(("a", "b", "c"), [("x" * 100, 12345, 0.126), ("y", 1, None)])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["x" * 100, "12,345", "0.13"] for line in lines)
    assert any(line.split() == ["y", "1", "-"] for line in lines)


def test_json_has_no_number_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"a": [float("nan"), 1.5, float("inf")], "b": {"c": (1, "ü")}, "d": None})
    out = capsys.readouterr().out
    assert json.loads(out, parse_constant=lambda _: pytest.fail("no JSON")) == {
        "a": [None, 1.5, None],
        "b": {"c": [1, "ü"]},
        "d": None,
    }
    assert out.isascii()


def test_progress_is_a_line_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with working("drawing [x]\x07"):
        pass
    assert capsys.readouterr() == ("", "drawing [x]\\x07 ...\n")


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with working("drawing [x]"):
        pass
    assert "drawing [x]" in terminal.getvalue()
