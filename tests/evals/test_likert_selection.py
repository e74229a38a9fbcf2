"""Stored selections and their texts in the Likert task, against the same personas in memory."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pluralens.errors import InputError
from pluralens.evals import likert
from pluralens.evals.likert_dataset import Interview, interview_samples, shown_texts
from pluralens.evals.likert_people import Draw, interviewed
from pluralens.personas.counterfactuals import (
    CounterfactualSet,
    counterfactual_pairs,
    placebo_pairs,
)
from pluralens.personas.persona import Personas
from pluralens.personas.population import load_population
from pluralens.personas.sampling import sample
from pluralens.personas.selection import Selection
from pluralens.personas.store import EnrichmentRun, Store

PEOPLE = load_population("de")
SEED = 3


def memory(**options: Any) -> Draw:
    given: dict[str, Any] = {
        "n": 12, "population": "de", "seed": SEED, "counterfactuals": None,
        "per_attribute": "all", "temperature": 0.3, "age": "18-100",
    }  # fmt: skip
    return Draw.checked(**{**given, **options})


def stored(name: str, **options: Any) -> Draw:
    given: dict[str, Any] = {
        "enrichment": "", "seed": SEED, "counterfactuals": None, "per_attribute": "all",
        "n": None, "population": None, "population_temperature": None, "age": None,
    }  # fmt: skip
    return interviewed(**{**given, "selection": name, **options})


def interview(draw: Draw, **options: Any) -> Interview:
    given: dict[str, Any] = {
        "attributes": None, "language": "de", "style": "list", "paraphrase": 0, "orders": "random",
        "elicit": "json", "rationale": False, "items": "g1,g2", "cases": None, "top_logprobs": 20,
    }  # fmt: skip
    return Interview.checked(draw, **{**given, **options})


def samples(draw: Draw, **options: Any) -> list[dict[str, Any]]:
    return interview_samples(draw, interview(draw, **options))[0]


def pool() -> Personas:
    return sample(PEOPLE, 12, seed=SEED, temperature=0.3)


def paired(name: str, *sets: CounterfactualSet) -> Selection:
    rows = [pair for s in sets for pair in zip(s.twins, s.links, strict=True)]
    order = {base_id: i for i, base_id in enumerate(pool().ids.tolist())}
    rows.sort(key=lambda row: order[row[1].base_id])
    return Selection(
        name=name,
        kind="counterfactual",
        personas=pool(),
        seed=SEED,
        parameters={},
        source="de",
        parent="people",
        report={"pairs": {}, "skipped": []},
        twins=Personas.from_rows(PEOPLE, [twin for twin, _ in rows]),
        links=tuple(link for _, link in rows),
    )


@pytest.fixture
def store(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with a pool of twelve, and the task pointed at it."""
    monkeypatch.setenv("DB_URL", database)
    with Store.open(database) as opened:
        opened.add(Selection("people", "pool", pool(), SEED, {}, "de"))
    return database


def test_a_stored_pool_is_interviewed_like_the_same_people_in_memory(store: str) -> None:
    for style in ("list", "sentence", "bio", "name_only"):
        assert samples(stored("people"), style=style) == samples(memory(), style=style)


def test_new_twins_of_a_stored_pool_are_those_in_memory(store: str) -> None:
    options = {"counterfactuals": "gender,placebo", "per_attribute": 1}
    assert samples(stored("people", **options)) == samples(memory(**options))


def test_stored_twins_are_those_in_memory(store: str) -> None:
    made = paired(
        "pairs",
        counterfactual_pairs(PEOPLE, pool(), ["gender", "origin"], per_attribute=2, seed=SEED),
        placebo_pairs(pool()),
    )
    with Store.open(store) as opened:
        opened.add(made)
    options = {"counterfactuals": "gender,origin,placebo", "per_attribute": 2}
    for style in ("list", "bio"):
        assert samples(stored("pairs"), style=style) == samples(memory(**options), style=style)


def test_pairs_in_two_attributes_are_compared_by_both_groups(store: str) -> None:
    made = paired(
        "squares",
        counterfactual_pairs(PEOPLE, pool(), ["age", "gender"], per_attribute=1, seed=1, order=2),
    )
    with Store.open(store) as opened:
        opened.add(made)
    both = [s for s in samples(stored("squares")) if "+" in s["metadata"]["changed_attribute"]]
    assert both
    for one in both:
        meta = one["metadata"]
        assert meta["changed_attribute"] == "age+gender"
        assert meta["to_group"] == f"{meta['age_bin']} + {meta['gender']}"
        assert one["id"] == f"{meta['base_id']}-age+gender-{meta['age']}+{meta['gender']}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 100}, "n=100 does not go with selection=people"),
        ({"population": "de"}, "population=de does not go with selection=people"),
        ({"age": "18-30"}, "age=18-30 does not go with selection=people"),
        ({"population_temperature": 0}, "population_temperature=0 does not go with"),
        ({"selection": "peple"}, "'people'"),
        ({"enrichment": "texts"}, "'texts'"),
        ({"counterfactuals": "gendr"}, "'gendr'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    store: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        stored(**{"name": "people", **options})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_number_of_stored_twins_is_not_a_choice(store: str) -> None:
    with Store.open(store) as opened:
        opened.add(paired("pairs", placebo_pairs(pool())))
    for name in ("pairs", "people"):
        with pytest.raises(InputError, match="per_attribute=1 chooses among new twins"):
            stored(name, per_attribute=1)


def stored_texts(database: str, *, fail: int = 0, skip: int = 0, language: str = "de") -> None:
    """A run over the pool; the last ones failed, and before them some were never asked."""
    ids = pool().ids.tolist()
    run = EnrichmentRun("texts", "people", "model", "some/model", language, {})
    with Store.open(database) as opened:
        opened.open_run(run)
        for position, persona_id in enumerate(ids):
            if position >= len(ids) - fail:
                opened.record_failure("texts", persona_id, "too long")
            elif position < len(ids) - fail - skip:
                texts = {
                    "name": f"Käthe Größe-{position}",
                    "appearance": "Trägt gern bunte Schals.",
                    "biography": "Sie singt im Chor und mag Katzen.",
                }
                opened.record("texts", persona_id, texts)


def test_texts_are_in_the_prompt(store: str) -> None:
    stored_texts(store)
    found = samples(stored("people", enrichment="texts"))
    for position, one in enumerate(found):
        lines = one["input"].split("\n")
        assert f"Name: Käthe Größe-{position}" in lines
        assert lines[-2:] == [
            "Aussehen: Trägt gern bunte Schals.",
            "Biografie: Sie singt im Chor und mag Katzen.",
        ]
        assert one["metadata"]["biography"] == "Sie singt im Chor und mag Katzen."
    bare = [
        {k: v for k, v in one["metadata"].items() if k not in ("name", "appearance", "biography")}
        for one in found
    ]
    plain = [{k: v for k, v in s["metadata"].items() if k != "name"} for s in samples(memory())]
    assert bare == plain


def test_twins_share_the_texts_that_do_not_tell_what_was_changed(store: str) -> None:
    stored_texts(store)
    options = {"counterfactuals": "gender,placebo", "per_attribute": 1}
    found = samples(stored("people", enrichment="texts", **options))
    # The name and "Sie" tell the gender; a scarf does not.
    assert {one["metadata"]["name"] for one in found} == {""}
    assert {one["metadata"]["biography"] for one in found} == {""}
    assert {one["metadata"]["appearance"] for one in found} == {"Trägt gern bunte Schals."}
    identical = samples(stored("people", enrichment="texts", counterfactuals="placebo"))
    assert all(one["metadata"]["biography"] and one["metadata"]["name"] for one in identical)


def test_texts_that_nobody_would_see_are_refused(store: str) -> None:
    stored_texts(store)
    draw = stored("people", enrichment="texts", counterfactuals="gender,origin", per_attribute=1)
    only_names = {i: {"name": t["name"]} for i, t in draw.enriched.texts.items()}  # type: ignore[union-attr]
    nobody = replace(draw, enriched=replace(draw.enriched, texts=only_names))  # type: ignore[type-var]
    with pytest.raises(InputError, match="enrichment=texts would show no text of anybody"):
        samples(nobody)
    assert shown_texts(samples(draw)) == {"name": 0, "appearance": 12, "biography": 0}


def test_failed_texts_are_left_out_and_counted(store: str) -> None:
    stored_texts(store, fail=2)
    draw = stored("people", enrichment="texts")
    assert draw.enriched is not None and draw.enriched.failed == 2
    assert [bool(one["metadata"]["name"]) for one in samples(draw)] == [True] * 10 + [False] * 2
    with pytest.raises(InputError, match="has no name in enrichment=texts"):
        samples(draw, style="name_only")


def test_personas_that_were_never_asked_are_an_error(store: str) -> None:
    stored_texts(store, fail=1, skip=3)
    with pytest.raises(InputError, match="no texts for 3 of the 12 personas of selection people"):
        stored("people", enrichment="texts")


def test_texts_of_another_language_are_refused(store: str) -> None:
    stored_texts(store, language="en")
    with pytest.raises(InputError, match="was written in language=en, but language=de is asked"):
        interview(stored("people", enrichment="texts"))


def test_the_digest_tells_texts_and_selections_apart(store: str) -> None:
    stored_texts(store)
    plain, told = stored("people"), stored("people", enrichment="texts")
    digests = {interview(d).digest(d) for d in (plain, told, memory())}
    assert len(digests) == 3
    again = stored("people", enrichment="texts")
    assert interview(again).digest(again) in digests


def test_a_relative_database_is_found_when_inspect_changes_the_folder(
    run: Any, tmp_path: Path
) -> None:
    with Store.open(f"sqlite:///{tmp_path}/study.db") as opened:
        opened.add(Selection("people", "pool", pool(), SEED, {}, "de"))
    # The file form of `inspect eval` changes to the task file's folder.
    (tmp_path / "evals").mkdir()
    shutil.copy(str(likert.__file__), tmp_path / "evals" / "likert.py")
    done = run(
        "inspect", "eval", "evals/likert.py", "--model", "pluralens_sim/likert",
        "-T", "selection=people", "-T", "items=g1", "--limit", "2", DB_URL="sqlite:///study.db",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in tmp_path.rglob("*.db")] == ["study.db"]


def test_an_unknown_selection_is_one_line(run: Any, tmp_path: Path) -> None:
    done = run(
        "inspect", "eval", "pluralens/likert", "--model", "pluralens_sim/likert", "-T",
        "selection=peple", DB_URL=f"sqlite:///{tmp_path}/study.db",
    )  # fmt: skip
    assert done.returncode == 2
    assert "peple" in done.stderr and "Traceback" not in done.stderr + done.stdout
