"""Cells of people: table, contrasts and figure of intersections logs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from critique_evals import evaluate, sample, verdict
from persona_drawing import assert_same_bytes, simulated, table_of, texts

from pluralens.errors import InputError
from pluralens.stats.cells import cell_accuracy, cell_contrasts
from pluralens.viz.critique_figures import cells
from pluralens.viz.critique_logs import CritiqueLog, read_critique_log
from pluralens.viz.style import themed
from pluralens.viz.visualization_intersection import charts, main

HEADER: dict[str, Any] = {
    "cells": [
        {"name": "young men", "n": 8},
        {"name": "old women", "n": 6},
        {"name": "anybody", "n": 15},
        {"name": "men of 120", "n": 0},
        {"name": "one person", "n": 1},
    ],
    "overlaps": [
        {"cells": ["young men", "anybody"], "n": 8},
        {"cells": ["young men", "old women"], "n": 0},
    ],
}


def study() -> Iterator[dict[str, Any]]:
    """Eight young men, all accepted, six old women, half of them, and one person more."""
    for k in range(8):
        yield sample(f"q{k}", f"m{k}", verdict(1), cells="young men|anybody")
    for k in range(6):
        value = verdict(None) if k == 5 else verdict(float(k % 2))
        yield sample(f"q{k}", f"w{k}", value, cells="old women|anybody")
    yield sample("q9", "x", verdict(0), cells="anybody|one person")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> CritiqueLog:
    folder = tmp_path_factory.mktemp("cells")
    return read_critique_log(
        evaluate(folder, "persona_intersections", study(), header=HEADER).location
    )


def test_the_table_counts_by_hand_in_the_order_of_the_file(log: CritiqueLog) -> None:
    table = cells.table(log).set_index("cell")
    names = ["young men", "old women", "anybody", "men of 120", "one person", "everyone asked"]
    assert table.index.tolist() == names
    assert table["n_people"].tolist() == [8, 6, 15, 0, 1, 15]
    assert table["n_answers"].tolist() == [8, 5, 14, 0, 1, 14]
    assert table["n_unscored"].tolist() == [0, 1, 1, 0, 0, 1]
    shares = [1, 2 / 5, 10 / 14, float("nan"), 0, 10 / 14]
    assert table["accuracy"].tolist() == pytest.approx(shares, nan_ok=True)
    assert table.loc["men of 120", "accuracy":"own_weight"].isna().all()  # type: ignore[misc]


def test_estimates_are_those_of_the_estimators(log: CritiqueLog) -> None:
    table = cells.table(log).set_index("cell")
    found = cell_accuracy(log.frame).set_index("cell")
    for name in ("accuracy", "ci_low", "ci_high", "pooled", "own_weight"):
        assert table.loc[found.index, name].tolist() == pytest.approx(found[name].tolist())
    # The one person's cell moves far, the men's little.
    moved = (table["pooled"] - table["accuracy"]).abs()
    assert moved["one person"] > moved["young men"] > 0
    _, alone = charts(log)
    assert alone["contrasts"].equals(cell_contrasts(log.frame))
    assert len(alone["contrasts"]) == 6


def test_the_figure_names_overlaps_and_cells_of_nobody(log: CritiqueLog) -> None:
    with themed("dark"):
        table = cells.table(log)
        drawn = cells.figure(table, cells.contrasts(log), log.heading, cells.overlap_words(log))
        shown = texts(drawn)
    assert "nobody is in these cells" in shown and "men of 120" in shown
    assert "who count in each: young men and anybody (8 shared)." in shown
    assert "old women and" not in shown
    assert "100 % (" in shown and "pooled" in shown and "Contrasts of two cells: 3" in shown
    assert "3 more have too few pairs" in shown


def test_two_cells_are_not_pooled(tmp_path: Path) -> None:
    header = {"cells": [{"name": "a", "n": 1}, {"name": "b", "n": 0}], "overlaps": []}
    samples = [sample("q", "p", verdict(1), cells="a")]
    made = evaluate(tmp_path, "persona_intersections", samples, header=header)
    log = read_critique_log(made.location)
    with themed("light"):
        shown = texts(cells.figure(cells.table(log), cells.contrasts(log), log.heading, ""))
    assert "pooled" not in shown.lower()
    assert "No two cells have enough pairs" in shown


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({}, "lacks the cells in its metadata"),
        ({"cells": [{"name": "b", "n": 1}]}, "has samples of cell 'a', which its header does not"),
    ],
)
def test_a_log_that_does_not_say_its_cells_is_refused(
    tmp_path: Path, header: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = [sample("q", "p", verdict(1), cells="a")]
    made = evaluate(tmp_path, "persona_intersections", samples, header=header)
    with pytest.raises(InputError, match=message):
        cells.table(read_critique_log(made.location))
    assert main(["--log", made.location, "--out", str(tmp_path / "out")]) == 2
    shown = capsys.readouterr().err
    assert message in shown and len(shown.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_run_of_the_task_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "cells.json"
    sex, age = ({"attribute": "sex", "values": ["Female"]}, {"attribute": "age", "range": [18, 40]})
    file.write_text(
        json.dumps([{"name": "women", "attributes": [sex]}, {"attributes": [sex, age]}])
    )
    options = {"intersections": str(file), "per_cell": 8}
    place = simulated(tmp_path / "logs", "persona_intersections", **options)
    assert_same_bytes(main, place, tmp_path)
    table = table_of(tmp_path / "one" / "cells.csv").set_index("cell")
    frame = read_critique_log(place).frame
    inside = frame[frame["cells"].str.split("|").map(lambda names: "women" in names)]
    assert table.loc["women", "n_people"] == inside["persona_id"].nunique() == 8
    assert table.loc["women", "accuracy"] == pytest.approx(inside["accepted"].mean())
    assert len(table_of(tmp_path / "one" / "contrasts.csv")) == 1
    assert "simulated" in (tmp_path / "one" / "cells.svg").read_text(encoding="utf-8")
