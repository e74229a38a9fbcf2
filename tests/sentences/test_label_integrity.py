import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pluralens.errors import InputError
from pluralens.sentences.integrity import check_labels, unrelated_z
from pluralens.sentences.stereoset import StereoSet, load_stereoset
from pluralens.sentences.triplet import Triplet

LABELS = ("stereotype", "anti-stereotype", "unrelated")
PERMUTATIONS = [order for order in itertools.permutations(range(3)) if order != (0, 1, 2)]


def permuted(stereoset: StereoSet, order: tuple[int, ...], *, known: bool = True) -> list[Triplet]:
    """The triplets with their labels exchanged; under other ids nothing is known about them."""
    found = []
    for number, one in enumerate(stereoset.triplets):
        words = tuple(one.words[k] for k in order)
        texts = [one.sentences[k] for k in order]
        found.append(
            replace(
                one,
                id=one.id if known else str(number),
                words=words,
                stereotype=texts[0],
                anti_stereotype=texts[1],
                unrelated=texts[2],
            )
        )
    return found


def test_the_published_file_with_permuted_labels_is_refused(
    published: Path, tmp_path: Path
) -> None:
    path = tmp_path / "permuted.jsonl"
    text = (published / "stereoset_intrasentence.jsonl").read_text(encoding="utf-8")
    with path.open("w", encoding="utf-8") as file:
        for row in map(json.loads, text.splitlines()):
            row["stereotype"], row["unrelated"] = row["unrelated"], row["stereotype"]
            file.write(json.dumps(row) + "\n")
    with pytest.raises(InputError, match="permuted.jsonl: the labels are permuted") as error:
        load_stereoset(path)
    assert "0 = anti-stereotype, 1 = stereotype, 2 = unrelated" in str(error.value)


@pytest.mark.parametrize("order", PERMUTATIONS)
def test_permuted_labels_of_known_items_are_refused(
    stereoset: StereoSet, order: tuple[int, ...]
) -> None:
    with pytest.raises(InputError, match="the labels are permuted: 24 of 24 known items"):
        check_labels(permuted(stereoset, order), "copy")


@pytest.mark.parametrize("order", PERMUTATIONS)
def test_unknown_sentences_are_judged_by_their_words(
    stereoset: StereoSet, order: tuple[int, ...]
) -> None:
    triplets = permuted(stereoset, order, known=False)
    if order[2] == 2:
        # Only stereotype and anti-stereotype are exchanged, which no word list can tell.
        found = check_labels(triplets, "copy")
        assert found.unrelated_labels == "confirmed"
        assert found.stereotype_labels == "not checkable"
        return
    least = LABELS[order.index(2)]
    with pytest.raises(InputError, match=f"those labelled {least} are"):
        check_labels(triplets, "copy")


@pytest.mark.parametrize("domain", ["gender", "race", "religion", "profession"])
def test_a_domain_with_exchanged_labels_is_refused(stereoset: StereoSet, domain: str) -> None:
    exchanged = permuted(stereoset, (1, 0, 2))
    mixed = [
        other if one.domain == domain else one
        for one, other in zip(stereoset.triplets, exchanged, strict=True)
    ]
    with pytest.raises(InputError, match="6 of 24 known items"):
        check_labels(mixed, "copy")


def test_the_margin_is_wide(stereoset: StereoSet) -> None:
    z, least = unrelated_z(stereoset.triplets)
    assert z == pytest.approx(16.05, abs=0.01) and least == "unrelated"
    # Parts of 200: never near a refusal, though not always confirmed.
    rng = np.random.default_rng(5)
    parts = [rng.permutation(len(stereoset.triplets))[:200] for _ in range(25)]
    assert min(unrelated_z([stereoset.triplets[i] for i in part])[0] for part in parts) > 0


def triplet(name: str, context: str, words: tuple[str, str, str]) -> Triplet:
    full = [context.replace("BLANK", word) for word in words]
    return Triplet(
        name, "gender", "t", context, full[0], full[1], full[2], "intrasentence", words, ("", "")
    )


def test_the_statistic_by_hand() -> None:
    items = [
        triplet("1", "x BLANK", ("a", "b", "c")),
        triplet("2", "y BLANK", ("a", "b", "d")),
        triplet("3", "c BLANK", ("e", "f", "g")),
    ]
    # 12 tokens of 9 kinds; each item leaves 8. Seen elsewhere once: a, b and c of item 1, a and b
    # of item 2. So only item 2 has a gap, log(2/17) - log(1/17), in both comparisons. Gaps of 0,
    # g, 0 have mean g/3 and standard error g/3.
    z, least = unrelated_z(items)
    assert z == pytest.approx(1.0) and least == "unrelated"
    moved = [triplet(t.id, t.context, (t.words[2], t.words[1], t.words[0])) for t in items]
    z, least = unrelated_z(moved)
    assert z == pytest.approx(-1.0) and least == "stereotype"


def test_too_little_says_nothing() -> None:
    one = [triplet("1", "x BLANK", ("a", "b", "c"))]
    assert math.isnan(check_labels(one, "own").unrelated_z)
    assert check_labels([], "own").unrelated_labels == "not checkable"
    alike = [triplet(str(i), f"BLANK y{i}", (f"a{i}", f"b{i}", f"c{i}")) for i in range(9)]
    found = check_labels(alike, "own")
    assert found.unrelated_z == 0 and found.unrelated_labels == "not checkable"
