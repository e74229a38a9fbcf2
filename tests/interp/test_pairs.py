"""Minimal pairs as tokens: what is usable, what is not and why."""

from dataclasses import dataclass

import pytest

torch = pytest.importorskip("torch")

from tiny_language_models import tiny_gpt2, tiny_tokenizer  # noqa: E402

from pluralens.errors import InputError  # noqa: E402
from pluralens.interp.checkpoint import adopt  # noqa: E402
from pluralens.interp.pairs import TokenPair, pair_up  # noqa: E402
from pluralens.interp.tokens import TokenItem  # noqa: E402

pytestmark = pytest.mark.interp


@dataclass(frozen=True)
class Some:
    id: str
    group: str
    prefix: str
    twin: str | None
    targets_a: tuple[str, ...] = (" he",)
    targets_b: tuple[str, ...] = (" she",)
    suffix: str = ""
    share: float | None = None


@pytest.fixture(scope="module")
def one():
    return adopt(tiny_gpt2(layers=1), tiny_tokenizer(), name="t")


def test_pairs_and_reasons(one) -> None:
    items = [
        Some("ok", "nurse", "The nurse said that", "The engineer said that"),
        Some("back", "engineer", "The engineer said that", "The nurse said that"),
        Some("none", "cook", "The cook said that", None),
        Some("long", "clerk", "The nurse said that", "The computer programmer said that"),
        Some("same", "maid", "The nurse said that", "The nurse said that"),
        Some("void", "void", "The nurse said that", "The engineer said that", (" he",), (" he",)),
        Some("far", "far", "The nurse said that", "The nurse" * 80),
        # "s" joins the words before it in the vocabulary, so that the blank is cut otherwise.
        Some("cut", "cut", "The nurse said that", "The engineer said tha", ("he",), ("she",)),
    ]
    made = pair_up(items, one)
    assert [pair.clean.id for pair in made.usable][:2] == ["ok", "back"]
    assert {pair.clean.id for pair in made.usable} | set(made.unusable) == {i.id for i in items}
    assert not {pair.clean.id for pair in made.usable} & set(made.unusable)
    tokenizer = tiny_tokenizer()
    pair = made.usable[0]
    assert tokenizer.decode(pair.corrupt.prefix[1:]) == "The engineer said that"
    assert pair.corrupt.prefix[0] == pair.clean.prefix[0] == one.bos
    assert (pair.corrupt.a, pair.corrupt.b) == (pair.clean.a, pair.clean.b)
    assert made.unusable["none"] == "no twin"
    assert "positions do not correspond" in made.unusable["long"]
    assert made.unusable["same"] == "the twin is the prompt itself"
    assert made.unusable["void"] == "a target is on both sides"
    assert made.unusable["far"].startswith("twin: ") and "reads 64" in made.unusable["far"]


def test_groups_of_twins_are_one(one) -> None:
    items = [
        Some("1", "nurse", "The nurse said that", "The engineer said that"),
        Some("2", "engineer", "The engineer said that", "The nurse said that"),
        Some("3", "nurse", "My nurse said that", "My engineer said that"),
        Some("4", "men", "My men said that", "My cash said that"),
    ]
    groups = {pair.clean.id: pair.group for pair in pair_up(items, one).usable}
    assert groups["1"] == groups["2"] == groups["3"] == "engineer/nurse"
    assert groups["4"] == "men"


def test_matched_twins_have_as_many_tokens(one) -> None:
    from pluralens.sentences.items import winogender_items
    from pluralens.sentences.winogender import load_winogender

    items = winogender_items(load_winogender("builtin")).items
    given, matched = (pair_up(items, one, twins=way) for way in ("given", "matched"))
    assert len(matched.usable) > 2 * len(given.usable)
    assert len(matched.usable) + len(matched.unusable) == len(items)
    by_id = {item.id: item for item in items}
    by_tokens = {pair.clean.prefix: pair.clean.id for pair in matched.usable}
    for pair in matched.usable:
        mine = by_id[pair.clean.id]
        twin = by_id[by_tokens[pair.corrupt.prefix]]
        # Each the other's; the sentence is the same but for the occupation.
        assert mine.share != twin.share and mine.suffix == twin.suffix
        assert mine.prefix.replace(mine.group, twin.group, 1) == twin.prefix
        back = next(p for p in matched.usable if p.clean.id == twin.id)
        assert back.corrupt.prefix == pair.clean.prefix and back.group == pair.group
    with pytest.raises(InputError, match="twins: no 'any'"):
        pair_up(items, one, twins="any")


def test_targets_cut_otherwise_after_the_twin() -> None:
    """A tokenizer that joins a target to the word before it has other targets after the twin."""

    class Joining:
        bos_token_id, bos_token = 0, "<s>"

        def __call__(self, text, add_special_tokens=False):
            ids = [ord(c) % 50 + 1 for c in text]
            if "xh" in text:
                at = text.index("xh")
                ids[at : at + 2] = [60]
            return type("Encoding", (), {"input_ids": ids})()

    one = adopt(tiny_gpt2(layers=1), Joining(), name="t")
    made = pair_up([Some("i", "g", "ab", "ax", ("he",), ("so",))], one)
    assert made.unusable == {"i": "the targets are cut differently after the twin"}


def test_a_pair_must_correspond() -> None:
    item = TokenItem("i", "g", (0, 5, 6), ((7,),), ((8,),))
    longer = TokenItem("i", "g", (0, 5, 6, 6), ((7,),), ((8,),))
    others = TokenItem("i", "g", (0, 5, 5), ((9,),), ((8,),))
    with pytest.raises(ValueError, match="number of tokens"):
        TokenPair(item, longer, "g")
    with pytest.raises(ValueError, match="same targets"):
        TokenPair(item, others, "g")
