import json
from pathlib import Path

import pytest
from command_line import Line

from pluralens.evals.triplets import triplets
from pluralens.stats.triplet_power import required_triplets


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of another test in this process leaves its model active."""
    monkeypatch.setattr("pluralens.evals.triplets.active_model", lambda: None)


def test_the_grid_is_what_the_task_asks(pluralens: Line, tmp_path: Path) -> None:
    done = pluralens("grid --scenario rent --paraphrase 0 --language de,en --out a/grid.jsonl")
    assert done.code == 0 and "216 prompts of 36 triplets (rent; de, en)" in done.out
    rows = [
        json.loads(line) for line in (tmp_path / "a/grid.jsonl").read_text("utf-8").splitlines()
    ]
    asked = triplets(language="de,en", paraphrase=0).dataset
    assert [row["id"] for row in rows] == [sample.id for sample in asked]
    assert [row["user"] for row in rows] == [s.input[-1].text for s in asked]  # type: ignore[union-attr]
    again = pluralens("grid --paraphrase 0 --language de,en --out b.jsonl")
    assert again.code == 0
    assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "a/grid.jsonl").read_bytes()


def test_the_grid_as_json_and_with_whole_triplets(pluralens: Line, tmp_path: Path) -> None:
    done = pluralens("grid --scenario rent,piano --triplets 8 --seed 4 --out g.jsonl --json")
    assert done.json == {
        "out": "g.jsonl", "prompts": 72, "triplets": 8, "scenarios": ["rent", "piano"],
        "languages": ["de"],
    }  # fmt: skip
    ids = [json.loads(line)["id"] for line in (tmp_path / "g.jsonl").read_text().splitlines()]
    assert ids == [s.id for s in triplets(scenario="rent,piano", triplets=8, seed=4).dataset]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("grid --scenario rents --out g.jsonl", "the closest id is 'rent'"),
        ("grid --paraphrase x --out g.jsonl", "paraphrase='x' must be `all` or a number"),
        ("grid --paraphrase 9 --out g.jsonl", "choose a whole number from 0 to 2"),
        ("grid --language fr --out g.jsonl", "unknown to scenario rent; choose from de, en"),
        ("grid --triplets 0 --out g.jsonl", "must be a whole number from 1 to 36"),
        ("grid --affect angry --out g.jsonl", "choose one of plain, emotional"),
        ("grid --context user --out g.jsonl", "choose one of none, system, inline"),
        ("grid", "'--out'"),
        ("grid --out .", "folder"),
        ("power triplets --sd x", "--sd 'x' is no number"),
        ("power triplets --sd 0.3,0", "sd: 0 is not positive"),
        ("power triplets --gap 0", "no number of triplets finds a gap of 0"),
        ("power triplets --gap 3", "gap: 3 is impossible"),
        ("power triplets --power 1", "power: 1 does not lie between"),
    ],
)
def test_wrong_input_is_one_line(pluralens: Line, tmp_path: Path, words: str, message: str) -> None:
    done = pluralens(words)
    assert done.code == 2 and done.out == ""
    assert message in done.err and len(done.err.splitlines()) == 1
    assert not (tmp_path / "g.jsonl").exists()


def test_the_power_table(pluralens: Line) -> None:
    done = pluralens("power triplets --sd 0.3,0.5 --json")
    rows = done.json["rows"]
    assert [(r["gap"], r["sd"]) for r in rows] == [
        (gap, sd) for gap in (0.05, 0.1, 0.2) for sd in (0.3, 0.5)
    ]
    # Normal approximation: n = ((z_0.975 + z_0.8) sd / gap)^2, and about 2 more for the t test.
    for row in rows:
        normal = ((1.959964 + 0.841621) * row["sd"] / row["gap"]) ** 2
        assert normal < row["n_triplets"] < normal + 3.5
        assert row["n_triplets"] == required_triplets(row["gap"], row["sd"])
    shown = pluralens("power triplets --sd 0.5 --gap 0.2")
    assert shown.code == 0 and "52" in shown.out.split()
