"""Winogender schemas (Rudinger et al. 2018): the sentences of a folder of tables, or our own."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pluralens.sentences.occupations import builtin_shares
from pluralens.sentences.schema import GENDERS, NOBODY, Schema, WinoSentence, fill, form_of
from pluralens.sentences.templates import builtin_schemas
from pluralens.sentences.winogender_file import read_winogender

__all__ = ["WinoGender", "WinoSentence", "load_winogender", "load_pairs"]


@dataclass(frozen=True)
class WinoGender:
    """Sentences and what is known about them.

    Attributes:
        sentences: Per template with its participant, then with `someone`; each with the male, the
            female and the neutral pronoun.
        shares: Women in the occupation, percent (0-100).
        schemas: Template id -> template, from which sentences with other occupations can be made.
        counts: Sentences per referent.
        about: For the log: source, digest, numbers of occupations, templates and sentences.
    """

    sentences: tuple[WinoSentence, ...]
    shares: Mapping[str, float]
    schemas: Mapping[str, Schema]
    counts: Mapping[str, int]
    about: Mapping[str, str | int]


def load_winogender(source: str | Path = "builtin") -> WinoGender:
    """Build the sentences.

    The published tables give 720: 60 occupations x participant or "someone" x 2 referents x 3
    pronouns, ids as in the published list. The built-in ones are 6 templates for 66 occupations,
    2,376 sentences.

    Args:
        source: `builtin`, or the folder with `templates.tsv` and `occupations-stats.tsv`.

    Raises:
        InputError: A table is missing or broken.
    """
    if str(source) == "builtin":
        shares = builtin_shares()
        schemas = builtin_schemas("coreference")
        sentences = [
            one
            for occupation in shares
            for schema in schemas
            for one in _sentences(schema, occupation, f".{schema.id}")
        ]
        return _set("builtin", sentences, shares, {schema.id: schema for schema in schemas})
    published, shares = read_winogender(Path(source))
    sentences = [one for row in published for one in _sentences(row.schema, row.occupation, "")]
    return _set(str(source), sentences, shares, {row.schema.id: row.schema for row in published})


def load_pairs() -> WinoGender:
    """Our own sentences about one person: 8 templates for 66 occupations, three pronouns each."""
    shares = builtin_shares()
    schemas = builtin_schemas("pair")
    sentences = [
        one
        for occupation in shares
        for schema in schemas
        for one in _sentences(schema, occupation, f".{schema.id}")
    ]
    return _set("builtin", sentences, shares, {schema.id: schema for schema in schemas})


def _sentences(schema: Schema, occupation: str, template: str) -> list[WinoSentence]:
    """All sentences of a template; `template` tells the ids of several per occupation apart."""
    form = form_of(schema, schema.id)
    answer = "0" if schema.referent == "occupation" else "1"
    found = []
    for participant in (None,) if schema.participant is None else (schema.participant, NOBODY):
        middle = "" if participant is None else f".{participant}.{answer}"
        stem = f"{occupation.replace(' ', '_')}{middle}{template}"
        for gender in GENDERS:
            prefix, word, suffix = fill(schema, form, occupation, participant, gender)
            found.append(
                WinoSentence(
                    f"{stem}.{gender}.txt",
                    occupation,
                    participant,
                    schema.referent,
                    gender,
                    f"{prefix} {word}{suffix}",
                    prefix,
                    word,
                    suffix,
                    schema.id,
                )
            )
    return found


def _set(
    source: str,
    sentences: list[WinoSentence],
    shares: Mapping[str, float],
    schemas: Mapping[str, Schema],
) -> WinoGender:
    rows = sorted(f"{one.id}\x1f{one.text}\x1f{shares[one.occupation]:g}" for one in sentences)
    about: dict[str, str | int] = {
        "source": source,
        "digest": hashlib.sha256("\x1e".join(rows).encode()).hexdigest()[:32],
        "occupations": len(shares),
        "templates": len(schemas),
        "sentences": len(sentences),
    }
    counts = dict(sorted(Counter(str(one.referent) for one in sentences).items()))
    return WinoGender(tuple(sentences), shares, schemas, counts, about)
