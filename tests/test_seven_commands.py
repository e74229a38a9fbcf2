"""The seven commands of the README, from an empty database to figures, on both databases.

Both must give the same personas, pairs and results.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import read_eval_log

from pluralens.personas.files import export_selection
from pluralens.personas.store import Store

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = "## Stored personas, in seven commands"
SELECTIONS = ("pool-smoke", "balanced-smoke", "pairs-smoke")


def seven_commands() -> list[list[str]]:
    block = re.findall(r"```bash\n(.*?)```", README[README.index(SECTION) :], flags=re.DOTALL)[0]
    lines = [re.sub(r"(^|\s)#.*$", "", line).strip() for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line]


def start(folder: Path, database: str, program: str, *arguments: str) -> str:
    """Run one command; its standard output."""
    command = (
        [sys.executable, str(ROOT / arguments[0]), *arguments[1:]]
        if program == "python"
        else [str(Path(sys.executable).with_name(program)), *arguments]
    )
    plain = {"INSPECT_DISPLAY": "plain", "NO_COLOR": "1", "COLUMNS": "200", "DB_URL": database}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **plain},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Engine -> folder in which the seven commands ran; filled as tests need it."""
    return {}


@pytest.fixture
def folder(
    request: pytest.FixtureRequest,
    database: str,
    finished: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    engine = database.split(":", 1)[0]
    if engine not in finished:
        place = tmp_path_factory.mktemp(engine)
        for command in seven_commands():
            start(place, database, *command)
        with Store.open(database) as store:
            for name in SELECTIONS:
                export_selection(store.selection(name), place / f"{name}.csv")
        listed = start(place, database, "pluralens", "personas", "list", "--json")
        (place / "list.json").write_text(listed, encoding="utf-8")
        finished[engine] = place
    yield finished[engine]


def log_of(folder: Path, task: str) -> Any:
    found = [read_eval_log(str(p)) for p in sorted(folder.glob("logs/*.eval"))]
    return next(log for log in found if log.eval.task == f"pluralens/{task}")


def test_there_are_seven() -> None:
    assert len(seven_commands()) == 7
    assert [" ".join(c[:3]) for c in seven_commands()] == [
        "pluralens db migrate",
        "pluralens personas pool",
        "pluralens personas balanced",
        "pluralens personas counterfactual",
        "inspect eval pluralens/persona_enrichment",
        "inspect eval pluralens/likert",
        "python viz/likert.py",
    ]


def test_they_run(folder: Path) -> None:
    listed = {s["name"]: s for s in json.loads((folder / "list.json").read_text("utf-8"))}
    assert [listed[name]["n"] for name in SELECTIONS] == [30, 30, 30]
    assert listed["pairs-smoke"]["parent"] == "balanced-smoke"
    written = log_of(folder, "persona_enrichment")
    assert written.status == "success"
    assert len(written.samples) == 30
    rated = log_of(folder, "likert")
    assert rated.status == "success"
    assert len(rated.samples) == 30 + listed["pairs-smoke"]["pairs"]
    assert rated.eval.metadata["enrichment"]["run"] == "texts-smoke"
    assert any(s.metadata["biography"] or s.metadata["appearance"] for s in rated.samples)
    assert list(folder.glob("out/likert/*.png"))


def test_both_databases_give_the_same(finished: dict[str, Path]) -> None:
    if len(finished) < 2:
        pytest.skip("only one database could be had")
    one, other = finished.values()
    for name in SELECTIONS:
        assert (one / f"{name}.csv").read_bytes() == (other / f"{name}.csv").read_bytes()
    for task in ("persona_enrichment", "likert"):
        first, second = ({s.id: s for s in log_of(f, task).samples} for f in (one, other))
        assert list(first) == list(second)
        for sample_id, sample in first.items():
            assert sample.metadata == second[sample_id].metadata
            assert sample.input == second[sample_id].input
            assert {k: s.value for k, s in sample.scores.items()} == {
                k: s.value for k, s in second[sample_id].scores.items()
            }
    for table in sorted(one.glob("out/likert/*.csv")):
        assert table.read_bytes() == (other / "out" / "likert" / table.name).read_bytes()
