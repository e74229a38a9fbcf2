"""Drawing logs of PERSONA in tests, those of the simulated model among them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from critique_evals import QUIET
from inspect_ai import eval as inspect_eval
from matplotlib.figure import Figure
from matplotlib.text import Text

__all__ = ["assert_same_bytes", "simulated", "table_of", "texts"]

Main = Callable[[Sequence[str]], int]


def simulated(folder: Path, task: str, **options: Any) -> str:
    """Run a task with the simulated personaliser and critic; returns the log's place."""
    model_args = options.pop("model_args", {})
    (log,) = inspect_eval(
        f"pluralens/{task}",
        task_args=options,
        model="pluralens_sim/personaliser",
        model_args=model_args,
        model_roles={"grader": "pluralens_sim/critic"},
        log_dir=str(folder),
        **QUIET,
    )
    assert log.status == "success", log.error
    return str(log.location)


def table_of(file: Path) -> pd.DataFrame:
    """A written CSV; texts stay texts."""
    return pd.read_csv(file, keep_default_na=True)


def texts(drawn: Figure) -> str:
    """Everything that can be read in a figure."""
    found = drawn.findobj(lambda artist: isinstance(artist, Text) and bool(artist.get_text()))
    return " ".join(" ".join(text.get_text().split()) for text in found)  # type: ignore[attr-defined]


def assert_same_bytes(main: Main, log: str, folder: Path) -> None:
    """Two runs on one log write the same files to the byte."""
    for name in ("one", "two"):
        assert main(["--log", log, "--out", str(folder / name)]) == 0
    files = sorted((folder / "one").iterdir())
    assert {file.suffix for file in files} == {".png", ".svg", ".csv"}
    for file in files:
        assert file.read_bytes() == (folder / "two" / file.name).read_bytes(), file.name
