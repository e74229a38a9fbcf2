"""What probes read: texts with a label, a target and a group that folds keep together."""

from collections.abc import Iterable
from dataclasses import dataclass

from pluralens.sentences.items import BiasItem

__all__ = ["ProbeText", "occupation_texts", "pair_texts"]


@dataclass(frozen=True)
class ProbeText:
    """One text.

    Attributes:
        id: Unique.
        group: Texts of one group are never in training and test at once.
        text: The text.
        target_end: Where the target ends in it, in characters.
        label: Whether it belongs to the class that the probe looks for.
    """

    id: str
    group: str
    text: str
    target_end: int
    label: bool


def pair_texts(items: Iterable[BiasItem]) -> list[ProbeText]:
    """Both sentences of every item: is this the stereotype (or the male pronoun)?

    The target is the word that they differ in; where a side has several, its first one. A group's
    sentences stay together, and so do the two of an item, which are alike but for that word.

    Args:
        items: The items.
    """
    found = []
    for item in items:
        for side, words in (("a", item.targets_a), ("b", item.targets_b)):
            before = item.prefix + words[0]
            found.append(
                ProbeText(
                    f"{item.id}.{side}", item.group, before + item.suffix, len(before), side == "a"
                )
            )
    return found


def occupation_texts(items: Iterable[BiasItem]) -> list[ProbeText]:
    """The prefix of every item about an occupation: do mostly men work in it?

    The target is the occupation. Nothing in the text says the answer; a probe that finds it for
    occupations it was not trained on has found what the model associates with them. Items about no
    occupation, or about one that is half and half, have no label and are left out.

    Args:
        items: The items.
    """
    found = []
    for item in items:
        start = item.prefix.find(item.group)
        if item.share is not None and item.share != 50 and start >= 0:
            end = start + len(item.group)
            found.append(ProbeText(item.id, item.group, item.prefix, end, item.share < 50))
    return found
