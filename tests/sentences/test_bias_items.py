import json
from pathlib import Path

import pytest

from pluralens.errors import InputError
from pluralens.sentences.items import builtin_items, stereoset_items, winogender_items
from pluralens.sentences.occupations import builtin_shares
from pluralens.sentences.stereoset import StereoSet, load_stereoset
from pluralens.sentences.winogender import load_winogender


def test_every_published_triplet_becomes_an_item_or_is_counted(stereoset: StereoSet) -> None:
    data = stereoset
    found = stereoset_items(data)
    assert len(found.items) == 2104
    assert set(found.refused.values()) == {"the blank stands more than once in the context"}
    assert {one.id for one in found.items} | set(found.refused) == {one.id for one in data.triplets}
    triplets = {one.id: one for one in data.triplets}
    for one in found.items:
        raw = triplets[one.id]
        assert one.prefix + one.targets_a[0] + one.suffix == raw.stereotype
        assert one.prefix + one.targets_b[0] + one.suffix == raw.anti_stereotype
        assert one.prefix == one.prefix.rstrip() and one.group == raw.target
        # A word inside a sentence has its space; the one odd context has no space before the blank.
        assert (
            one.targets_a[0].startswith(" ") or not one.prefix or "sometimes.BLANK" in (raw.context)
        )
    assert sum(not one.prefix for one in found.items) == 19
    gender = stereoset_items(data, ["gender"])
    assert len(gender.items) == 255 and not gender.refused


def test_wrong_domains_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'age' is unknown"):
        stereoset_items(load_stereoset(), ["age"])
    row = {"id": "1", "bias_type": "race", "target": "x", "context": "An x is BLANK."}
    row |= {"stereotype": "a", "anti-stereotype": "b", "unrelated": "c"}
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(InputError, match="there are no items of gender; use race"):
        stereoset_items(load_stereoset(path), ["gender"])


def test_own_triplets_have_their_counterpart() -> None:
    items = {one.id: one for one in stereoset_items(load_stereoset()).items}
    first = items["gender-1"]
    assert first.prefix == "The girl wanted to become a" and first.suffix == "."
    assert (first.targets_a, first.targets_b) == ((" nurse",), (" mechanic",))
    assert first.twin == items["gender-2"].prefix == "The boy wanted to become a"
    assert first.group == items["gender-2"].group == "boy/girl"
    prefixes = {one.prefix for one in items.values()}
    assert all(one.twin in prefixes and one.twin != one.prefix for one in items.values())


def test_pronoun_items_of_the_published_tables(published: Path) -> None:
    items = {one.id: one for one in winogender_items(load_winogender(published)).items}
    assert len(items) == 240
    one = items["technician.customer.1"]
    assert one.prefix == "The technician told the customer that"
    assert (one.targets_a, one.targets_b) == ((" he",), (" she",))
    assert one.suffix == " could pay with cash." and one.group == "technician"
    assert one.share == 40.34 and one.domain == "all"
    assert items["nurse.patient.0"].targets_b == (" her",)
    assert items["auditor.someone.0"].targets_a == (" him",)
    # The most male against the most female occupation of the table.
    assert items["plumber.homeowner.0"].twin == (
        "The homeowner called the pathologist to get an estimate for"
    )
    assert all(one.twin is not None and one.twin != one.prefix for one in items.values())


def test_own_pairs() -> None:
    found = builtin_items()
    shares = builtin_shares()
    assert len(found.items) == 8 * len(shares) and not found.refused
    assert len({one.id for one in found.items}) == len(found.items)
    by_id = {one.id: one for one in found.items}
    prefixes = {one.prefix for one in found.items}
    for one in found.items:
        assert (one.targets_a, one.targets_b) == ((" he",), (" she",))
        assert one.share == shares[one.group] and one.group in one.prefix
        assert one.twin is None or one.twin in prefixes
    assert by_id["truck_driver.p1"].prefix == "The truck driver said that"
