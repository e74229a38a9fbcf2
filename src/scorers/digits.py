"""Ratings from log-probabilities: the distribution over the five digits of one token."""

import math
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from inspect_ai.model import Logprobs, ModelOutput

__all__ = ["DigitDistribution", "digit_distribution", "digit_probabilities"]

# Marks that byte-pair and sentencepiece vocabularies put before a word.
WORD_MARKS = " \t\n\r▁ĠĊ\"'"
MODE_MARGIN = 1e-12


class DigitDistribution(NamedTuple):
    """What the five digits of one token say.

    Attributes:
        expected: Mean of 1-5 under the renormalised probabilities; NaN without any mass.
        entropy: Of the renormalised distribution, nats; 0 to log 5.
        missing_mass: Probability outside the five digits; 0 to 1.
        mode: The most probable digit; None without any mass.
    """

    expected: float
    entropy: float
    missing_mass: float
    mode: int | None


def _digit(token: str) -> int | None:
    text = unicodedata.normalize("NFKC", token).strip(WORD_MARKS)
    return int(text) if text in ("1", "2", "3", "4", "5") else None


def _at(logprobs: Logprobs, position: int) -> list[float]:
    token = logprobs.content[position]
    seen = {token.token: token.logprob}
    for top in token.top_logprobs or []:
        seen[top.token] = top.logprob
    digits = [0.0] * 5
    for text, logprob in seen.items():
        digit = _digit(text)
        if digit is not None:
            digits[digit - 1] += math.exp(logprob)
    return digits


def digit_probabilities(output: ModelOutput) -> list[float] | None:
    """Probabilities of the tokens 1-5 where the reply's first digit stands.

    Tokens that are only white space or quotation marks are passed over; if no token of the reply
    is a digit, the first token's alternatives are read.

    Returns:
        Five probabilities, or None if the provider returned no log-probabilities.
    """
    logprobs = output.choices[0].logprobs if output.choices else None
    if logprobs is None or not logprobs.content:
        return None
    for position, token in enumerate(logprobs.content):
        if _digit(token.token) is not None:
            return _at(logprobs, position)
        if token.token.strip(WORD_MARKS):
            break
    return _at(logprobs, 0)


def digit_distribution(probabilities: Sequence[float]) -> DigitDistribution:
    """Expected rating, entropy and missing mass.

    Args:
        probabilities: Of the digits 1-5, not normalised.
    """
    mass = math.fsum(probabilities)
    if mass <= 0:
        return DigitDistribution(math.nan, math.nan, 1.0, None)
    shares = [p / mass for p in probabilities]
    best = max(shares)
    return DigitDistribution(
        expected=math.fsum(r * p for r, p in enumerate(shares, start=1)),
        entropy=-math.fsum(p * math.log(p) for p in shares if p > 0),
        missing_mass=min(1.0, max(0.0, 1.0 - mass)),
        mode=next(r for r, p in enumerate(shares, start=1) if p >= best - MODE_MARGIN),
    )
