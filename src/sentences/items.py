"""What mechanistic analyses run on: a prefix and two sets of continuations.

Sign of every bias computed from an item: positive = towards `targets_a`, the stereotype or the male
pronoun. `targets_b` is the anti-stereotype or the female pronoun.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pluralens.errors import InputError
from pluralens.sentences.occupations import mirrored
from pluralens.sentences.schema import WinoSentence, fill, form_of
from pluralens.sentences.stereoset import StereoSet
from pluralens.sentences.triplet import DOMAINS, Triplet
from pluralens.sentences.winogender import WinoGender, load_pairs

__all__ = ["BiasItem", "BiasItems", "builtin_items", "stereoset_items", "winogender_items"]


@dataclass(frozen=True)
class BiasItem:
    """One prefix with two sets of continuations.

    Attributes:
        id: Unique within its data set.
        dataset: `stereoset`, `winogender` or `builtin`.
        domain: `gender`, `race`, `religion` or `profession`; `all` for Winogender.
        group: What folds and bootstraps keep together: target term (with its counterpart) or
            occupation.
        prefix: Text before the place, without a space at its end; empty where the sentence starts
            with the place.
        targets_a: Stereotype or male continuations, with their leading space.
        targets_b: Anti-stereotype or female continuations.
        suffix: What follows the continuation in the sentence; may be empty.
        twin: Prefix of the counterfactual twin; None where there is none.
        share: Women in the occupation, percent; None where it is not about an occupation.
    """

    id: str
    dataset: str
    domain: str
    group: str
    prefix: str
    targets_a: tuple[str, ...]
    targets_b: tuple[str, ...]
    suffix: str
    twin: str | None = None
    share: float | None = None


@dataclass(frozen=True)
class BiasItems:
    """Items and what could not become one.

    Attributes:
        items: In the order of their source.
        refused: Reason per id; items and refused together are the source.
        about: For the log.
    """

    items: tuple[BiasItem, ...]
    refused: Mapping[str, str]
    about: Mapping[str, str | int | float | None]


def stereoset_items(data: StereoSet, domains: Collection[str] | None = None) -> BiasItems:
    """Items of StereoSet: the stereotype against the anti-stereotype.

    Args:
        data: The triplets.
        domains: Those to keep; None for all.

    Raises:
        InputError: A domain is unknown or has no triplets.
    """
    _check_domains(data, domains)
    items: list[BiasItem] = []
    refused: dict[str, str] = {}
    for one in data.triplets:
        if domains is not None and one.domain not in domains:
            continue
        if one.around is None:
            refused[one.id] = str(one.no_place)
        else:
            items.append(_triplet_item(one, *one.around))
    return BiasItems(tuple(items), refused, data.about)


def winogender_items(data: WinoGender) -> BiasItems:
    """Items of Winogender: the male against the female pronoun, one per pair of sentences.

    The twin has another occupation: the one at the same place from the other end of the order by
    share of women.

    Args:
        data: The sentences.
    """
    return BiasItems(_pronoun_items(data, "winogender", "all"), {}, data.about)


def builtin_items() -> BiasItems:
    """Items of our own pairs: he against she after a sentence about one occupation."""
    data = load_pairs()
    return BiasItems(_pronoun_items(data, "builtin", "gender"), {}, data.about)


def _check_domains(data: StereoSet, domains: Collection[str] | None) -> None:
    for domain in domains or ():
        if domain not in DOMAINS:
            raise InputError(f"domains: {domain!r} is unknown; use {', '.join(DOMAINS)}")
        if domain not in data.counts:
            raise InputError(
                f"domains: there are no items of {domain}; use {', '.join(data.counts)}"
            )


def _triplet_item(one: Triplet, before: str, after: str) -> BiasItem:
    prefix = before.rstrip()
    # The space belongs to the word: most vocabularies have it as a part of their tokens.
    space = before[len(prefix) :]
    twin = None
    group = one.target
    if one.counterpart is not None:
        group = "/".join(sorted((one.target, one.counterpart)))
        # Where the target stands after the place, the prefix would be its own twin.
        if one.target in prefix:
            twin = prefix.replace(one.target, one.counterpart, 1)
    a, b, _ = one.words
    return BiasItem(
        one.id, "stereoset", one.domain, group, prefix, (space + a,), (space + b,), after, twin
    )


def _pronoun_items(data: WinoGender, dataset: str, domain: str) -> tuple[BiasItem, ...]:
    twins = mirrored(dict(data.shares))
    pairs: dict[str, dict[str, WinoSentence]] = {}
    for one in data.sentences:
        stem = one.id.removesuffix(f".{one.pronoun}.txt")
        pairs.setdefault(stem, {})[one.pronoun] = one
    items = []
    for stem, pair in pairs.items():
        male, female = pair["male"], pair["female"]
        schema = data.schemas[male.template]
        twin = None
        if male.occupation in twins:
            other = twins[male.occupation]
            form = form_of(schema, schema.id)
            twin = fill(schema, form, other, male.participant, "male")[0]
        items.append(
            BiasItem(
                stem,
                dataset,
                domain,
                male.occupation,
                male.prefix,
                (f" {male.word}",),
                (f" {female.word}",),
                male.suffix,
                twin,
                data.shares[male.occupation],
            )
        )
    return tuple(items)
