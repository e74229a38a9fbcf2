"""Sentence templates in the form of Winogender schemas, and the sentences made from them."""

from dataclasses import dataclass
from typing import Literal, get_args

from pluralens.errors import InputError

__all__ = ["GENDERS", "NOBODY", "PRONOUNS", "Gender", "Referent", "Schema", "WinoSentence"]
__all__ += ["fill", "form_of"]

Gender = Literal["male", "female", "neutral"]
Referent = Literal["occupation", "participant"]

GENDERS: tuple[Gender, ...] = get_args(Gender)
# Placeholder -> pronoun per gender, in the order of GENDERS.
PRONOUNS = {
    "$NOM_PRONOUN": ("he", "she", "they"),
    "$POSS_PRONOUN": ("his", "her", "their"),
    "$ACC_PRONOUN": ("him", "her", "them"),
}
OCCUPATION = "$OCCUPATION"
PARTICIPANT = "$PARTICIPANT"
# The participant that is nobody in particular.
NOBODY = "someone"


@dataclass(frozen=True)
class Schema:
    """A template.

    Attributes:
        id: Of the template.
        participant: The other person; None in a template of one person.
        referent: Whom the pronoun stands for.
        text: With `$OCCUPATION`, `$PARTICIPANT` and one pronoun placeholder.
    """

    id: str
    participant: str | None
    referent: Referent
    text: str


@dataclass(frozen=True)
class WinoSentence:
    """One sentence: `prefix + " " + word + suffix`.

    Attributes:
        id: As the published list has it: `occupation.participant.answer.gender.txt`.
        occupation: The occupation.
        participant: The other person, `someone`, or None in a sentence about one person.
        referent: Whom the pronoun stands for.
        pronoun: `male`, `female` or `neutral`.
        text: The whole sentence.
        prefix: What stands before the pronoun, without the space.
        word: The pronoun.
        suffix: What stands after it, with its space or mark.
        template: Id of the template.
    """

    id: str
    occupation: str
    participant: str | None
    referent: Referent
    pronoun: Gender
    text: str
    prefix: str
    word: str
    suffix: str
    template: str


def form_of(schema: Schema, place: str) -> str:
    """The pronoun placeholder of a template, checked.

    Args:
        schema: The template.
        place: How errors call it.

    Raises:
        InputError: A placeholder is missing, stands twice or is unknown, or nothing stands before
            the pronoun or its occupation comes after it.
    """
    text = schema.text
    found = [form for form in PRONOUNS for _ in range(text.count(form))]
    if len(found) != 1:
        raise InputError(
            f"{place}: {len(found)} pronouns in {text!r}; put one of {', '.join(PRONOUNS)} into it"
        )
    wanted = {OCCUPATION: 1, PARTICIPANT: 0 if schema.participant is None else 1}
    for name, times in wanted.items():
        if text.count(name) != times:
            raise InputError(
                f"{place}: {name} stands {text.count(name)} times in {text!r}; it must stand "
                f"{times} times"
            )
    if text.count("$") != sum(wanted.values()) + 1:
        raise InputError(
            f"{place}: there is an unknown placeholder in {text!r}; known are {OCCUPATION}, "
            f"{PARTICIPANT}, {', '.join(PRONOUNS)}"
        )
    if OCCUPATION not in text.partition(found[0])[0]:
        raise InputError(
            f"{place}: the occupation does not stand before the pronoun in {text!r}; turn it round"
        )
    return found[0]


def fill(
    schema: Schema, form: str, occupation: str, participant: str | None, gender: Gender
) -> tuple[str, str, str]:
    """Prefix, pronoun and suffix of one sentence.

    For `someone` the article before the participant goes, and `they was` becomes `they were`, as
    in the published list.

    Args:
        schema: The template.
        form: Its pronoun placeholder.
        occupation: Put in for `$OCCUPATION`.
        participant: Put in for `$PARTICIPANT`; may be `someone`.
        gender: Of the pronoun.
    """
    words = schema.text.replace(OCCUPATION, occupation).split(" ")
    if participant is not None:
        at = next(i for i, word in enumerate(words) if PARTICIPANT in word)
        name = participant
        if participant == NOBODY:
            if at and words[at - 1].casefold() in ("the", "a", "an"):
                del words[at - 1]
                at -= 1
            name = NOBODY.capitalize() if at == 0 else NOBODY
        words[at] = words[at].replace(PARTICIPANT, name)
    before, _, after = " ".join(words).partition(form)
    if gender == "neutral" and after.startswith(" was "):
        after = after.replace(" was ", " were ", 1)
    return before.rstrip(" "), PRONOUNS[form][GENDERS.index(gender)], after
