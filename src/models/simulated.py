"""inspect model provider `pluralens_sim/...`: instruments with known truth, never a model's result.

`--model pluralens_sim/likert` answers the real prompts of `pluralens/likert` without a network.
"""

import math
from collections.abc import Sequence
from typing import Any

import anyio
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    TopLogprob,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from pluralens.errors import InputError, shown_plainly
from pluralens.models.respondent import LikertRespondent, Reply, finite_number, load_respondent

__all__ = ["RESPONDENTS", "SimulatedAPI", "pluralens_sim"]

RESPONDENTS = ("likert",)
LEAST_LOGPROB = -30.0


@modelapi(name="pluralens_sim")
def pluralens_sim() -> type[ModelAPI]:
    """Provider of the simulated respondents."""
    return SimulatedAPI


class SimulatedAPI(ModelAPI):
    """A simulated respondent behind inspect's model interface.

    Args:
        model_name: Which respondent: `likert`.
        base_url: Not used.
        api_key: Not used.
        config: Generate configuration.
        effects: YAML file with the planted effects; default the built-in ones.
        seed: Seed of everything the respondent draws.
        latency: Seconds that every call takes.
        logprobs: Whether log-probabilities are supported.
        **parameters: Scalars of the latent model: persona_sd, item_sd, noise, order_bias,
            refusal_rate, invalid_rate.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - inspect's own signature
        effects: str | None = None,
        seed: int = 0,
        latency: float = 0.0,
        logprobs: bool = True,
        **parameters: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        with shown_plainly():
            if model_name not in RESPONDENTS:
                raise InputError(
                    f"pluralens_sim/{model_name} is unknown; choose one of "
                    + ", ".join(f"pluralens_sim/{name}" for name in RESPONDENTS)
                )
            self.latency = finite_number("latency", latency)
            if self.latency < 0:
                raise InputError(f"latency={latency} must be 0 or more seconds")
            if not isinstance(logprobs, bool):
                raise InputError(f"logprobs={logprobs!r} must be true or false")
            self.respondent: LikertRespondent = load_respondent(effects, seed, **parameters)
        self.logprobs = logprobs

    def max_connections(self) -> int:
        """Calls at once: they cost no network, only this process's time."""
        return 100

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer the last question of the conversation."""
        if self.latency:
            await anyio.sleep(self.latency)
        questions = [m.text for m in input if m.role == "user"]
        reply = self.respondent.reply(questions[0], len(questions) - 1, config.seed)
        text = reply.text
        choice = ChatCompletionChoice(
            message=ChatMessageAssistant(content=text, model=self.model_name, source="generate"),
            stop_reason="stop",
            logprobs=_logprobs(reply) if config.logprobs and self.logprobs else None,
        )
        prompt_length = sum(len(m.text) for m in input)
        return ModelOutput(
            model=self.model_name,
            choices=[choice],
            # Without usage inspect would count tokens with a vocabulary that it downloads.
            usage=_usage(prompt_length, len(text)),
        )


def _usage(prompt: int, reply: int) -> ModelUsage:
    """Token counts at four characters a token: simulated, like everything here."""
    read, written = math.ceil(prompt / 4), math.ceil(reply / 4)
    return ModelUsage(input_tokens=read, output_tokens=written, total_tokens=read + written)


def _logprobs(reply: Reply) -> Logprobs:
    """One token per reply, with the distribution over the five digits as its alternatives."""
    if reply.probabilities is None:
        word = reply.text.split()[0]
        return Logprobs(content=[Logprob(token=word, logprob=0.0, top_logprobs=[])])
    top: Sequence[TopLogprob] = [
        TopLogprob(token=str(r), logprob=math.log(p) if p > 0 else LEAST_LOGPROB)
        for r, p in enumerate(reply.probabilities, start=1)
    ]
    written = next((t for t in top if t.token == reply.text.strip()[-1:]), None)
    token = written or max(top, key=lambda t: t.logprob)
    return Logprobs(
        content=[Logprob(token=token.token, logprob=token.logprob, top_logprobs=list(top))]
    )
