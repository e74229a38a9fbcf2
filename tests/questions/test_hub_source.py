"""The hub as a source, against a server that answers as the hub does."""

import json
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_hub import FakeHub, commit_of

from pluralens.errors import InputError
from pluralens.questions.hub import ATTRIBUTES, PERSONAS, QUESTIONS
from pluralens.questions.sources import load_source

pytest.importorskip("datasets", reason="the extra hub is not installed")

DATA = {
    QUESTIONS: {
        "main": {
            "question": ["Is tax theft?", "Should  voting\nbe a duty?", "Is tax theft? ", None],
            "conversation_id": ["c1", "c2", "c3", "c4"],
        },
        "columnless": {"prompt": ["Is tax theft?"]},
    },
    PERSONAS: {
        "main": {
            "big five scores": ["Openness: Low", None, "Openness: Low", "Openness: Low"],
            "Age": [40.0, 41.0, float("nan"), 40.0],
            "Household Language": ["Spanish", "English", "", "Spanish"],
            "shoe size": [38, 39, 40, 41],
        },
    },
}
# Loads the source with the options of each case; what comes of it is one line of JSON.
CLIENT = """
import json, sys
from pluralens.errors import InputError
from pluralens.questions.sources import load_source
for case in json.loads(sys.argv[1]):
    try:
        source = load_source("hf", **case)
    except InputError as error:
        print("#", json.dumps(str(error)))
        continue
    people = source.people(source.about["personas"], 0)
    print("#", json.dumps({
        "about": source.about, "attributes": source.attributes, "numeric": list(source.numeric),
        "questions": [[q.id, q.text] for q in source.questions],
        "people": [[p.id, dict(p.attributes), dict(p.numbers)] for p in people],
    }))
"""
# The refusals come first: nothing is in the cache yet.
CASES: list[dict[str, str]] = [
    {"revision": "gated"},
    {"revision": "forbidden"},
    {"revision": "private"},
    {"revision": "gone"},
    {"revision": "nowhere"},
    {"revision": "broken"},
    {"revision": "columnless"},
    {},
    {"persona_revision": "gated"},
    {"persona_revision": "lost"},
    {"revision": "v1.2", "persona_revision": commit_of("main")},
]


def outcomes(cases: list[dict[str, str]], home: Path, **environment: str) -> list[Any]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    run = subprocess.run(
        [sys.executable, "-c", CLIENT, json.dumps(cases)],
        env={**kept, "HF_HOME": str(home), **environment},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(line[2:]) for line in run.stdout.splitlines() if line.startswith("# ")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def results(home: Path) -> Iterator[dict[str, Any]]:
    with FakeHub(DATA) as hub:
        found = outcomes(CASES, home, HF_ENDPOINT=hub.url)
        yield {json.dumps(case): one for case, one in zip(CASES, found, strict=True)}


@pytest.mark.parametrize("revision", ["gated", "forbidden", "private"])
def test_who_has_no_access_reads_where_to_get_it(results: dict[str, Any], revision: str) -> None:
    message = results[json.dumps({"revision": revision})]
    assert isinstance(message, str) and "\n" not in message
    assert f"accept its terms on https://huggingface.co/datasets/{QUESTIONS}" in message
    assert "`hf auth login` or set HF_TOKEN" in message
    assert "-T source=builtin works without" in message
    assert ("your account has no access" in message) == (revision == "forbidden")


def test_the_data_set_that_refuses_is_the_one_that_is_named(results: dict[str, Any]) -> None:
    message = results[json.dumps({"persona_revision": "gated"})]
    assert f"https://huggingface.co/datasets/{PERSONAS}," in message
    assert QUESTIONS not in message


def test_another_commit_is_never_taken_in_its_place(results: dict[str, Any]) -> None:
    # The library takes what is in its cache where something fails, and only warns.
    message = results[json.dumps({"persona_revision": "lost"})]
    assert f"only commit {commit_of('main')} is in the cache" in message


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        ("nowhere", "there is no revision 'nowhere'; choose a branch, tag or commit"),
        ("gone", "the hub knows no such data set any more"),
        ("broken", "the hub answered 500"),
        ("columnless", "none of its columns (prompt) is question"),
    ],
)
def test_other_refusals(results: dict[str, Any], revision: str, expected: str) -> None:
    message = results[json.dumps({"revision": revision})]
    assert expected in message and "\n" not in message


def test_what_is_loaded(results: dict[str, Any]) -> None:
    found = results["{}"]
    assert [text for _, text in found["questions"]] == [
        "Is tax theft?", "Should voting be a duty?",
    ]  # fmt: skip
    assert found["attributes"] == ["age", "household_language", "big_five_scores"]
    assert found["numeric"] == ["age"]
    people = sorted((p[1:] for p in found["people"]), key=lambda p: p[1].get("age", 0))
    assert people == [
        [{"big_five_scores": "Openness: Low"}, {}],
        [
            {"age": "40", "household_language": "Spanish", "big_five_scores": "Openness: Low"},
            {"age": 40.0},
        ],
        [{"age": "41", "household_language": "English"}, {"age": 41.0}],
    ]


def test_what_is_recorded(results: dict[str, Any]) -> None:
    about = results["{}"]["about"]
    assert about["commit"] == about["persona_commit"] == commit_of("main")
    assert (about["questions"], about["questions_repeated"]) == (2, 1)
    assert (about["personas"], about["personas_repeated"]) == (3, 1)
    assert about["unknown_columns"] == ["shoe size"]
    assert about["missing_columns"] == [
        a for a in ATTRIBUTES if a not in ("age", "household_language", "big_five_scores")
    ]


def test_a_revision_is_pinned_and_recorded(results: dict[str, Any]) -> None:
    pinned = results[json.dumps(CASES[-1])]
    assert pinned["about"]["revision"] == "v1.2"
    assert pinned["about"]["commit"] == commit_of("v1.2")
    assert pinned["about"]["persona_commit"] == commit_of("main")
    # Keys are made of content: the same data have the same ones.
    newest = results["{}"]
    assert pinned["questions"] == newest["questions"]
    assert pinned["about"]["personas_digest"] == newest["about"]["personas_digest"]


def test_without_a_network(results: dict[str, Any], home: Path, tmp_path: Path) -> None:
    (message,) = outcomes([{}], tmp_path, HF_ENDPOINT="http://127.0.0.1:9")
    assert "the Hugging Face hub cannot be reached" in message
    assert "-T source=builtin works without" in message
    cases = [{}, {"revision": commit_of("v1.2")}, {"revision": "v0"}]
    newest, pinned, other = outcomes(cases, home, HF_HUB_OFFLINE="1")
    assert newest["questions"] == results["{}"]["questions"]
    assert pinned["about"]["commit"] == commit_of("v1.2")
    assert "revision v0 cannot be loaded, only commit" in other


@pytest.mark.parametrize("found", [None, types.ModuleType("datasets")])
def test_the_extra_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, found: types.ModuleType | None
) -> None:
    # None: nothing is installed. A module without content: a folder of that name is imported.
    monkeypatch.setitem(sys.modules, "datasets", found)
    with pytest.raises(InputError, match=r'pip install "pluralens\[hub\]"'):
        load_source("hf")
