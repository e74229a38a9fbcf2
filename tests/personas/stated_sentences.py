"""Sentences as enrichments have them, labelled by hand with the attributes that they state.

They stand in `stated_sentences.<language>.txt`, one `sentence | labels` a line: G gender, A age, O
origin, M migration, R religion, F marital status (family), W occupation (work), E education, S
sexuality. What a sentence states about a relative or only suggests is labelled too where it would
contradict one side of a pair. Where a sentence only may be read so, the letter stands in brackets:
finding it is neither asked for nor a false alarm.
"""

from pathlib import Path

__all__ = ["ATTRIBUTES", "labelled"]

ATTRIBUTES = {
    "G": "gender",
    "A": "age",
    "O": "origin",
    "M": "migration",
    "R": "religion",
    "F": "marital_status",
    "W": "occupation",
    "E": "education",
    "S": "sexuality",
}


def labelled(language: str) -> list[tuple[str, set[str], set[str]]]:
    """Sentence, the attributes it states, and those it may be read to state."""
    table = Path(__file__).with_name(f"stated_sentences.{language}.txt").read_text("utf-8")
    rows = []
    for line in table.splitlines():
        sentence, _, letters = line.partition(" |")
        sure, _, perhaps = letters.partition("(")
        rows.append(
            (
                sentence,
                {ATTRIBUTES[letter] for letter in sure.split()},
                {ATTRIBUTES[letter] for letter in perhaps.strip(" )").split()},
            )
        )
    return rows
