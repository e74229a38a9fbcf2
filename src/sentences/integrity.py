"""Are the labels of a StereoSet copy where they belong?

Scores of a set with permuted labels look plausible and mean nothing; at least one published copy
has them. Two checks, because neither sees everything:

- Words labelled "unrelated" make no sense in their contexts, so they are strangers to the file: a
  unigram model of the file (contexts and words, add-one smoothed, the item itself left out) finds
  them less likely. z is the mean difference per item over its standard error, for the label that
  comes closest. Measured on the 2,106 intrasentence items: z = 16.1 as published; -16.1 or -17.8
  for the four permutations that move "unrelated". Per domain 6.4, 12.7, 14.9 and (religion, 79
  items) 0.5. Of random parts of 200 items none came below 1.0 (60 draws), of 500 none below 4.8.
  Refused below -3, confirmed above 3; in between nothing is said.
- The unigram model cannot see stereotype and anti-stereotype exchanged. 24 intrasentence items and
  one intersentence item of StereoSet are spelled out; a copy that labels one of them otherwise is
  refused. For other sentences that exchange cannot be seen at all, and the outcome says so.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from pluralens._resources import data_file
from pluralens._strict_csv import read_rows
from pluralens.errors import InputError
from pluralens.sentences.triplet import LABELS, Triplet

__all__ = ["LabelCheck", "check_labels", "unrelated_z"]

KNOWN = "stereoset_known.csv"
COLUMNS = ("id", "kind", "stereotype", "anti_stereotype", "unrelated")
LIMIT = 3.0
REMEDY = "restore the coding (on the hub 0 = anti-stereotype, 1 = stereotype, 2 = unrelated)"


class LabelCheck(NamedTuple):
    """Outcome of the check of a set that was not refused.

    Attributes:
        unrelated_labels: Whether "unrelated" is where it belongs.
        unrelated_z: The statistic behind it; NaN without two intrasentence items.
        stereotype_labels: Whether stereotype and anti-stereotype are not exchanged.
        known_items: Items that are spelled out and were found as published.
    """

    unrelated_labels: Literal["confirmed", "not checkable"]
    unrelated_z: float
    stereotype_labels: Literal["confirmed", "not checkable"]
    known_items: int


def check_labels(triplets: Sequence[Triplet], source: str) -> LabelCheck:
    """Refuse a set whose labels are permuted.

    Args:
        triplets: The set.
        source: How errors call it.

    Returns:
        What could be checked.

    Raises:
        InputError: The labels are permuted.
    """
    known = _check_known(triplets, source)
    z, least = unrelated_z(triplets)
    if z <= -LIMIT:
        raise InputError(
            f"{source}: the labels are permuted: the words labelled unrelated should be the least "
            f"expected ones, but those labelled {least} are (z = {z:.1f} over {len(triplets)} "
            f"items); {REMEDY}"
        )
    return LabelCheck(
        "confirmed" if z >= LIMIT or known else "not checkable",
        z,
        "confirmed" if known else "not checkable",
        known,
    )


def unrelated_z(triplets: Sequence[Triplet]) -> tuple[float, str]:
    """How much less expected the words labelled unrelated are than those of the other labels.

    Args:
        triplets: Those that are not intrasentence are left out: whole sentences that make no sense
            here are made of ordinary words.

    Returns:
        The smaller z of the two comparisons (positive: unrelated is the least expected label), and
        the label with the least expected words. NaN with fewer than two items.
    """
    items = [one for one in triplets if one.kind == "intrasentence"]
    if len(items) < 2:
        return math.nan, LABELS[2]
    context = [_tokens(one.context.replace("BLANK", " ")) for one in items]
    words = [[_tokens(word) for word in one.words] for one in items]
    counts: Counter[str] = Counter()
    for tokens, three in zip(context, words, strict=True):
        counts.update(tokens)
        for word in three:
            counts.update(word)
    total = sum(counts.values())
    scores = np.full((len(items), 3), np.nan)
    for i, (tokens, three) in enumerate(zip(context, words, strict=True)):
        own = Counter(tokens)
        for word in three:
            own.update(word)
        rest = total - sum(own.values()) + len(counts)
        for k, word in enumerate(three):
            if word:
                logs = (math.log((counts[token] - own[token] + 1) / rest) for token in word)
                scores[i, k] = math.fsum(logs) / len(word)
    scores = scores[~np.isnan(scores).any(axis=1)]
    least = LABELS[int(scores.mean(axis=0).argmin())] if len(scores) else LABELS[2]
    return min(_z(scores[:, k] - scores[:, 2]) for k in (0, 1)), least


def _z(differences: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    n = len(differences)
    if n < 2:
        return math.nan
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    # All alike, as in a file where every word occurs once: nothing to tell them apart by.
    return float(differences.mean()) / error if error > 0 else 0.0


def _tokens(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _check_known(triplets: Sequence[Triplet], source: str) -> int:
    known = _known()
    found = [one for one in triplets if (one.id, one.kind) in known]
    wrong = [one for one in found if _plain(one.words) != _plain(known[one.id, one.kind])]
    if not wrong:
        return len(found)
    first = wrong[0]
    published = dict(zip(LABELS, known[first.id, first.kind], strict=True))
    here = dict(zip(LABELS, first.words, strict=True))
    label = next(name for name in LABELS if _plain([here[name]]) != _plain([published[name]]))
    raise InputError(
        f"{source}: the labels are permuted: {len(wrong)} of {len(found)} known items of StereoSet "
        f"differ from the published ones, such as {first.id}, whose {label} is "
        f"{published[label]!r} and not {here[label]!r}; {REMEDY}"
    )


def _plain(words: Sequence[str]) -> list[str]:
    return [word.casefold().strip() for word in words]


@cache
def _known() -> dict[tuple[str, str], tuple[str, str, str]]:
    rows = read_rows(data_file("sentences", KNOWN), f"datasets/sentences/{KNOWN}", (COLUMNS,))
    return {
        (row.cells["id"], row.cells["kind"]): (
            row.cells["stereotype"],
            row.cells["anti_stereotype"],
            row.cells["unrelated"],
        )
        for row in rows
    }
