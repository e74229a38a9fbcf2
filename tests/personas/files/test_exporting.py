import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from awkward_population import VALUES, awkward
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.errors import InputError
from pluralens.personas.files import export_selection, read_selection
from pluralens.personas.making import make_balanced_of, make_counterfactual, make_import, make_pool
from pluralens.personas.population import Population, load_population
from pluralens.personas.sampling import sample
from pluralens.personas.selection import Selection
from pluralens.personas.store import Store

ENDINGS = (".csv", ".parquet")


def same(one: Selection, other: Selection) -> None:
    assert one.digest() == other.digest()
    assert list(one.personas) == list(other.personas)
    assert (one.twins is None) == (other.twins is None)
    if one.twins is not None and other.twins is not None:
        assert list(one.twins) == list(other.twins)
    assert one.links == other.links
    for name in ("name", "kind", "seed", "parameters", "report", "parent", "source"):
        assert getattr(one, name) == getattr(other, name), name


@pytest.fixture(scope="module")
def pairs() -> Selection:
    """Twins of every sort: whole numbers, forced changes, two attributes at once, placebos."""
    pool = make_pool("pool-a", population="de", n=60, seed=3, temperature=0.5, age=(0, 100))
    names = ["age", "origin", "sexuality", "placebo"]
    found = make_counterfactual(pool, "cf-a", names, per_attribute=2, order=2, seed=5)
    kinds = {link.attribute for link in found.links}
    assert {"age", "placebo", "age+origin"} <= kinds and any(x.forced for x in found.links)
    assert found.report["skipped"]
    return found


@pytest.mark.parametrize("ending", ENDINGS)
def test_pairs_come_back_as_they_were(pairs: Selection, tmp_path: Path, ending: str) -> None:
    path = export_selection(pairs, tmp_path / f"a{ending}")
    same(read_selection(path), pairs)
    same(read_selection(path, name="other"), replace(pairs, name="other"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_values_that_trip_parsers_come_back(tmp_path: Path, ending: str) -> None:
    people = awkward(tmp_path / "awkward")
    personas = sample(people, 300, seed=1)
    assert {p.attributes["place"] for p in personas} == set(VALUES)
    report = {"text": 'Ü, "quoted"\n# line: {}', "number": 0.1 + 0.2, "none": None}
    made = Selection("a", "pool", personas, None, {"ä": ["=1"]}, str(tmp_path / "awkward"), report)
    path = export_selection(made, tmp_path / f"a{ending}")
    same(read_selection(path), made)


@pytest.mark.parametrize("ending", ENDINGS)
def test_into_another_database_and_back(
    pairs: Selection, database: str, tmp_path: Path, ending: str
) -> None:
    people = awkward(tmp_path / "awkward")
    odd = Selection(
        "odd", "pool", sample(people, 50), 0, {"n": 50}, str((tmp_path / "awkward").resolve())
    )
    pool = make_pool("pool-a", population="de", n=60, seed=3, temperature=0.5, age=(0, 100))
    with Store.open(f"sqlite:///{tmp_path / 'first.db'}") as first, Store.open(database) as second:
        for selection in (pool, pairs, odd):
            first.add(selection)
            stored = first.selection(selection.name)
            path = export_selection(stored, tmp_path / f"{selection.name}{ending}")
            second.add(make_import(second, path))
            back = second.selection(selection.name)
            same(back, selection)
            assert second.info(selection.name).digest == selection.digest()


def test_csv_is_plain(pairs: Selection, tmp_path: Path) -> None:
    path = export_selection(pairs, tmp_path / "a.csv")
    raw = path.read_bytes()
    assert b"\r" not in raw and not raw.startswith(b"\xef\xbb\xbf") and raw.endswith(b"\n")
    top = [line for line in raw.decode().split("\n") if line.startswith("#")]
    metadata = {k: json.loads(v) for k, v in (line[2:].split(": ", 1) for line in top[1:])}
    assert metadata["name"] == "cf-a" and metadata["seed"] == 5
    assert metadata["population_digest"] == load_population("de").digest
    # What everybody else's reader sees.
    frame = pd.read_csv(path, comment="#", keep_default_na=False, dtype=str)
    assert len(frame) == len(pairs.personas) + len(pairs.links)
    twins = frame[frame["role"] == "counterfactual"]
    assert twins["persona_id"].tolist() == [link.twin_id for link in pairs.links]
    assert set(twins["base_id"]) <= set(frame[frame["role"] == "base"]["persona_id"])
    forced = next(link for link in pairs.links if len(link.forced) == 1)
    (name, old, new) = forced.forced[0]
    row = twins[twins["pair_id"] == forced.pair_id].iloc[0]
    assert row["forced"] == f"{name}: {old} -> {new}" and row[name] == str(new)


def test_parquet_is_plain(pairs: Selection, tmp_path: Path) -> None:
    path = export_selection(pairs, tmp_path / "a.parquet")
    frame = pd.read_parquet(path)
    assert frame["age"].dtype == "int64"
    assert frame["age"].tolist()[:60] == [p.attributes["age"] for p in pairs.personas]


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    people = awkward(tmp_path / "awkward")
    made = Selection("a", "pool", sample(people, 200), 0, {}, str(tmp_path / "awkward"))
    path = export_selection(made, tmp_path / "a.csv")
    lines = [x for x in path.read_text("utf-8").split("\n") if x and not x.startswith("# ")]
    for row in list(csv.reader(lines))[1:]:
        for column, cell in enumerate(row):
            # Column 8 is `level`, whose negative numbers are numbers.
            assert cell[:1] not in ("=", "+", "-", "@") or (column == 8 and int(cell) < 0)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 12),
    attributes=st.sets(
        st.sampled_from(["age", "gender", "origin", "religion", "education", "placebo"]),
        min_size=1,
    ),
    ending=st.sampled_from(ENDINGS),
)
def test_whatever_pairs_there_are(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    n: int,
    attributes: set[str],
    ending: str,
) -> None:
    pool = make_pool("p", population="de", n=n, seed=seed, temperature=0.8, age=(0, 100))
    try:
        made = make_counterfactual(pool, "c", sorted(attributes), per_attribute=1, seed=seed)
    except InputError:
        made = pool
    path = tmp_path_factory.mktemp("files") / f"a{ending}"
    same(read_selection(export_selection(made, path)), made)


def test_balance_report_comes_back(tmp_path: Path) -> None:
    made = make_balanced_of("b", population="de", n=50, seed=1, axes=["gender", "religion"])
    for ending in ENDINGS:
        same(read_selection(export_selection(made, tmp_path / f"b{ending}")), made)


# -- wrong input ----------------------------------------------------------------------------------


def test_where_it_cannot_be_written(pairs: Selection, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'.xlsx' is no format; name it .csv or .parquet"):
        export_selection(pairs, tmp_path / "a.xlsx")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="this is a folder"):
        export_selection(pairs, tmp_path / "folder.csv")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be (made a folder|written)"):
        export_selection(pairs, tmp_path / "file" / "a.csv")


def test_an_existing_file_stays(pairs: Selection, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("mine")
    with pytest.raises(InputError, match="the file exists; give another name, or --force"):
        export_selection(pairs, path)
    assert path.read_text() == "mine"
    same(read_selection(export_selection(pairs, path, force=True)), pairs)


def test_a_write_that_fails_leaves_nothing(
    pairs: Selection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("mine")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match="cannot be written .No space left on device."):
        export_selection(pairs, path, force=True)
    assert os.listdir(tmp_path) == ["a.csv"] and path.read_text() == "mine"


def test_an_attribute_with_the_name_of_a_column(tmp_path: Path, de: Population) -> None:
    awkward(tmp_path)
    text = (tmp_path / "population.yaml").read_text()
    (tmp_path / "population.yaml").write_text(text.replace('"name": "place"', '"name": "role"'))
    made = Selection("a", "pool", sample(load_population(tmp_path), 3), 0, {}, str(tmp_path))
    with pytest.raises(InputError, match="the attribute 'role' has the name of a column"):
        export_selection(made, tmp_path / "a.csv")
