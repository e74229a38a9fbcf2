"""Log-likelihoods from a server: the `prompt_logprobs` of vLLM's completions API.

The prompt is the text itself, without a chat template. The server tells the log-probability of
every token but the first one. Nothing is taken on trust: the tokens must be as many as the server
says the prompt has, and must spell the text. A missing number is an error, never a zero.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from inspect_ai.model import (
    ChatMessageUser,
    GenerateConfig,
    Logprob,
    Model,
    ModelName,
    ModelOutput,
    get_model,
)
from pydantic import ValidationError

from pluralens.errors import InputError
from pluralens.scorers.likelihood_answers import Reading, Readings
from pluralens.solvers.concurrently import concurrently
from pluralens.solvers.local_likelihoods import NOTHING_BEFORE
from pluralens.solvers.text_groups import TextGroup

__all__ = ["NO_SOURCE", "PROVIDERS", "ServedReader", "require_prompt_logprobs"]

PROVIDERS = ("vllm-completions", "openai-api-completions")
"""Providers of inspect that send a text as it is and hand back `prompt_logprobs`."""

NO_SOURCE = (
    "name a checkpoint (-T checkpoint=gpt2) or a served model that tells the probabilities of a "
    "given text (--model vllm-completions/...)"
)


def require_prompt_logprobs(model: Model | None) -> None:
    """Refuse a model that cannot tell the probabilities of a given text.

    Raises:
        InputError: There is no model, or its provider is none of `PROVIDERS`.
    """
    if model is None or ModelName(model).api == "none":
        raise InputError(f"there is no model to ask; {NO_SOURCE}")
    if ModelName(model).api not in PROVIDERS:
        raise InputError(
            f"{model} does not tell the probabilities of a given text; {NO_SOURCE}; --model "
            "openai-api-completions/... does it for other servers with prompt_logprobs"
        )


class ServedReader:
    """Asks the run's model for every text of a sample.

    Args:
        name: What the log calls it.
        groups: All texts of the task, by sample.
        bos: `auto` leaves it to the server's tokenizer whether something stands before a text,
            `never` forbids it, anything else is put there, as in `<|endoftext|>`.
    """

    def __init__(self, name: str, groups: Mapping[str, TextGroup], bos: str = "auto") -> None:
        self.name = name
        self._groups = groups
        self._bos = bos

    @property
    def model(self) -> str:
        """Name of the model."""
        return str(get_model())

    async def __call__(self, sample_id: str) -> Readings:
        """The texts of a sample.

        Raises:
            InputError: The model or its server cannot tell the probabilities, or `bos` does not
                suit it.
        """
        model = get_model()
        require_prompt_logprobs(model)
        group = self._groups[sample_id]
        asked = [*group.texts, *(group.prefix + word for word in group.words)]
        found = await concurrently([_read(model, text, self._bos) for text in asked])
        return _readings(group, found)


class _Read(NamedTuple):
    """The scored tokens of a text, or why there are none.

    `first` is what they leave over of the text: the token that has no left context, or nothing.
    """

    tokens: tuple[str, ...] = ()
    logs: tuple[float, ...] = ()
    first: str = ""
    unusable: str | None = None


async def _read(model: Model, text: str, bos: str) -> _Read:
    from openai import BadRequestError

    config = GenerateConfig(prompt_logprobs=1, max_tokens=1, temperature=0.0)
    if bos != "auto":
        config.extra_body = {**(model.config.extra_body or {}), "add_special_tokens": False}
    front = "" if bos in ("auto", "never") else bos
    try:
        output = await model.generate([ChatMessageUser(content=front + text)], config=config)
    except BadRequestError as error:
        # What vLLM and SGLang, in their several versions, say of a prompt that is too long.
        if not re.search("context length|maximum model length|longer than the model", str(error)):
            raise
        return _Read(unusable="longer than the server's context")
    except ValidationError:
        raise InputError(
            f"{model} returned something else than a number as a log-probability; {NO_SOURCE}"
        ) from None
    return _checked(output, text, bos, model)


def _checked(output: ModelOutput, text: str, bos: str, model: Model) -> _Read:
    given = output.choices[0].prompt_logprobs if output.choices else None
    if given is None or not given.content:
        raise InputError(
            f"{model} returned no log-probabilities of the prompt; its server does not know "
            f"prompt_logprobs: {NO_SOURCE}"
        )
    content = given.content
    _check_complete(content, output, model)
    spelt, wanted = _comparable("".join(one.token for one in content), text)
    if spelt != wanted and spelt.endswith(wanted):
        raise InputError(
            f"{model} put {spelt[: len(spelt) - len(wanted)]!r} before the text as tokens with a "
            f"probability of their own; bos={bos} does not suit its tokenizer: use bos=auto, or "
            "the one token that it starts texts with"
        )
    if not wanted.endswith(spelt):
        return _Read(unusable="the server's tokens do not spell the text")
    first = wanted[: len(wanted) - len(spelt)]
    if bos == "never" and not first:
        raise InputError(f"{model} put something before the text although bos=never; use bos=auto")
    if bos not in ("auto", "never") and first:
        raise InputError(f"bos={bos!r} is not one token of {model}; use bos=auto, or its own token")
    return _Read(tuple(one.token for one in content), tuple(one.logprob for one in content), first)


def _check_complete(content: Sequence[Logprob], output: ModelOutput, model: Model) -> None:
    """Refuse an answer in which a token has no number; inspect leaves such tokens out."""
    if output.usage is None:
        raise InputError(f"{model} does not say how many tokens a prompt has; {NO_SOURCE}")
    length = output.usage.input_tokens
    if len(content) != length - 1:
        raise InputError(
            f"{model} returned {len(content)} log-probabilities for a prompt of {length} tokens, "
            f"which should have {length - 1}; {NO_SOURCE}"
        )
    if any(math.isnan(one.logprob) or one.logprob > 0 for one in content):
        raise InputError(f"{model} returned a log-probability that is none; {NO_SOURCE}")


def _comparable(tokens: str, text: str) -> tuple[str, str]:
    """Tokens and text without what they cannot have in common.

    Spaces move between tokens. A token may be a part of a character, which nobody can spell; then
    only ASCII is compared.
    """
    spelt, wanted = ("".join(one.split()).casefold() for one in (tokens, text))
    if wanted.endswith(spelt):
        return spelt, wanted
    return _letters(tokens), _letters(text)


def _letters(text: str) -> str:
    text = re.sub(r"<0x[0-9A-Fa-f]{2}>", "", text)
    return "".join(c for c in text if c.isascii() and not c.isspace()).casefold()


def _readings(group: TextGroup, found: Sequence[_Read]) -> Readings:
    n = len(group.texts)
    for one, label in zip(found, (*group.labels, *group.labels), strict=False):
        if one.unusable:
            return Readings(group.unread(), f"{label}: {one.unusable}", None)
    firsts = {one.first for one in found[:n]}
    scored = firsts == {""}
    if len(firsts) > 1:
        return Readings(group.unread(), NOTHING_BEFORE, False)
    shared = _shared(group, found[n:])
    readings = []
    for i, unread in enumerate(group.unread()):
        own: dict[str, float | int] = {
            "total": math.fsum(found[i].logs),
            "tokens": len(found[i].logs),
        }
        if group.words:
            after = found[n + i].logs[shared:]
            if not after:
                return Readings(group.unread(), "next token: a target adds no token", scored)
            own |= {"next_total": math.fsum(after), "next_tokens": len(after)}
        readings.append(Reading(**{**unread.model_dump(), **own}))
    return Readings(tuple(readings), None, scored)


def _shared(group: TextGroup, words: Sequence[_Read]) -> int:
    """How many scored tokens all words have before them: those of the prefix that are alike."""
    if not words:
        return 0
    first = words[0].tokens
    room = len(_letters(group.prefix)) - len(_letters(words[0].first))
    shared = 0
    while all(shared < len(one.tokens) and one.tokens[shared] == first[shared] for one in words):
        room -= len(_letters(first[shared]))
        if room < 0:
            break
        shared += 1
    return shared
