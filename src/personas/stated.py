"""Which free texts state an attribute, and so cannot be shown on both sides of a pair.

Name, appearance and biography are held fixed across a pair. A text that states what the pair
changes would contradict one of its sides; then both sides go without it, and their attributes alone
describe them (the neutral version).

Detection is by words: lists per language and attribute in
`datasets/templates/stated.<language>.yaml`, and the labels that the population itself gives its
values. It is built to err on one side: a false alarm costs a text, a miss spoils a pair. What no
list covers (an attribute of another population, a language without lists) counts as stated by every
text.

How far words go was measured on sentences that the lists had not been made with: of plain sentences
as in biographies 2 of 35 German and 0 of 35 English ones passed although they state something, of
deliberately oblique ones ("waiting for Mr Right") 11 and 10 of 56. Texts of a pair are the same on
both sides in any case.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from pluralens._resources import data_file
from pluralens.personas.counterfactuals import PLACEBO
from pluralens.personas.names import TOLD_BY_NAME

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["neutral_keys", "states"]

# The text that is a name.
NAME = "name"
# Shorter words of a value's label say too little (of, in) unless they are the whole label (USA).
WORD_LENGTH = 4
# Beginnings of words are compared up to this length, so that one endless word costs no more.
LONGEST = 40
WORDS = re.compile(r"[^\W_]+")
SPACES = re.compile(r"\s+")
# Hyphens and dashes of all kinds, and apostrophes of all kinds, are the same here.
SAME = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-") | dict.fromkeys("’‘ʼ´`", "'"))


@dataclass(frozen=True)
class _Text:
    """A text, taken apart.

    Attributes:
        folded: In lower case, with single spaces.
        words: Its words in lower case.
        starts: All beginnings of its words, up to `LONGEST`.
        nouns: Words that are written with a capital, in lower case.
    """

    folded: str
    words: frozenset[str]
    starts: frozenset[str]
    nouns: frozenset[str]


@dataclass(frozen=True, eq=False)
class _Vocabulary:
    """What states an attribute; the keys of the files are explained in `stated.de.yaml`."""

    words: frozenset[str]
    stems: frozenset[str]
    endings: tuple[str, ...]
    nouns: tuple[str, ...]
    spared: frozenset[str]
    parts: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]

    def is_in(self, text: _Text) -> bool:
        """Whether a text has anything of it."""
        return bool(
            not self.words.isdisjoint(text.words)
            or not self.stems.isdisjoint(text.starts)
            or any(word.endswith(self.endings) for word in text.words - self.spared)
            or any(noun.endswith(self.nouns) for noun in text.nouns - self.spared)
            or any(part in text.folded for part in self.parts)
            or any(pattern.search(text.folded) for pattern in self.patterns)
        )


def states(key: str, text: str, attribute: str, population: "Population", language: str) -> bool:
    """Whether a text states an attribute of the persona it is about.

    Args:
        key: What the text is: `name`, `appearance` or `biography`. A name always tells gender and
            origin; beside that it is a text like the others.
        text: The text. An empty one states nothing.
        attribute: A drawn or derived attribute, several joined by `+`, or `placebo`, which nothing
            states.
        population: Whose attributes and value labels these are.
        language: Of the text; a language of the population.

    Raises:
        InputError: Unknown attribute or language.
    """
    sources = _sources((attribute,), population, language)
    return _states(key, text, sources, population, language)


def neutral_keys(
    texts: Mapping[str, str],
    changed: Collection[str],
    population: "Population",
    language: str,
) -> frozenset[str]:
    """Which texts of a base have to be left out, on both sides of all its pairs.

    Args:
        texts: Key (`name`, `appearance`, `biography`) -> text.
        changed: What the base and its twins differ in, by intention or forced; `gender+religion`
            counts as both, `placebo` as nothing.
        population: Whose attributes and value labels these are.
        language: Of the texts; a language of the population.

    Returns:
        The keys of the texts that state any of it.

    Raises:
        InputError: Unknown attribute or language.
    """
    sources = _sources(changed, population, language)
    return frozenset(
        key for key, text in texts.items() if _states(key, text, sources, population, language)
    )


def _sources(changed: Iterable[str], population: "Population", language: str) -> list[str]:
    """The drawn attributes behind the names of changes, each once."""
    names = {name for names in changed for name in names.split("+")} - {PLACEBO}
    sources = sorted({population.source_of(name) for name in names})
    for name in sources:
        # Refuses a language that the population does not have.
        population.attribute_label(name, language)
    return sources


def _states(
    key: str, text: str, attributes: Collection[str], population: "Population", language: str
) -> bool:
    if not text.strip() or not attributes:
        return False
    if key == NAME and any(told in attributes for told in TOLD_BY_NAME):
        return True
    taken_apart = _taken_apart(text)
    vocabularies = (_vocabulary(population, name, language) for name in attributes)
    return any(v is None or v.is_in(taken_apart) for v in vocabularies)


@lru_cache(maxsize=64)
def _taken_apart(text: str) -> _Text:
    plain = _plain(text)
    folded = _folded(text)
    words = frozenset(WORDS.findall(folded))
    return _Text(
        folded,
        words,
        frozenset(word[:i] for word in words for i in range(1, min(len(word), LONGEST) + 1)),
        frozenset(word.casefold() for word in WORDS.findall(plain) if word[0].isupper()),
    )


def _plain(text: str) -> str:
    """The text with composed letters, plain spaces and hyphens, and nothing invisible."""
    composed = unicodedata.normalize("NFKC", text).translate(SAME)
    visible = "".join(c for c in composed if unicodedata.category(c) != "Cf")
    return SPACES.sub(" ", visible).strip()


def _folded(text: str) -> str:
    return _plain(text).casefold()


@lru_cache(maxsize=256)
def _vocabulary(population: "Population", attribute: str, language: str) -> _Vocabulary | None:
    """What states a drawn attribute; None if there is no list, so that every text does."""
    lists = _lists(language)
    if not isinstance(lists.get(attribute), dict):
        return None
    # One that the population does not have adds its words, but no labels.
    names = [attribute, *(n for n in lists[attribute].get("also", ()) if n in lists)]
    found: dict[str, set[str]] = {
        kind: {_folded(entry) for name in names for entry in lists[name].get(kind, ())}
        for kind in ("words", "stems", "endings", "nouns", "spared", "parts")
    }
    labels = {label for name in names for label in _labels(population, name, language)}
    for label in labels:
        words, stems = _label_words(label, lists)
        found["words"] |= words
        found["stems"] |= stems
        if not label.isalnum():
            found["parts"].add(label)
    for kind in ("words", "stems"):
        # Words are looked up one by one: an entry of several is looked for in the whole text.
        found["parts"] |= {x for x in found[kind] if not x.isalnum() or len(x) > LONGEST}
    length = lists.get("compounds")
    if length is not None:
        found["parts"] |= {stem for stem in found["stems"] if len(stem) >= length}
    patterns = (p for name in names for p in lists[name].get("patterns", ()))
    return _Vocabulary(
        words=frozenset(found["words"]),
        stems=frozenset(found["stems"]),
        endings=tuple(sorted(found["endings"])),
        nouns=tuple(sorted(found["nouns"])),
        spared=frozenset(found["spared"]),
        parts=tuple(sorted(found["parts"])),
        patterns=tuple(re.compile(pattern) for pattern in patterns),
    )


def _labels(population: "Population", attribute: str, language: str) -> set[str]:
    """Labels of all values of an attribute and of those derived from it, in lower case."""
    variables = [population.drawn[attribute]] if attribute in population.drawn else []
    derived = [d for d in population.derived.values() if d.of == attribute]
    return {
        _folded(label)
        for variable in (*variables, *derived)
        for label in variable.value_labels[language]
    }


def _label_words(label: str, lists: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Words of a value's label that state it, and the stems of the long ones."""
    ignored = {_folded(word) for word in lists["ignored"]}
    words = WORDS.findall(label)
    if len(words) == 1:
        # Alone it names the value, however short or common it is.
        return set(words), {_stem(w, lists) for w in words if len(w) >= WORD_LENGTH}
    telling = [word for word in words if len(word) >= WORD_LENGTH and word not in ignored]
    return set(), {_stem(word, lists) for word in telling}


def _stem(word: str, lists: Mapping[str, Any]) -> str:
    """The word without its longest known ending, of four letters at least."""
    for ending in sorted(lists["label_endings"], key=len, reverse=True):
        stem = word.removesuffix(ending)
        if len(stem) >= WORD_LENGTH and stem != word:
            return stem
    return word


@cache
def _lists(language: str) -> Mapping[str, Any]:
    """The lists of a language: attribute -> kind -> entries; empty if there are none."""
    import yaml

    file = data_file("templates", f"stated.{language}.yaml")
    if not file.is_file():
        return {}
    lists: Mapping[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return lists
