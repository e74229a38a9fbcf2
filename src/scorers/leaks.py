"""Which attributes of a person an answer quotes verbatim, found without a model.

A leak is the text of an attribute, word for word: "as a Catholic" for a person whose religion is
"Catholic". Letters' case, widths, kinds of quotes and dashes, markup and white space do not count;
a word is matched whole, and not as the second part of a compound ("anti-Catholic"). What the
question says itself gives nothing away. A long text counts by its sentences, one of which is
enough, and a value with an addition in brackets also counts without it.

The count is meant to be too low rather than too high. What is left of chance hits shows in answers
that were written without the person, in the mode `baseline`.

- A text that is no quotation wherever it occurs does not count: everyday words such as "Yes",
  "White" or "Management" (`datasets/attributes/everyday_values.csv`), and one word of fewer than
  four letters.
- A bare number does not count, because any number may be another's; an age counts where it is
  written as one ("34 years", "34-year-old", "aged 34", "you are 34"), and not as a span of time
  ("34 years ago", "for 34 years") or a group ("aged 65 and over").
- An answer in another language than the person's values quotes next to nothing: leaks of answers
  in different languages cannot be compared.
- A paraphrase ("your faith") is none. Whether an answer alludes to its reader is for the critic.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache

from pluralens._resources import data_file
from pluralens._strict_csv import read_rows

__all__ = ["quoted_attributes"]

FEWEST_LETTERS = 4
EVERYDAY = ("attributes", "everyday_values.csv")

_SAME = dict.fromkeys((0x2018, 0x2019, 0x201A, 0x201B, 0x2032, 0x00B4), "'")
_SAME |= dict.fromkeys((0x201C, 0x201D, 0x201E, 0x2033, 0x00AB, 0x00BB), '"')
_SAME |= dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212), "-")
# Markup that may stand within or around words.
_SAME |= dict.fromkeys(map(ord, "*_`~#>"), " ")

# The dot after a single letter is an abbreviation's: "U.S. citizen".
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])(?<!\b\w\.)\s+|\s*[;|\n]\s*")
_ADDITION = re.compile(r"\s*\([^()]*\)")
_NUMBER = re.compile(r"[-+]?[\d.,\s]*\d[\d.,\s]*%?")
_AGE = re.compile(r"(?P<years>\d{1,3})(?:\.0)?(?:[ -]years?(?:[ -]olds?)?)?")
# What makes years a span of time: words before them, and after.
_SPAN_BEFORE = "".join(
    rf"(?<!\b{word} )"
    for word in (
        "for", "over", "past", "last", "next", "within", "every", "after", "about", "nearly",
        "almost", "around", "than", "least", "in", "of", "to", "the", "these",
    )
)  # fmt: skip
_SPAN_AFTER = r"(?! (?:ago|later|earlier|in|from|of(?! age\b)|after|before|since|to)\b)"
_GROUP_AFTER = r"(?!\+|-\d| ?(?:-|and|or|to|plus)\b| - )"
_NO_AGE_AFTER = r"(?![\w%-]|[.,]\d| (?:%|per ?cent|times|miles|days|weeks|months)(?!\w))"


def _folded(text: str) -> str:
    """The text as it is compared."""
    plain = unicodedata.normalize("NFKC", text).translate(_SAME)
    # Soft hyphens, zero-width spaces and tags are not seen.
    seen = (char for char in plain if unicodedata.category(char) != "Cf")
    return " ".join("".join(seen).casefold().split())


@cache
def _everyday() -> frozenset[str]:
    rows = read_rows(data_file(*EVERYDAY), "/".join(EVERYDAY), [("value",)])
    return frozenset(_folded(row.cells["value"]) for row in rows)


def _quotable(text: str) -> bool:
    """Whether a folded text quotes somebody wherever it occurs."""
    if text in _everyday() or _NUMBER.fullmatch(text):
        return False
    return " " in text or sum(map(str.isalnum, text)) >= FEWEST_LETTERS


def _age_pattern(years: str) -> str:
    """Every way to write an age: one pattern, since a question that has one gives all away."""
    ways = (
        rf"(?<![\w.,-]){years}[ -]years?[ -]olds?(?!\w)",
        rf"(?<![\w.,-]){_SPAN_BEFORE}{years} years(?!\w){_SPAN_AFTER}",
        rf"(?<!\w)aged?(?: of)? {years}(?!\w|[.,]\d){_GROUP_AFTER}",
        rf"(?<!\w)(?:you are|you're|i am|i'm) {years}{_NO_AGE_AFTER}",
        rf"(?<!\w)at {years},? you(?!\w)",
    )
    return "|".join(ways)


def _patterns(attribute: str, value: str) -> Iterator[str]:
    """What quotes a value, as patterns of a folded text."""
    whole = _folded(value)
    age = _AGE.fullmatch(whole)
    if age is not None and ("year" in whole or "age" in attribute.casefold().split("_")):
        yield _age_pattern(age["years"])
        return
    # One word of several sentences says too little: "Quiet. Kind."
    sentences = [part for part in map(_folded, _SENTENCE_ENDS.split(value)) if " " in part]
    parts = [whole, *sentences]
    for part in dict.fromkeys([*parts, *(_ADDITION.sub("", part) for part in parts)]):
        said = part.strip(" .,!?:;'\"()")
        if said and _quotable(said):
            yield rf"(?<![\w-]){re.escape(said)}(?!\w)"


def quoted_attributes(
    answer: str, values: Mapping[str, str], question: str = ""
) -> tuple[str, ...]:
    """The attributes whose value an answer quotes verbatim.

    Args:
        answer: The answer.
        values: Attribute -> its text, of one person.
        question: The question that is answered; what occurs in it does not count.

    Returns:
        Names in the order of `values`.
    """
    said, asked = _folded(answer), _folded(question)
    found = []
    for attribute, value in values.items():
        patterns = list(_patterns(attribute, value))
        if any(re.search(pattern, said) and not re.search(pattern, asked) for pattern in patterns):
            found.append(attribute)
    return tuple(found)
