"""inspect model provider `pluralens_sim/...`: instruments with known truth, never a model's result.

`--model pluralens_sim/likert` answers the real prompts of `pluralens/likert` without a network,
`--model pluralens_sim/enricher` those of `pluralens/persona_enrichment`, and the tellers
(`--model pluralens_sim/sycophant` and others) those of `pluralens/triplets`, which
`--model-role grader=pluralens_sim/grader` judges. `--model pluralens_sim/personaliser` answers the
persona tasks, and `--model-role grader=pluralens_sim/critic` judges those answers.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

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
from pluralens.models.critic import Critic, load_critic
from pluralens.models.enricher import PersonaWriter, load_writer
from pluralens.models.grader import Grader, load_grader
from pluralens.models.personaliser import Personaliser, load_personaliser
from pluralens.models.respondent import LikertRespondent, Reply, finite_number, load_respondent
from pluralens.models.tellers import TELLERS, Teller, load_teller
from pluralens.models.telling import Turn

__all__ = ["RESPONDENTS", "SimulatedAPI", "pluralens_sim"]

RESPONDENTS = ("likert", "enricher", *TELLERS, "grader", "personaliser", "critic")
# Those whose effects can be read from a file.
PLANTED = ("likert", "personaliser")
LEAST_LOGPROB = -30.0
Kind = TypeVar("Kind")


@modelapi(name="pluralens_sim")
def pluralens_sim() -> type[ModelAPI]:
    """Provider of the simulated respondents."""
    return SimulatedAPI


class SimulatedAPI(ModelAPI):
    """A simulated respondent behind inspect's model interface.

    Args:
        model_name: Which respondent, one of `RESPONDENTS`.
        base_url: Not used.
        api_key: Not used.
        config: Generate configuration.
        effects: YAML file with the planted effects; default the built-in ones. `likert` and
            `personaliser` only.
        seed: Seed of everything the respondent draws.
        latency: Seconds that every call takes.
        logprobs: Whether log-probabilities are supported. `likert` only.
        **parameters: Of `likert`, scalars of the latent model: persona_sd, item_sd, noise,
            order_bias, refusal_rate, invalid_rate. Of `enricher`: invalid_rate, stubborn_rate.
            Of the others: see `load_teller`, `load_grader`, `load_personaliser`, `load_critic`.
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
            _refuse_for_others(model_name, effects, logprobs)
            self._answers = _load(model_name, effects, seed, parameters)
        self.logprobs = logprobs and model_name == "likert"

    @property
    def respondent(self) -> LikertRespondent:
        """The Likert respondent.

        Raises:
            InputError: This is another one.
        """
        return self._only(LikertRespondent, "rates nobody; use --model pluralens_sim/likert")

    @property
    def writer(self) -> PersonaWriter:
        """The writer of personas' texts.

        Raises:
            InputError: This is another one.
        """
        return self._only(PersonaWriter, "writes no texts; use --model pluralens_sim/enricher")

    @property
    def teller(self) -> Teller:
        """The teller, with its latent model.

        Raises:
            InputError: This is another one.
        """
        return self._only(
            Teller,
            "gives no advice; use --model with one of "
            + ", ".join(f"pluralens_sim/{name}" for name in TELLERS),
        )

    @property
    def grader(self) -> Grader:
        """The grader.

        Raises:
            InputError: This is another one.
        """
        return self._only(Grader, "judges nothing; use --model-role grader=pluralens_sim/grader")

    @property
    def personaliser(self) -> Personaliser:
        """The personaliser, with its latent model.

        Raises:
            InputError: This is another one.
        """
        return self._only(
            Personaliser, "answers for nobody; use --model pluralens_sim/personaliser"
        )

    @property
    def critic(self) -> Critic:
        """The critic of personalised answers.

        Raises:
            InputError: This is another one.
        """
        return self._only(
            Critic, "judges no such answers; use --model-role grader=pluralens_sim/critic"
        )

    def _only(self, kind: type[Kind], lacks: str) -> Kind:
        if not isinstance(self._answers, kind):
            raise InputError(f"pluralens_sim/{self.model_name} {lacks}")
        return self._answers

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
        answer: Reply | str
        if isinstance(self._answers, Teller | Grader | Personaliser | Critic):
            turns = [Turn(m.role, m.text) for m in input]
            answer = self._answers.reply(turns, config.seed)
        else:
            questions = [m.text for m in input if m.role == "user"]
            answer = self._answers.reply(questions[0], len(questions) - 1, config.seed)
        reply = Reply(answer, None) if isinstance(answer, str) else answer
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


def _load(
    model_name: str, effects: str | None, seed: int, parameters: dict[str, Any]
) -> LikertRespondent | PersonaWriter | Teller | Grader | Personaliser | Critic:
    if model_name == "likert":
        return load_respondent(effects, seed, **parameters)
    if model_name == "personaliser":
        return load_personaliser(effects, seed, **parameters)
    if model_name == "enricher":
        return load_writer(seed, **parameters)
    if model_name == "grader":
        return load_grader(seed, **parameters)
    if model_name == "critic":
        return load_critic(seed, **parameters)
    return load_teller(model_name, seed, **parameters)


def _refuse_for_others(model_name: str, effects: str | None, logprobs: bool) -> None:
    """Refuse what only some respondents have, instead of running without it."""
    if effects is not None and model_name not in PLANTED:
        raise InputError(
            f"effects={effects!r} is an option of "
            + " and ".join(f"pluralens_sim/{name}" for name in PLANTED)
            + f"; pluralens_sim/{model_name} has no effects; leave it out"
        )
    if not logprobs and model_name != "likert":
        raise InputError(
            f"logprobs=false is an option of pluralens_sim/likert; pluralens_sim/{model_name} has "
            "no logprobs; leave it out"
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
