"""Items as token ids: prefix and targets tokenised in context, as the model would read them.

A target is tokenised together with what precedes it, so that a byte-level tokenizer sees its
leading space. Words of several tokens stay several tokens. An item that cannot be scored is kept
with its reason, never dropped silently.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pluralens.interp.checkpoint import Checkpoint

__all__ = [
    "Item",
    "Sentences",
    "TokenItem",
    "TokenisedItems",
    "Tokens",
    "tokenise",
    "tokenise_sentences",
]

Tokens = tuple[int, ...]


class Item(Protocol):
    """What is read of an item; `pluralens.sentences.items.BiasItem` has it all."""

    @property
    def id(self) -> str:
        """Unique."""

    @property
    def group(self) -> str:
        """What items are resampled by."""

    @property
    def prefix(self) -> str:
        """Text up to the target, without a space at its end where the targets bring theirs."""

    @property
    def targets_a(self) -> tuple[str, ...]:
        """Continuations on side A, leading space included."""

    @property
    def targets_b(self) -> tuple[str, ...]:
        """Continuations on side B."""

    @property
    def suffix(self) -> str:
        """Text after the target."""


@dataclass(frozen=True)
class TokenItem:
    """One item as token ids.

    Attributes:
        id: Of the item.
        group: Of the item.
        prefix: What every target follows, BOS by policy included; never empty.
        a: Continuations of side A; never empty, none empty.
        b: Likewise of side B.
    """

    id: str
    group: str
    prefix: Tokens
    a: tuple[Tokens, ...]
    b: tuple[Tokens, ...]

    @property
    def targets(self) -> tuple[Tokens, ...]:
        """Continuations of both sides, A first."""
        return self.a + self.b

    @property
    def single(self) -> bool:
        """Whether all targets are one token, so that the softmax normaliser cancels."""
        return all(len(target) == 1 for target in self.targets)


@dataclass(frozen=True)
class TokenisedItems:
    """Items that can be scored, and why the others cannot.

    Attributes:
        usable: In the order given.
        unusable: Reason by id.
    """

    usable: tuple[TokenItem, ...]
    unusable: dict[str, str]


@dataclass(frozen=True)
class Sentences:
    """Whole sentences as token ids.

    Attributes:
        tokens: One per sentence in the order given, BOS by policy included; None if unusable.
        unusable: Reason by place.
    """

    tokens: tuple[Tokens | None, ...]
    unusable: dict[int, str]


def tokenise(
    items: Iterable[Item],
    checkpoint: Checkpoint,
    *,
    scored: Literal["target", "sentence"] = "target",
) -> TokenisedItems:
    """Tokenise items for a checkpoint.

    Where the prefix alone and the prefix with a target are cut differently (a blank inside a word,
    say), the shared tokens are the prefix and the rest is the continuation: what is scored is then
    still the probability of the very text, given what all targets share.

    Args:
        items: The items.
        checkpoint: Whose tokenizer, BOS policy and context count.
        scored: `target` scores the targets alone, `sentence` the targets with the suffix.

    Returns:
        Usable items, and the reasons for the others.
    """
    usable: list[TokenItem] = []
    unusable: dict[str, str] = {}
    for item in items:
        made = _tokenise(item, checkpoint, item.suffix if scored == "sentence" else "")
        if isinstance(made, str):
            unusable[item.id] = made
        else:
            usable.append(made)
    return TokenisedItems(usable=tuple(usable), unusable=unusable)


def tokenise_sentences(texts: Sequence[str], checkpoint: Checkpoint) -> Sentences:
    """Tokenise whole sentences.

    Args:
        texts: The sentences.
        checkpoint: Whose tokenizer, BOS policy and context count.

    Returns:
        Token ids and the reasons for sentences that have none. A sentence needs two tokens, BOS
        included: the first has no left context and is not scored.
    """
    found: list[Tokens | None] = []
    unusable: dict[int, str] = {}
    for place, text in enumerate(texts):
        tokens = _start(checkpoint) + _encode(checkpoint, text)
        reason = _too_long(len(tokens), checkpoint)
        if len(tokens) < 2:
            reason = "empty" if not text.strip() else "one token and no BOS: nothing to score"
        if reason:
            unusable[place] = reason
        found.append(None if reason else tokens)
    return Sentences(tokens=tuple(found), unusable=unusable)


def _tokenise(item: Item, checkpoint: Checkpoint, suffix: str) -> TokenItem | str:
    """The item, or why there is none."""
    if not item.targets_a or not item.targets_b:
        return f"no target on side {'b' if item.targets_a else 'a'}"
    start, left = _start(checkpoint), _encode(checkpoint, item.prefix)
    sides = [
        [_encode(checkpoint, item.prefix + target + suffix) for target in targets]
        for targets in (item.targets_a, item.targets_b)
    ]
    whole = sides[0] + sides[1]
    shared = min(_shared(left, tokens) for tokens in whole)
    if not start and not shared:
        if item.prefix:
            return "no token of the prefix is the same before all targets, and there is no BOS"
        return "empty prefix and no BOS"
    if any(len(tokens) == shared for tokens in whole):
        return "a target adds no token"
    a, b = ({tokens[shared:]: None for tokens in side} for side in sides)
    if set(a) & set(b):
        return "a target is on both sides"
    # The last token of a target is predicted, not read.
    reason = _too_long(len(start) + max(map(len, whole)) - 1, checkpoint)
    return reason or TokenItem(item.id, item.group, start + left[:shared], tuple(a), tuple(b))


def _start(checkpoint: Checkpoint) -> Tokens:
    return () if checkpoint.bos is None else (checkpoint.bos,)


def _encode(checkpoint: Checkpoint, text: str) -> Tokens:
    # BOS is ours to add, by the recorded policy; some tokenizers would add it a second time.
    return tuple(checkpoint.tokenizer(text, add_special_tokens=False).input_ids) if text else ()


def _too_long(length: int, checkpoint: Checkpoint) -> str | None:
    if checkpoint.context is not None and length > checkpoint.context:
        return f"{length} tokens, but the model reads {checkpoint.context}"
    return None


def _shared(left: Tokens, right: Tokens) -> int:
    """How many tokens two sequences begin with alike."""
    same = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        same += 1
    return same
