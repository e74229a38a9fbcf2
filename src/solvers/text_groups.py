"""Texts that are compared with each other: three of StereoSet, three pronouns of Winogender."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pluralens.errors import InputError
from pluralens.scorers.likelihood_answers import Reading
from pluralens.sentences.schema import GENDERS, WinoSentence
from pluralens.sentences.triplet import DOMAINS, LABELS, Triplet

if TYPE_CHECKING:
    from pluralens.sentences.stereoset import StereoSet
    from pluralens.sentences.winogender import WinoGender

__all__ = ["TextGroup", "chosen_triplets", "pronoun_groups", "triplet_groups"]


@dataclass(frozen=True)
class TextGroup:
    """Texts that differ in one place.

    Attributes:
        id: Of the sample.
        labels: What the texts are, one each.
        texts: The texts.
        prefix: What stands before the word in which they differ; only with `words`.
        words: Those words, each with its leading space; empty where only whole texts are scored.
    """

    id: str
    labels: tuple[str, ...]
    texts: tuple[str, ...]
    prefix: str = ""
    words: tuple[str, ...] = ()

    def unread(self) -> tuple[Reading, ...]:
        """The texts without numbers."""
        pairs = zip(self.labels, self.texts, strict=True)
        return tuple(Reading(label=label, text=text) for label, text in pairs)


def chosen_triplets(
    data: "StereoSet", domains: Collection[str] | None = None
) -> tuple[Triplet, ...]:
    """The triplets of some domains, in the order of their source.

    Args:
        data: The triplets.
        domains: Those to keep; None for all.

    Raises:
        InputError: A domain is unknown or has no triplets.
    """
    for domain in domains or ():
        if domain not in DOMAINS:
            raise InputError(f"domains: {domain!r} is unknown; use {', '.join(DOMAINS)}")
        if domain not in data.counts:
            raise InputError(
                f"domains: there are no items of {domain}; use {', '.join(data.counts)}"
            )
    return tuple(one for one in data.triplets if domains is None or one.domain in domains)


def triplet_groups(triplets: Collection[Triplet]) -> dict[str, TextGroup]:
    """Stereotype, anti-stereotype and unrelated text of every triplet, by its id."""
    return {one.id: TextGroup(one.id, LABELS, one.sentences) for one in triplets}


def pronoun_groups(data: "WinoGender") -> dict[str, tuple[TextGroup, WinoSentence]]:
    """Sentences that differ in nothing but the pronoun, with the male one of each, by id.

    Ids are those of the sentences without their pronoun: `technician.customer.1`.
    """
    forms: dict[str, dict[str, WinoSentence]] = {}
    for one in data.sentences:
        stem = one.id.removesuffix(f".{one.pronoun}.txt")
        forms.setdefault(stem, {})[one.pronoun] = one
    found = {}
    for stem, by_pronoun in forms.items():
        three = [by_pronoun[gender] for gender in GENDERS]
        texts = tuple(one.text for one in three)
        words = tuple(f" {one.word}" for one in three)
        found[stem] = (TextGroup(stem, GENDERS, texts, three[0].prefix, words), three[0])
    return found
