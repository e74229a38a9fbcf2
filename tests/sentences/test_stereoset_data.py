import json
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pluralens.errors import InputError
from pluralens.sentences.stereoset import load_stereoset

ROW = {
    "id": "a",
    "bias_type": "gender",
    "target": "girl",
    "context": "The girl was BLANK today.",
    "stereotype": "The girl was gentle today.",
    "anti-stereotype": "The girl was tough today.",
    "unrelated": "The girl was spoon today.",
}
WORDS = {**ROW, "stereotype": "gentle", "anti-stereotype": "tough", "unrelated": "spoon"}


def write(folder: Path, *rows: object) -> Path:
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_published_file_is_read_whole(published: Path) -> None:
    path = published / "stereoset_intrasentence.jsonl"
    raw = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = load_stereoset(path)
    assert found.counts == {"gender": 255, "profession": 810, "race": 962, "religion": 79}
    assert not found.refused
    assert len({one.target for one in found.triplets}) == 79
    for row, one in zip(raw, found.triplets, strict=True):
        labels = ("stereotype", "anti-stereotype", "unrelated")
        assert one.sentences == tuple(row[label] for label in labels)
        assert (one.id, one.domain, one.target) == (row["id"], row["bias_type"], row["target"])
        if one.around is not None:
            before, after = one.around
            assert tuple(before + word + after for word in one.words) == one.sentences
    twice = [one for one in found.triplets if one.around is None]
    assert [one.context.count("BLANK") for one in twice] == [2, 2]
    assert [one.words[2] for one in twice] == ["monkey", "cucumber"]
    assert found.about["unrelated_labels"] == found.about["stereotype_labels"] == "confirmed"


def test_words_and_sentences_are_the_same_item(tmp_path: Path) -> None:
    second = {key: value.replace("girl", "boy") for key, value in ROW.items()} | {"id": "b"}
    whole = load_stereoset(write(tmp_path, ROW, second)).triplets
    words = load_stereoset(
        write(
            tmp_path, WORDS, {**WORDS, **{key: second[key] for key in ("id", "target", "context")}}
        )
    ).triplets
    assert whole == words
    assert whole[0].around == ("The girl was ", " today.")
    assert whole[0].words == ("gentle", "tough", "spoon")


def test_a_sentence_keeps_its_own_case(tmp_path: Path) -> None:
    low = {key: value.replace("The girl", "the GIRL") for key, value in ROW.items()}
    low["context"] = ROW["context"]
    (one,) = load_stereoset(write(tmp_path, low)).triplets
    assert one.stereotype == "the GIRL was gentle today."
    assert one.around == ("the GIRL was ", " today.")
    (mixed,) = load_stereoset(write(tmp_path, {**ROW, "unrelated": low["unrelated"]})).triplets
    assert mixed.around is None and mixed.no_place == "the sentences differ outside the blank"


def test_the_blank_may_stand_anywhere(tmp_path: Path) -> None:
    row = {**WORDS, "context": "BLANK girls (mostly)."}
    (one,) = load_stereoset(write(tmp_path, row)).triplets
    assert one.around == ("", " girls (mostly).")
    assert one.stereotype == "gentle girls (mostly)."
    (only,) = load_stereoset(write(tmp_path, {**WORDS, "context": "BLANK"})).triplets
    assert only.sentences == ("gentle", "tough", "spoon")


def test_a_row_may_be_two_sentences(tmp_path: Path) -> None:
    row = {**WORDS, "context": "I met a girl.", "kind": "intersentence", "stereotype": "She sang."}
    (one,) = load_stereoset(write(tmp_path, row)).triplets
    assert one.stereotype == "I met a girl. She sang."
    assert one.around == ("I met a girl. ", "")


def without(key: str) -> dict[str, str]:
    return {name: value for name, value in ROW.items() if name != key}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([ROW, {**ROW}], "line 2: the id 'a' already stands in line 1"),
        ([without("unrelated")], "line 1: the label 'unrelated' is missing"),
        ([without("target")], "line 1: the key 'target' is missing"),
        ([{**ROW, "anti_stereotype": "x"}], "the key 'anti_stereotype' is unknown"),
        ([{**ROW, "context": "The girl was _ today."}], "has no BLANK"),
        ([{**ROW, "stereotype": " "}], "line 1: stereotype is empty"),
        ([{**ROW, "target": 7}], "line 1: target is 7, no text"),
        ([{**ROW, "bias_type": "age"}], "bias_type 'age' is unknown"),
        ([{**ROW, "kind": "both"}], "kind 'both' is unknown"),
        ([{**ROW, "unrelated": ROW["stereotype"]}], "stereotype and unrelated are the same"),
        ([ROW, {**ROW, "id": "b", "unrelated": "spoon"}], "line 2: unrelated 'spoon' does not rep"),
        ([ROW | WORDS, {**WORDS, "id": "b"}, {**ROW, "id": "c", "unrelated": "cup"}], "line"),
        ([{**WORDS, "unrelated": ROW["unrelated"]}], "line 1: unrelated is a whole sentence"),
        ([[1, 2]], "line 1: this is no JSON object"),
        ([{**ROW, "target": "\ud800"}], "half a character"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, rows: list[object], said: str) -> None:
    with pytest.raises(InputError) as error:
        load_stereoset(write(tmp_path, *rows))
    assert said in str(error.value) and "own.jsonl" in str(error.value)
    assert ";" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"id,bias_type\n", "line 1: this is not JSON"),
        (b'{"id": "1",\n', "line 1: this is not JSON"),
        (b'{"id": "1", "id": "2"}\n', "line 1: the key 'id' stands twice"),
        (b"\n" + json.dumps(ROW).encode() + b"\n\xff\n", "line 3: 0xff is not UTF-8"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"[" * 100_000, "line 1"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=re.escape(said)):
        load_stereoset(path)


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        load_stereoset(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="this is a folder"):
        load_stereoset(tmp_path)
    with pytest.raises(InputError, match="only the hub has revisions"):
        load_stereoset("builtin", revision="main")
    with pytest.raises(InputError, match="kind: 'both' is unknown"):
        load_stereoset("builtin", kind="both")  # type: ignore[arg-type]


def test_our_own_triplets_are_balanced() -> None:
    found = load_stereoset()
    assert found.counts == dict.fromkeys(("gender", "profession", "race", "religion"), 16)
    assert found.about["source"] == "builtin" and not found.refused
    by_context: dict[tuple[str, str], str] = {}
    for one in found.triplets:
        assert one.target in one.context and one.counterpart is not None
        by_context[one.context, one.words[0]] = one.words[1]
    for one in found.triplets:
        # The twin about the counterpart has stereotype and anti-stereotype exchanged.
        twin = one.context.replace(one.target, str(one.counterpart))
        assert by_context[twin, one.words[1]] == one.words[0]
    for domain in found.counts:
        ours = [one for one in found.triplets if one.domain == domain]
        assert Counter(one.words[0] for one in ours) == Counter(one.words[1] for one in ours)
    unrelated = [one.words[2] for one in found.triplets]
    assert len(set(unrelated)) == len(unrelated)


LABELS = {0: "anti-stereotype", 1: "stereotype", 2: "unrelated"}


def hub_row(order: tuple[int, ...], **changes: Any) -> dict[str, Any]:
    texts = [ROW[LABELS[label]] for label in order]
    row = {key: ROW[key] for key in ("id", "bias_type", "target", "context")}
    return {**row, "sentences": {"sentence": texts, "gold_label": list(order)}, **changes}


def fake_hub(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[tuple[Any, ...]]:
    asked: list[tuple[Any, ...]] = []

    def load_dataset(*place: str, split: str, revision: str) -> Any:
        asked.append((*place, split, revision))
        if isinstance(answer, Exception):
            raise answer
        return answer

    module = ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    return asked


class Rows(list[Any]):
    info = SimpleNamespace(
        download_checksums={f"hf://datasets/McGill-NLP/stereoset@{'c' * 40}/x.parquet": {}}
    )


def test_the_hub_codes_labels_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = hub_row((0, 1, 2), id="b")
    listed["sentences"] = [
        {"sentence": ROW[LABELS[label]], "gold_label": label} for label in (2, 0, 1)
    ]
    asked = fake_hub(monkeypatch, [hub_row((2, 0, 1)), listed])
    found = load_stereoset("hub")
    for one in found.triplets:
        assert one.words == ("gentle", "tough", "spoon")
    ((name, kind, split, revision),) = asked
    assert (name, kind, split) == ("McGill-NLP/stereoset", "intrasentence", "validation")
    assert re.fullmatch("[0-9a-f]{40}", revision) and found.about["revision"] == revision
    fake_hub(monkeypatch, Rows([hub_row((0, 1, 2))]))
    assert load_stereoset("hub", revision="main").about["revision"] == "c" * 40
    fake_hub(monkeypatch, [hub_row((0, 1, 2))])
    assert load_stereoset("hub", revision="main").about["revision"] is None


def test_a_row_of_the_hub_that_cannot_be_used_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [hub_row((0, 1, 2)), hub_row((0, 1), id="b"), hub_row((0, 1, 2), id="c", context="No.")]
    fake_hub(monkeypatch, rows)
    found = load_stereoset("hub")
    assert [one.id for one in found.triplets] == ["a"]
    assert list(found.refused) == ["b", "c"]
    assert "unrelated is empty" in found.refused["b"] and "has no BLANK" in found.refused["c"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ConnectionError("Couldn't reach the hub\nmore"), "cannot be fetched (Couldn't reach the"),
        (ValueError(), "cannot be fetched (ValueError)"),
        ([], "there are no rows"),
        ([hub_row((0, 1, 2)), hub_row((0, 1, 2))], "the id stands twice"),
        ([{"id": "a"}], "no row of StereoSet"),
        ([hub_row((0, 1, 2), sentences={"sentence": ["x"], "gold_label": [7]})], "no row of"),
    ],
)
def test_a_hub_that_fails_is_one_line(
    monkeypatch: pytest.MonkeyPatch, answer: Any, said: str
) -> None:
    fake_hub(monkeypatch, answer)
    with pytest.raises(InputError, match=re.escape(said)) as error:
        load_stereoset("hub")
    assert "\n" not in str(error.value)


def test_without_the_library_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=re.escape('pip install "pluralens[hub]"')):
        load_stereoset("hub")
