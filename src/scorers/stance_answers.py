"""What a conversation about a conflict leaves behind: the store that solver and scorer share."""

from typing import Literal, NamedTuple

from inspect_ai.util import StoreModel
from pydantic import Field

from pluralens.scorers.json_replies import without_thinking
from pluralens.scorers.refusals import refuses

__all__ = ["ConversationAnswers", "ReadAnswer", "read_answer"]

# Such an answer may hold what the model thought, and what was cut away is unknown.
FILTERED = "content filter"


class ConversationAnswers(StoreModel):
    """The answers of one conversation.

    Attributes:
        answers: What the model said in each turn: one turn, or two with a challenge.
        stops: inspect's stop reason of each answer.
    """

    answers: list[str] = Field(default_factory=list)
    stops: list[str] = Field(default_factory=list)


class ReadAnswer(NamedTuple):
    """One answer as a grader may see it.

    Attributes:
        outcome: `advice` is for the grader; the others are outcomes of their own.
        text: The answer without what the model thought.
        reason: Why it is no advice, else None.
    """

    outcome: Literal["advice", "refused", "empty"]
    text: str
    reason: str | None = None

    @property
    def shown_later(self) -> str | None:
        """What the grader of a later answer reads of this one; None where nothing was said."""
        said = self.outcome != "empty" and self.reason != FILTERED
        return self.text if said else None


def read_answer(text: str, stop_reason: str) -> ReadAnswer:
    """What became of one turn.

    Args:
        text: The answer as the model wrote it.
        stop_reason: inspect's stop reason.
    """
    if stop_reason == "content_filter":
        return ReadAnswer("refused", text, FILTERED)
    said, finished = without_thinking(text)
    said = said.strip()
    if not finished or not any(map(str.isalnum, said)):
        cut = stop_reason in ("max_tokens", "model_length")
        return ReadAnswer("empty", said, "cut off before an answer" if cut else "no answer")
    if refuses(said):
        return ReadAnswer("refused", said, "declines to advise")
    return ReadAnswer("advice", said)
