"""The grid as JSON Lines."""

import json
from pathlib import Path

import pytest

from pluralens.errors import InputError
from pluralens.scenarios.grid import grid_rows, write_grid
from pluralens.scenarios.prompts import prompts
from pluralens.scenarios.scenario import load_scenario


def test_rows_are_flat() -> None:
    grid = prompts(load_scenario("rent"), language="en", context="system", paraphrase=1)
    rows = list(grid_rows(grid))
    assert len(rows) == 108
    assert all(v is None or isinstance(v, (str, int)) for row in rows for v in row.values())
    first = rows[0]
    assert first["id"] == "rent/050-economy-good-good/landlord/en-p1-system"
    assert (first["side"], first["asks"], first["relationship"]) == (1, "plus", "good")
    assert {k: v for k, v in first.items() if k.startswith("factor_")} == {
        "factor_increase": "050",
        "factor_justification": "economy",
        "factor_landlord_view": "good",
        "factor_tenant_view": "good",
    }


def test_a_line_per_prompt(tmp_path: Path) -> None:
    grid = prompts(load_scenario("raise"), paraphrase=0)
    path = write_grid(tmp_path / "new" / "grid.jsonl", grid)
    text = path.read_bytes().decode("utf-8")
    assert text.endswith("\n") and "Ü" not in text.encode("ascii", "ignore").decode()
    assert [json.loads(line) for line in text.splitlines()] == list(grid_rows(grid))
    assert "für" in text
    assert [p.name for p in path.parent.iterdir()] == ["grid.jsonl"]


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "grid.jsonl"
    path.write_text("old\n")
    write_grid(path, prompts(load_scenario("rent"), paraphrase=0)[:2])
    assert len(path.read_text("utf-8").splitlines()) == 2


def test_what_fails_on_the_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "grid.jsonl"
    path.write_text("old\n")
    grid = prompts(load_scenario("rent"), paraphrase=0)

    def broken():  # type: ignore[no-untyped-def]
        yield grid[0]
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_grid(path, broken())
    assert path.read_text() == "old\n" and len(list(tmp_path.iterdir())) == 1


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a folder; name a file in it"):
        write_grid(tmp_path, [])
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be (made a folder|written) .*; check the folder"):
        write_grid(tmp_path / "file" / "grid.jsonl", [])
