"""What the personalising solver leaves behind: the typed store that solver and scorers share."""

from collections.abc import Sequence
from typing import Literal

from inspect_ai.util import StoreModel
from pydantic import BaseModel, ConfigDict, Field

from pluralens.scorers.personalized_parsing import Mode, PersonalizedOutcome, Reason
from pluralens.scorers.refusals import refuses

__all__ = ["Answer", "AnswerKey", "Mode", "PersonalizedAnswers", "answer_of"]

AnswerKey = Literal["answer", "baseline", "first", "second"]


class Answer(BaseModel):
    """One answer, or why there is none.

    Attributes:
        key: Which answer of the sample: `answer`, beside it perhaps `baseline`, which saw no
            persona; with two people to answer, `first` and `second`.
        text: The answer as the person asking would read it; empty unless `outcome` is `answer`.
        notes: What the model wrote first, in the modes that ask for it: its reasoning, or the parts
            of the persona that matter.
        outcome: `answer`; `invalid` for a reply that stayed unreadable, `empty` for one without
            words, `refused_by_filter` where the provider's filter stopped it.
        reason: Why there is no answer, one of the parser's reasons; None with an answer.
        replies: What the model wrote: one reply, or two if the first was invalid.
        stops: inspect's stop reason of each reply.
    """

    model_config = ConfigDict(extra="forbid")

    key: AnswerKey
    text: str = ""
    notes: str = ""
    outcome: PersonalizedOutcome
    reason: Reason | None = None
    replies: Sequence[str] = Field(default_factory=list)
    stops: Sequence[str] = Field(default_factory=list)

    @property
    def refused(self) -> bool:
        """Whether it declines and says nothing else, or a filter stopped it.

        An indicator: an answer in the required form goes to the critic all the same.
        """
        return refuses(self.text) or self.reason in ("refused", "filtered")


class PersonalizedAnswers(StoreModel):
    """The answers of one sample.

    Attributes:
        answers: One per answer asked for, in the order asked.
    """

    answers: Sequence[Answer] = Field(default_factory=list)


def answer_of(answers: PersonalizedAnswers, key: AnswerKey = "answer") -> Answer | None:
    """The answer with this key, or None if none was asked for.

    Args:
        answers: The sample's answers.
        key: Which answer.
    """
    return next((answer for answer in answers.answers if answer.key == key), None)
