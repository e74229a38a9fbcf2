"""What a persona's interview leaves behind: the typed store that solver and scorer share."""

from collections.abc import Sequence

from inspect_ai.util import StoreModel
from pydantic import BaseModel, Field

__all__ = ["Answer", "LikertAnswers", "item_key"]


def item_key(item: str, reversed_order: bool) -> str:
    """Key of one question in `Score.value`: `g1` or, in reversed order, `g1_rev`."""
    return f"{item}_rev" if reversed_order else item


class Answer(BaseModel):
    """All that came back for one item in one order.

    Attributes:
        item: Id of the item.
        valence: -1, 0 or 1, as asked.
        dimension: Dimension of the item, as asked.
        reversed_order: Whether the scale was shown upside down.
        replies: The texts, at most two: the reply and, if that was invalid, the second one.
        stops: inspect's stop reason of each reply.
        digits: Probabilities of the tokens 1-5, not normalised; None if not asked for.
    """

    item: str
    valence: int
    dimension: str
    reversed_order: bool
    replies: Sequence[str]
    stops: Sequence[str]
    digits: Sequence[float] | None = None


class LikertAnswers(StoreModel):
    """The answers of one persona, in the order in which they were asked.

    Attributes:
        elicit: How ratings were elicited (`json`, `text`, `logprobs`, `both`).
        orders: Which orders were asked.
        answers: One entry per item and order.
    """

    elicit: str = "json"
    orders: str = "both"
    answers: list[Answer] = Field(default_factory=list)
