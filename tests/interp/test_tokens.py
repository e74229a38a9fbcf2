"""Targets are tokenised in context; what cannot be scored says why."""

from dataclasses import dataclass
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tiny_language_models import CONTEXT, tiny_gpt2, tiny_tokenizer  # noqa: E402

from pluralens.interp.checkpoint import Checkpoint, adopt  # noqa: E402
from pluralens.interp.tokens import tokenise, tokenise_sentences  # noqa: E402

pytestmark = pytest.mark.interp


@dataclass(frozen=True)
class Item:
    prefix: str
    targets_a: tuple[str, ...]
    targets_b: tuple[str, ...]
    suffix: str = ""
    id: str = "x"
    group: str = "g"


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_gpt2()


@pytest.fixture
def checkpoint(model: Any) -> Checkpoint:
    return adopt(model, tiny_tokenizer(), name="t")


def text(checkpoint: Checkpoint, *parts: tuple[int, ...]) -> str:
    return checkpoint.tokenizer.decode([t for part in parts for t in part])


def only(checkpoint: Checkpoint, item: Item, **options: Any) -> Any:
    found = tokenise([item], checkpoint, **options)
    assert len(found.usable) + len(found.unusable) == 1
    return found.usable[0] if found.usable else found.unusable["x"]


def test_a_pronoun_after_a_space_is_one_token(checkpoint: Checkpoint) -> None:
    item = only(checkpoint, Item("The nurse told the customer that", (" he",), (" she",), " went."))
    he, she = (checkpoint.tokenizer(w).input_ids for w in (" he", " she"))
    assert (item.a, item.b) == ((tuple(he),), (tuple(she),))
    assert item.single and item.prefix[0] == 0
    assert he != checkpoint.tokenizer("he").input_ids
    assert text(checkpoint, item.prefix[1:]) == "The nurse told the customer that"


def test_words_of_several_tokens_stay_whole(checkpoint: Checkpoint) -> None:
    item = only(checkpoint, Item("The nurse was", (" Hispanic", " kind"), (" Zürich",), " today"))
    assert [text(checkpoint, t) for t in item.targets] == [" Hispanic", " kind", " Zürich"]
    assert not item.single and max(map(len, item.targets)) > 1


def test_the_whole_sentence_can_be_scored(checkpoint: Checkpoint) -> None:
    item = only(
        checkpoint, Item("The nurse was", (" kind",), (" mean",), " today."), scored="sentence"
    )
    assert [text(checkpoint, t) for t in item.targets] == [" kind today.", " mean today."]


def test_a_blank_at_the_start_needs_bos(model: Any, checkpoint: Checkpoint) -> None:
    blank = Item("", ("Nurses",), ("Men",), " are kind.")
    item = only(checkpoint, blank)
    assert item.prefix == (0,) and text(checkpoint, item.a[0]) == "Nurses"
    for bare in (
        adopt(model, tiny_tokenizer(bos=False), name="t"),
        adopt(model, tiny_tokenizer(), name="t", bos="never"),
    ):
        assert only(bare, blank) == "empty prefix and no BOS"
        assert only(bare, Item("The nurse said that", (" he",), (" she",))).prefix[0] != 0


def test_a_blank_inside_a_word_is_scored_from_the_last_shared_token(checkpoint: Checkpoint) -> None:
    """`th` and `that` are cut differently, so the continuation begins before the blank."""
    whole = checkpoint.tokenizer("The nurse told the customer that").input_ids
    part = checkpoint.tokenizer("The nurse told the customer th").input_ids
    assert whole[: len(part)] != part
    item = only(checkpoint, Item("The nurse told the customer th", ("at",), ("is",)))
    for target, word in zip(item.targets, ("that", "this"), strict=True):
        assert text(checkpoint, item.prefix[1:], target) == f"The nurse told the customer {word}"


def test_reasons(model: Any, checkpoint: Checkpoint) -> None:
    long = "The nurse " * CONTEXT
    for item, reason in (
        (Item(long, (" he",), (" she",)), f"but the model reads {CONTEXT}"),
        (Item("The nurse", (), (" she",)), "no target on side a"),
        (Item("The nurse", (" he",), ()), "no target on side b"),
        (Item("The nurse", (" he", ""), (" she",)), "a target adds no token"),
        (Item("The nurse", (" he", " she"), (" she",)), "a target is on both sides"),
    ):
        assert reason in only(checkpoint, item)
    bare = adopt(model, tiny_tokenizer(bos=False), name="t")
    assert "before all targets" in only(bare, Item("th", ("at",), ("ere",)))


def test_the_longest_prompt_fits_exactly(checkpoint: Checkpoint) -> None:
    """The last token of a target is predicted, never read."""
    word = " he"
    assert len(checkpoint.tokenizer(word).input_ids) == 1
    fits = only(checkpoint, Item(word * (CONTEXT - 1), (" he",), (" she",)))
    assert len(fits.prefix) == CONTEXT
    assert "65 tokens" in only(checkpoint, Item(word * CONTEXT, (" he",), (" she",)))


def test_nothing_is_dropped_and_order_is_kept(checkpoint: Checkpoint) -> None:
    items = [
        Item("The nurse said", (" he",), (" she",) if k % 3 else (), id=f"i{k}") for k in range(9)
    ]
    found = tokenise(items, checkpoint)
    assert [item.id for item in found.usable] == ["i1", "i2", "i4", "i5", "i7", "i8"]
    assert list(found.unusable) == ["i0", "i3", "i6"]


def test_sentences(model: Any, checkpoint: Checkpoint) -> None:
    texts = ["The nurse was kind.", " ", "", "a", " he" * CONTEXT]
    found = tokenise_sentences(texts, checkpoint)
    assert found.tokens[0] is not None and found.tokens[0][0] == 0
    assert text(checkpoint, found.tokens[0][1:]) == texts[0]
    assert found.tokens[3] is not None and len(found.tokens[3]) == 2
    assert {2: "empty", 4: "65 tokens, but the model reads 64"} == {
        k: v for k, v in found.unusable.items() if k != 1
    }
    bare = tokenise_sentences(texts, adopt(model, tiny_tokenizer(bos=False), name="t"))
    assert "one token and no BOS" in bare.unusable[3] and 4 not in bare.unusable


def test_data_of_the_house_is_usable() -> None:
    """The items of the built-in data are what this module reads."""
    items = pytest.importorskip("pluralens.sentences.items").builtin_items().items
    checkpoint = adopt(tiny_gpt2(n_positions=256), tiny_tokenizer(), name="t")
    found = tokenise(items, checkpoint)
    assert not found.unusable and len(found.usable) == len(items) > 400
    for item, made in zip(items[:20], found.usable, strict=False):
        assert text(checkpoint, made.prefix[1:], made.a[0]) == item.prefix + item.targets_a[0]
