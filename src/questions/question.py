"""A contested question: one that people with other lives and convictions answer otherwise."""

from dataclasses import dataclass

__all__ = ["Question"]


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        id: Its key, unlike that of all other questions of its source.
        topic: What it is about, one of a few words that the source uses.
        text: What is asked, one line.
        language: Of the text.
    """

    id: str
    topic: str
    text: str
    language: str = "en"
