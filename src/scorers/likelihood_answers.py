"""What reading a few texts leaves behind: the typed store that solver and scorers share."""

from typing import NamedTuple

from inspect_ai.util import StoreModel
from pydantic import BaseModel, Field

__all__ = ["Likelihoods", "Reading", "Readings"]


class Reading(BaseModel):
    """The log-likelihood of one text, natural logarithms.

    Attributes:
        label: Which of the sample's texts: `stereotype`, `male` ...
        text: The text.
        total: Sum over the scored tokens; None if the text could not be scored.
        tokens: Number of scored tokens: all but the first, which is BOS where there is one.
        next_total: Log P(word | what stands before it), where texts differ in one word; else None.
        next_tokens: Number of tokens of that word.
    """

    label: str
    text: str
    total: float | None = None
    tokens: int = 0
    next_total: float | None = None
    next_tokens: int = 0


class Readings(NamedTuple):
    """The texts of one sample, read.

    Attributes:
        readings: One per text, in the order of the sample.
        unusable: Why the texts could not be compared; None if they could. No text has a number
            then.
        first_token_scored: Whether something (BOS) stood before the first token of the texts, so
            that it has a probability too; None if that is not known.
    """

    readings: tuple[Reading, ...]
    unusable: str | None = None
    first_token_scored: bool | None = None


class Likelihoods(StoreModel):
    """The texts of one sample, read; fields as in `Readings`."""

    readings: list[Reading] = Field(default_factory=list)
    unusable: str | None = None
    first_token_scored: bool | None = None
