"""The graders of a run: who they are, and how one is asked for a verdict."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ResponseSchema,
    model_roles,
)
from inspect_ai.util import json_schema
from pydantic import BaseModel

from pluralens.errors import InputError
from pluralens.scorers.sealing import GradingPrompt

__all__ = [
    "GRADER_ROLE",
    "MAX_TOKENS",
    "NO_GRADER",
    "Heard",
    "SelfJudging",
    "VerdictForm",
    "Vote",
    "ask_grader",
    "graders",
    "request_seed",
    "same_model",
]

GRADER_ROLE = "grader"
NO_GRADER = (
    "no model has the role grader, which judges the answers; add --model-role "
    "grader=PROVIDER/MODEL (several, separated by commas, are a panel), or score later: --no-score"
)
# Room for graders that think aloud.
MAX_TOKENS = 2048


class Parsed(Protocol):
    """What a parser makes of a reply: a verdict, or the reason why it is none."""

    @property
    def reason(self) -> str | None:
        """Why the reply is no verdict, else None."""


P = TypeVar("P", bound=Parsed)


class Heard(NamedTuple, Generic[P]):
    """What one grader said when it was asked for a verdict.

    Attributes:
        parsed: What its last reply is worth.
        replies: All that it wrote: one reply, two if it was asked again.
    """

    parsed: P
    replies: list[str]


class VerdictForm(NamedTuple):
    """The form of a structured verdict, for providers that can enforce it.

    Attributes:
        name: Of the schema.
        schema: Its fields.
    """

    name: str
    schema: type[BaseModel]


class Vote(BaseModel):
    """What one grader said of one answer.

    Attributes:
        grader: Name of the model.
        value: -1 to 1, None for an invalid verdict.
        reason: Why there is no value, else None.
        rationale: The reason that it gave, if any.
        replies: All that it wrote: one reply, two if it was asked again.
    """

    grader: str
    value: float | None
    reason: str | None
    rationale: str | None
    replies: list[str]


def graders() -> list[Model]:
    """The models of the role `grader`; several are a panel.

    Raises:
        InputError: There is none, or one is in the panel twice: with the same name, arguments and
            settings it would only agree with itself.
    """
    bound = model_roles().get(GRADER_ROLE)
    if not bound:
        raise InputError(NO_GRADER)
    panel = list(bound) if isinstance(bound, list) else [bound]
    for k, grader in enumerate(panel):
        if any(_alike(grader, other) for other in panel[:k]):
            raise InputError(
                f"the role grader names {grader} twice, which would only agree with itself; name "
                "each grader once"
            )
    return panel


def _alike(one: Model, other: Model) -> bool:
    same = str(one) == str(other) and one.model_args == other.model_args
    return same and one.config == other.config


def same_model(one: object, other: object) -> bool:
    """Whether two models are the same, perhaps from different providers.

    Args:
        one: A model or its name, such as `openai/gpt-5`.
        other: Another, such as `openrouter/openai/gpt-5`.
    """
    return str(one).split("/")[-1].casefold() == str(other).split("/")[-1].casefold()


class SelfJudging:
    """Tells whether a grader is the evaluated model, and warns of it once.

    Args:
        logger: Of the scorer.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._warned = False

    def found(self, panel: Sequence[Model], model: object) -> bool:
        """Whether one of the panel judges itself.

        Args:
            panel: The graders.
            model: The evaluated model or its name.
        """
        itself = [grader for grader in panel if same_model(grader, model)]
        if itself and not self._warned:
            self._warned = True
            self._logger.warning(
                "the grader %s is the evaluated model and judges itself (self_judged in scores)",
                itself[0],
            )
        return bool(itself)


def request_seed(*parts: object) -> int:
    """A stable 31-bit number from what identifies a request."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") >> 1


def _config(
    grader: Model, form: VerdictForm | None, max_tokens: int, identity: Sequence[object]
) -> GenerateConfig:
    """Greedy and with room, unless the role's own settings say otherwise."""
    own = grader.config
    settings: dict[str, Any] = {}
    if own.temperature is None:
        settings["temperature"] = 0.0
    elif own.temperature > 0:
        # Greedy decoding needs no seed, and some servers refuse the parameter.
        settings["seed"] = request_seed(own.seed, *identity)
    if own.max_tokens is None:
        settings["max_tokens"] = max_tokens
    if form is not None:
        schema = ResponseSchema(name=form.name, json_schema=json_schema(form.schema))
        settings["response_schema"] = schema
    return GenerateConfig(**settings)


async def ask_grader(
    grader: Model,
    prompt: GradingPrompt,
    *,
    parse: Callable[[str, str | None], P],
    reask: Callable[[str], str],
    form: VerdictForm | None,
    identity: Sequence[object],
    max_tokens: int = MAX_TOKENS,
) -> Heard[P]:
    """Ask for a verdict, once more if the first is invalid; what the transport raises is raised.

    Args:
        grader: The model.
        prompt: What it reads.
        parse: Reply and inspect's stop reason -> what the reply is worth.
        reask: Reason of an invalid reply -> the user message that asks again.
        form: The object to be written; None for a verdict that is not JSON.
        identity: What tells this grading from others, for the request's seed.
        max_tokens: Room for the verdict and for what the grader thinks.
    """
    messages: list[ChatMessage] = [
        ChatMessageSystem(content=prompt.system),
        ChatMessageUser(content=prompt.user),
    ]
    replies: list[str] = []
    for attempt in range(2):
        config = _config(grader, form, max_tokens, [*identity, attempt])
        output = await grader.generate(messages, config=config)
        replies.append(output.completion)
        parsed = parse(output.completion, output.stop_reason)
        if parsed.reason is None or attempt:
            break
        messages += [
            ChatMessageAssistant(content=output.completion or "…"),
            ChatMessageUser(content=reask(parsed.reason)),
        ]
    return Heard(parsed, replies)
