"""The seven commands of the README, from an empty database to figures, on both databases.

Both must give the same personas, pairs and results.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import read_eval_log
from postgres_server import PostgresServer

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


def finished(folder: Path, database: str, start: Any) -> Path:
    """The folder, after the seven commands ran in it."""

    def output(*command: str) -> str:
        words = command[1:] if command[0] == "python" else command
        done = start(*words, cwd=folder, DB_URL=database)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return str(done.stdout)

    for command in seven_commands():
        output(*command)
    with Store.open(database) as store:
        for name in SELECTIONS:
            export_selection(store.selection(name), folder / f"{name}.csv")
    listed = output("pluralens", "personas", "list", "--json")
    (folder / "list.json").write_text(listed, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory, start: Any) -> Path:
    folder = tmp_path_factory.mktemp("sqlite")
    return finished(folder, f"sqlite:///{folder / 'store.db'}", start)


@pytest.fixture(scope="module")
def on_postgresql(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory, start: Any
) -> Iterator[Path]:
    database = postgres_server.new_database()
    yield finished(tmp_path_factory.mktemp("postgresql"), database, start)
    postgres_server.drop_database(database)


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


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_they_run(engine: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(f"on_{engine}")
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


def test_both_databases_give_the_same(on_sqlite: Path, on_postgresql: Path) -> None:
    one, other = on_sqlite, on_postgresql
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
