import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.personas.balancing import balanced_generate, balanced_select
from pluralens.personas.counterfactuals import counterfactual_pairs, placebo_pairs
from pluralens.personas.files import export_selection
from pluralens.personas.making import (
    make_balanced_from,
    make_balanced_of,
    make_counterfactual,
    make_import,
    make_pool,
    make_reality,
)
from pluralens.personas.population import Population
from pluralens.personas.reality import reality_sample
from pluralens.personas.sampling import sample
from pluralens.personas.selection import Selection
from pluralens.personas.store import Store


@pytest.fixture(scope="module")
def pool() -> Selection:
    return make_pool("pool-a", population="de", n=300, seed=4, temperature=0.3, age=(0, 100))


def ids(selection: Selection) -> list[str]:
    return [str(i) for i in selection.personas.ids]


def test_a_pool_is_what_the_sampler_gives(de: Population) -> None:
    options = {
        "temperature": {"religion": 0.5},
        "age": (20, 60),
        "exclude": {"gender": ["diverse"]},
    }
    made = make_pool("a", population="de", n=50, seed=7, **options)  # type: ignore[arg-type]
    given = sample(de, 50, seed=7, **options)  # type: ignore[arg-type]
    assert list(made.personas) == list(given)
    assert (made.kind, made.seed, made.parent, made.source) == ("pool", 7, None, "de")
    assert made.parameters == {
        "n": 50,
        "temperature": {"religion": 0.5},
        "age": [20, 60],
        "exclude": {"gender": ["diverse"]},
    }
    assert json.loads(json.dumps(made.parameters)) == made.parameters


def test_reality_and_balanced(pool: Selection, de: Population) -> None:
    reality = make_reality(pool, "r", n=40, seed=1)
    assert ids(reality) == reality_sample(pool.personas, 40, seed=1).ids.tolist()
    assert (reality.kind, reality.parent, reality.parameters) == ("reality", "pool-a", {"n": 40})
    chosen = make_balanced_from(pool, "b", n=30, seed=2, axes=["gender", "religion"])
    personas, report = balanced_select(pool.personas, 30, seed=2, axes=["gender", "religion"])
    assert ids(chosen) == personas.ids.tolist() and chosen.report == report.to_json()
    assert chosen.parent == "pool-a" and chosen.parameters == {
        "method": "select",
        "n": 30,
        "axes": ["gender", "religion"],
        "min_share": 0.01,
    }
    drawn = make_balanced_of("b", population="de", n=30, seed=2, min_share=0.02)
    personas, report = balanced_generate(de, 30, seed=2, min_share=0.02)
    assert ids(drawn) == personas.ids.tolist() and drawn.report == report.to_json()
    assert drawn.parent is None and drawn.parameters["method"] == "generate"
    # The default axes are written down by name.
    assert drawn.parameters["axes"] == list(drawn.report["axes"]) and drawn.parameters["axes"]


def test_twins_are_listed_base_by_base(pool: Selection, de: Population) -> None:
    base = make_reality(pool, "r", n=60, seed=1)
    made = make_counterfactual(
        base, "cf", ["gender", "placebo", "sexuality"], per_attribute=1, seed=3
    )
    changed = counterfactual_pairs(
        de, base.personas, ["gender", "sexuality"], per_attribute=1, seed=3
    )
    same = placebo_pairs(base.personas)
    assert sorted(map(repr, made.links)) == sorted(map(repr, [*changed.links, *same.links]))
    order = [ids(base).index(link.base_id) for link in made.links]
    assert order == sorted(order)
    of_first = [link.attribute for link in made.links if link.base_id == ids(base)[0]]
    assert of_first[-1] == "placebo"
    twins = {twin.persona_id: twin for twin in [*changed.twins, *same.twins]}
    assert made.twins is not None
    assert [twins[link.twin_id] for link in made.links] == list(made.twins)
    assert (made.kind, made.parent, made.seed, made.source) == ("counterfactual", "r", 3, "de")
    assert ids(made) == ids(base)


def test_nobody_is_lost(pool: Selection) -> None:
    """Whoever has no twin in an attribute is listed with the reason."""
    made = make_counterfactual(pool, "cf", ["sexuality"], per_attribute=1)
    skipped = made.report["skipped"]
    paired = {link.base_id for link in made.links}
    without = {skip["base_id"] for skip in skipped}
    assert without and paired | without == set(ids(pool)) and not paired & without
    children = {p.persona_id for p in pool.personas if int(p.attributes["age"]) < 16}
    assert without == children
    assert {skip["reason"] for skip in skipped} == {"sexuality does not apply to this persona"}
    assert (
        made.report["pairs"]
        == {"sexuality": len(paired)}
        == Counter(link.attribute for link in made.links)
    )
    assert json.loads(json.dumps(made.report)) == made.report


def test_two_attributes_at_once(pool: Selection) -> None:
    base = make_reality(pool, "r", n=20)
    made = make_counterfactual(base, "cf", ["gender", "religion"], order=2, per_attribute=1)
    assert set(made.report["pairs"]) == {"gender", "religion", "gender+religion"}


def test_a_folder_is_found_again_from_anywhere(
    copy_of_de: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy_of_de.parent)
    made = make_pool("a", population="copy", n=3)
    assert made.source == str(copy_of_de.resolve())
    assert make_balanced_of("b", population=Path("copy"), n=9).source == made.source


@pytest.mark.parametrize(
    ("attributes", "more", "message"),
    [
        (["religon"], {}, "'religon'; the closest is 'religion'"),
        (["placebo", "placebo"], {}, "'placebo' is given twice"),
        ([], {}, "nothing is named"),
        (["gender"], {"order": 2}, "order=2 changes two attributes at once"),
        (["placebo"], {"order": 2}, "order=2 changes two attributes at once"),
        (["gender"], {"order": 3}, "order=3 is not supported"),
        (["gender"], {"per_attribute": 0}, "per_attribute=0 is too small"),
    ],
)
def test_wrong_pairs(
    pool: Selection, attributes: list[str], more: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_counterfactual(pool, "cf", attributes, **more)  # type: ignore[arg-type]


def test_no_twins_of_twins(pool: Selection) -> None:
    made = make_counterfactual(make_reality(pool, "r", n=5), "cf", ["gender"])
    with pytest.raises(InputError, match="selection cf has twins already.+make the pairs from r"):
        make_counterfactual(made, "cf-2", ["religion"])


def test_twins_of_nobody() -> None:
    children = make_pool("kids", population="de", n=5, age=(0, 10))
    with pytest.raises(InputError, match="nobody has a twin in sexuality .sexuality does not app"):
        make_counterfactual(children, "cf", ["sexuality"])


def test_a_name_is_looked_at_first(pool: Selection) -> None:
    for make in (
        lambda: make_pool("a b", population="nowhere", n=-1),
        lambda: make_reality(pool, "a b", n=-1),
        lambda: make_balanced_from(pool, "a b", n=-1),
        lambda: make_balanced_of("a b", population="nowhere", n=-1),
        lambda: make_counterfactual(pool, "a b", []),
    ):
        with pytest.raises(InputError, match="selection 'a b' is no usable name"):
            make()


def test_the_parent_of_an_import(pool: Selection, tmp_path: Path) -> None:
    reality = make_reality(pool, "r", n=10)
    path = export_selection(reality, tmp_path / "r.csv")
    with Store.open(f"sqlite:///{tmp_path / 'a.db'}") as store:
        # Not there.
        made = make_import(store, path)
        assert made.parent is None and made.digest() == reality.digest()
        assert made.parameters == {"n": 10, "original_parent": "pool-a"}
        store.add(made)
        # Another selection of that name.
        store.add(make_pool("pool-a", population="de", n=300, seed=5))
        made = make_import(store, path, name="r-2")
        assert made.parent is None and made.parameters["original_parent"] == "pool-a"
    with Store.open(f"sqlite:///{tmp_path / 'b.db'}") as store:
        store.add(pool)
        made = make_import(store, path, name="r-3")
        assert made.parent == "pool-a" and made.parameters == {"n": 10}
        assert store.add(made).parent == "pool-a"


def test_an_import_when_the_folder_of_its_parent_has_moved(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    shutil.copytree(str(data_file("populations", "de")), old)
    pool = make_pool("p", population=old, n=20)
    path = export_selection(make_reality(pool, "r", n=5), tmp_path / "r.csv")
    with Store.open(f"sqlite:///{tmp_path / 'a.db'}") as store:
        store.add(pool)
        assert make_import(store, path).parent == "p"
        old.rename(new)
        with pytest.raises(InputError, match="--population names another place"):
            make_import(store, path)
        made = make_import(store, path, name="x", population=new)
        assert made.parent is None and made.parameters["original_parent"] == "p"
        assert store.add(made).n == 5


def test_an_import_twice_keeps_what_it_knows(pool: Selection, tmp_path: Path) -> None:
    path = export_selection(make_reality(pool, "r", n=10), tmp_path / "r.csv")
    with Store.open(f"sqlite:///{tmp_path / 'a.db'}") as store:
        made = make_import(store, path)
        again = make_import(store, export_selection(made, tmp_path / "again.parquet"), name="r2")
        assert again.parameters == made.parameters
        assert replace(again, name="r").digest() == made.digest()


def test_python_users_need_no_inspect() -> None:
    code = "import sys, pluralens.personas.making as m; m.make_pool('a', population='de', n=5)"
    code += "\nassert not {'inspect_ai', 'peewee', 'typer'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
