"""Minimal pairs as token ids: a prompt and its counterfactual twin, with the same targets.

`clean` is the prompt itself, `corrupt` its twin (another occupation, another target term).
Activations of the two are compared position by position, so both must have the same number of
tokens: where the swapped words differ in length, everything behind them stands at other positions,
a patched prompt is neither of the two texts, and patching everything would not recover the other
one's metric. Such pairs are unusable with that reason, as are those whose targets are cut
differently after the twin; nothing is dropped silently. Analyses that need no twin (ablation,
`mean` and `zero` baselines) run on all items.

Occupations are seldom cut into equally many tokens, so `matched` twins are chosen anew for items
about them: among the items with the same sentence around the occupation and as many tokens, ordered
by the share of women, the one at the same place from the other end. Nearly all items are usable
then, at the price that twins depend on the tokenizer.

Two items that are each other's twins, and all items of their groups, belong to one group: what
happens between a prompt and its twin is one observation, not two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from pluralens.errors import InputError
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.tokens import Item, TokenItem, tokenise

__all__ = ["TokenPair", "TokenPairs", "TwinItem", "pair_up"]


class TwinItem(Item, Protocol):
    """An item that may have a counterfactual twin; `pluralens.sentences.items.BiasItem` is one."""

    @property
    def twin(self) -> str | None:
        """Prefix of the twin; None where there is none."""

    @property
    def share(self) -> float | None:
        """Women in the occupation that `group` names; None where it is not about one."""


@dataclass(frozen=True)
class TokenPair:
    """A prompt and its twin.

    Attributes:
        clean: The item.
        corrupt: The same with the twin's prefix, which has as many tokens and the same targets.
        group: Group of the pair, at least as coarse as that of the item.
    """

    clean: TokenItem
    corrupt: TokenItem
    group: str

    def __post_init__(self) -> None:
        """Check that positions correspond.

        Raises:
            ValueError: They do not.
        """
        if len(self.clean.prefix) != len(self.corrupt.prefix):
            raise ValueError("prompt and twin must have the same number of tokens")
        if (self.clean.a, self.clean.b) != (self.corrupt.a, self.corrupt.b):
            raise ValueError("prompt and twin must have the same targets")


@dataclass(frozen=True)
class TokenPairs:
    """Pairs that can be compared, and why the other items cannot.

    Attributes:
        usable: In the order given.
        unusable: Reason by id.
    """

    usable: tuple[TokenPair, ...]
    unusable: dict[str, str]


def pair_up(
    items: Iterable[TwinItem],
    checkpoint: Checkpoint,
    *,
    twins: Literal["given", "matched"] = "given",
) -> TokenPairs:
    """Tokenise items together with their twins.

    Args:
        items: The items.
        checkpoint: Whose tokenizer, BOS policy and context count.
        twins: `given` with the items, or `matched` by number of tokens where they are about
            occupations (the others keep theirs).

    Returns:
        Usable pairs, and the reasons for the other items.

    Raises:
        InputError: `twins` is neither.
    """
    if twins not in ("given", "matched"):
        raise InputError(f"twins: no {twins!r}; give given or matched")
    given = list(items)
    clean = tokenise(given, checkpoint)
    unusable = dict(clean.unusable)
    by_id = {item.id: item for item in clean.usable}
    chosen: dict[str, str | None] = {item.id: item.twin for item in given}
    if twins == "matched":
        chosen |= _matched(given, by_id)
    groups = _joined_groups(given, chosen)
    usable: list[TokenPair] = []
    for item in given:
        if item.id not in by_id:
            continue
        twin = chosen[item.id]
        if twin is None:
            unusable[item.id] = "no twin" if twins == "given" else "no twin of as many tokens"
            continue
        made = _pair(by_id[item.id], item, twin, groups[item.group], checkpoint)
        if isinstance(made, str):
            unusable[item.id] = made
        else:
            usable.append(made)
    return TokenPairs(usable=tuple(usable), unusable=unusable)


def _pair(
    clean: TokenItem, item: TwinItem, twin: str, group: str, checkpoint: Checkpoint
) -> TokenPair | str:
    """The pair, or why there is none."""
    other = tokenise([_WithPrefix(item, twin)], checkpoint)
    if not other.usable:
        return f"twin: {other.unusable[item.id]}"
    corrupt = other.usable[0]
    if (corrupt.a, corrupt.b) != (clean.a, clean.b):
        return "the targets are cut differently after the twin"
    if corrupt.prefix == clean.prefix:
        return "the twin is the prompt itself"
    here, there = len(clean.prefix), len(corrupt.prefix)
    if here != there:
        return f"{here} tokens, its twin {there}: positions do not correspond"
    return TokenPair(clean=clean, corrupt=replace(corrupt, group=clean.group), group=group)


@dataclass(frozen=True)
class _WithPrefix:
    """An item with another prefix."""

    item: Item
    prefix: str

    @property
    def id(self) -> str:
        return self.item.id

    @property
    def group(self) -> str:
        return self.item.group

    @property
    def targets_a(self) -> tuple[str, ...]:
        return self.item.targets_a

    @property
    def targets_b(self) -> tuple[str, ...]:
        return self.item.targets_b

    @property
    def suffix(self) -> str:
        return self.item.suffix


def _matched(items: Sequence[TwinItem], tokens: dict[str, TokenItem]) -> dict[str, str | None]:
    """Prefix of the twin, by id, of all items about occupations."""
    alike: dict[tuple[object, ...], list[tuple[float, TwinItem]]] = {}
    found: dict[str, str | None] = {}
    for item in items:
        if item.share is None:
            continue
        found[item.id] = None
        if item.id in tokens and item.group in item.prefix:
            around = tuple(item.prefix.split(item.group, 1))
            one = tokens[item.id]
            form = (around, item.suffix, len(one.prefix), one.a, one.b)
            alike.setdefault(form, []).append((item.share, item))
    for members in alike.values():
        ordered = sorted(members, key=lambda member: (member[0], member[1].group))
        for (share, item), (other_share, other) in zip(ordered, reversed(ordered), strict=True):
            if share != other_share:
                found[item.id] = other.prefix
    return found


def _joined_groups(items: Sequence[TwinItem], chosen: dict[str, str | None]) -> dict[str, str]:
    """Group -> the name of all groups that twins connect it to."""
    owners: dict[str, set[str]] = {}
    for item in items:
        owners.setdefault(item.prefix, set()).add(item.group)
    together: dict[str, set[str]] = {item.group: {item.group} for item in items}
    for item in items:
        twin = chosen[item.id]
        for other in owners.get(twin, ()) if twin is not None else ():
            joined = together[item.group] | together[other]
            for member in joined:
                together[member] = joined
    return {group: "/".join(sorted(members)) for group, members in together.items()}
