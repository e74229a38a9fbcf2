"""Untrusted text in a grader's prompt, and verdicts that nobody else can have written.

What a grader judges is untrusted. It stands between delimiters that carry a nonce, and the grader
has to give the nonce back as the seal of its verdict, so that a verdict somewhere in an echoed text
is not taken for its own (see `sealed_reading`).

Can an answer know its nonce? Seed and sample id are public, and nothing in the hash is secret, so
that everybody can make the same prompts again. But the answer itself is hashed too: whatever a
model memorised from published logs belongs to other answers, and an answer that holds its own
nonce would be a fixed point of the hash, some 2^51 trials away and out of reach for a model that
writes one answer. Should one come about all the same, another nonce is drawn. What this cannot
prevent is that a grader is talked into a verdict; it prevents that one is forged.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import count
from typing import NamedTuple

__all__ = [
    "LETTERS",
    "NONCE_LENGTH",
    "GradingPrompt",
    "delimited",
    "delimiters",
    "digest",
    "draw_nonce",
    "holds",
    "without_data",
]

# Consonants without l, which is easily taken for 1: no digits that could pass for a score, hardly
# a word, and 19^12 = 2^51 nonces.
LETTERS = "bcdfghjkmnpqrstvwxz"
NONCE_LENGTH = 12


class GradingPrompt(NamedTuple):
    """The two messages of a grader.

    Attributes:
        system: System message.
        user: User message.
    """

    system: str
    user: str


def digest(*parts: object) -> int:
    """A stable 128-bit number from what identifies a grading; parts as JSON knows them."""
    # JSON keeps the parts apart and writes lone surrogates as escapes.
    text = json.dumps(parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16, person=b"grading").digest(), "big")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def holds(text: str, nonce: str) -> bool:
    """Whether a text holds the nonce, in whatever case and width of its letters."""
    return _folded(nonce) in _folded(text)


def _candidates(*parts: object) -> Iterator[str]:
    for attempt in count():
        number, letters = digest("nonce", *parts, attempt), []
        for _ in range(NONCE_LENGTH):
            number, position = divmod(number, len(LETTERS))
            letters.append(LETTERS[position])
        yield "".join(letters)


def draw_nonce(*parts: object, shown: Iterable[str]) -> str:
    """Draw the nonce of one grading: the same again for the same texts, unknown to their authors.

    Args:
        *parts: What identifies the grading, the judged texts among them.
        shown: The untrusted texts.

    Returns:
        Twelve lower-case letters that do not occur in any of the texts, in whatever case.
    """
    folded = _folded("\n".join(shown))
    return next(nonce for nonce in _candidates(*parts) if nonce not in folded)


def delimiters(nonce: str, kind: str = "answer") -> tuple[str, str]:
    """What stands before and after a text that is data.

    Args:
        nonce: Of this grading.
        kind: Which text it is.
    """
    return f"<<{nonce} {kind} begins>>", f"<<{nonce} {kind} ends>>"


def delimited(text: str, nonce: str, kind: str) -> str:
    """A text between its delimiters, each on a line of its own."""
    begin, end = delimiters(nonce, kind)
    return f"{begin}\n{text}\n{end}"


def without_data(text: str, nonce: str, kinds: Iterable[str]) -> str:
    """A reply without what it repeats of the delimited texts, delimiters included.

    Args:
        text: The reply.
        nonce: Of the grader's prompt.
        kinds: Which texts the prompt held.
    """
    for kind in kinds:
        begin, end = delimiters(nonce, kind)
        kept, position = [], 0
        while (opened := text.find(begin, position)) >= 0:
            closed = text.find(end, opened)
            if closed < 0:
                break
            kept.append(text[position:opened])
            position = closed + len(end)
        text = "\n".join([*kept, text[position:]])
    return text
