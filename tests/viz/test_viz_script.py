"""What all drawing scripts share: options, exit codes, and nothing half-written."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from matplotlib.figure import Figure

from pluralens.errors import InputError
from pluralens.viz.output import write_all
from pluralens.viz.script import (
    Chart,
    Made,
    draw_each,
    make_all,
    print_written,
    run_script,
    script_parser,
)

TABLE = pd.DataFrame({"x": [1, 2]})


class Read(NamedTuple):
    model: str
    run: str


def chart(name: str) -> Chart:
    def figure(table: pd.DataFrame) -> Figure:
        import matplotlib.pyplot as plt

        drawn, axes = plt.subplots()
        axes.plot(table["x"])
        return drawn

    return Chart(name, lambda: TABLE, figure)


def test_every_script_has_the_same_options_and_its_own() -> None:
    parser = script_parser("viz/some.py", "Some figures.", "out/some")
    parser.add_argument("--score")
    options = parser.parse_args(["--log", "a", "--log", "b", "--score", "s"])
    assert vars(options) == {
        "log": ["a", "b"], "out": "out/some", "format": "png,svg", "theme": "light", "score": "s",
    }  # fmt: skip
    assert parser.parse_args([]).log == []


def test_the_help_names_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        script_parser("viz/some.py", "Some figures.\n\nviz/some.py --log x", "out").parse_args(
            ["-h"]
        )
    shown = capsys.readouterr().out
    assert "usage: viz/some.py" in shown and "\nviz/some.py --log x\n" in shown


def test_what_a_person_can_put_right_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise InputError("x.eval: is no log; give another")

    assert run_script("viz/some.py", fail) == 2
    assert capsys.readouterr().err == "viz/some.py: x.eval: is no log; give another\n"
    assert run_script("viz/some.py", lambda: None) == 0


def test_other_errors_are_not_hidden() -> None:
    def fail() -> None:
        raise ValueError("a fault of the program")

    with pytest.raises(ValueError, match="fault"):
        run_script("viz/some.py", fail)


def test_charts_are_made_in_every_format_and_written_with_their_tables(tmp_path: Path) -> None:
    pictures, tables = make_all([chart("b"), chart("a")], ["png", "svg"], "dark", "drawing")
    assert {name: list(made) for name, made in pictures.items()} == {
        "b": ["png", "svg"],
        "a": ["png", "svg"],
    }
    written = write_all(pictures, {"alone": TABLE, **tables}, tmp_path / "out")
    names = ["alone.csv", "b.png", "b.svg", "b.csv", "a.png", "a.svg", "a.csv"]
    assert [path.name for path in written] == names
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)
    assert (tmp_path / "out" / "a.png").read_bytes() == pictures["a"]["png"]
    assert (tmp_path / "out" / "alone.csv").read_text() == "x\n1\n2\n"


def test_a_picture_without_a_table_is_written_too(tmp_path: Path) -> None:
    written = write_all({"one": {"svg": b"<svg/>"}}, {"two": TABLE}, tmp_path)
    assert [path.name for path in written] == ["two.csv", "one.svg"]


def test_a_chart_that_fails_leaves_nothing_to_write() -> None:
    def fail(table: pd.DataFrame) -> Figure:
        raise RuntimeError("no figure")

    with pytest.raises(RuntimeError, match="no figure"):
        make_all([chart("a"), Chart("b", lambda: TABLE, fail)], ["png"], "light", "drawing")


def test_one_log_is_drawn_into_the_folder_and_several_into_one_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = [Read("a/b", "0123456789"), Read("a/b", "9876543210")]
    for name, some in (("one", logs[:1]), ("two", logs)):
        draw_each(
            some, tmp_path / name, lambda log: f"read {log.run}", lambda log: ({}, {"x": TABLE})
        )
    files = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.csv"))
    assert files == ["one/x.csv", "two/a-b-01234567/x.csv", "two/a-b-98765432/x.csv"]
    assert capsys.readouterr().out.splitlines()[:4] == [
        "read 0123456789",
        f"  wrote {tmp_path / 'one' / 'x.csv'}",
        "read 0123456789",
        f"  wrote {tmp_path / 'two' / 'a-b-01234567' / 'x.csv'}",
    ]


def test_a_log_that_cannot_be_drawn_leaves_nothing_of_the_others(tmp_path: Path) -> None:
    def make(log: Read) -> Made:
        if log.run == "bad":
            raise InputError("bad: cannot be drawn; leave it out")
        return {}, {"x": TABLE}

    with pytest.raises(InputError, match="leave it out"):
        draw_each([Read("a", "good"), Read("a", "bad")], tmp_path / "out", str, make)
    assert not (tmp_path / "out").exists()


def test_written_files_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_written([Path("a.png"), Path("b.csv")])
    assert capsys.readouterr().out == "  wrote a.png\n  wrote b.csv\n"
