"""Answer a contested question for a given person, in one call of the model."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    ResponseSchema,
    get_model,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import JSONSchema

from pluralens.scorers.graders import request_seed
from pluralens.scorers.personalized_answers import Answer, AnswerKey, PersonalizedAnswers
from pluralens.scorers.personalized_parsing import MODE_KEYS, Mode, parse_personalized
from pluralens.solvers.concurrently import concurrently
from pluralens.solvers.personalize_wording import PersonalizeWording, personalize_wording
from pluralens.solvers.require_grader import require_grader

__all__ = ["SHOWN", "SHOWN_SECOND", "personalize"]

SHOWN = "shown"
"""Key of the sample's metadata with what the model is shown of the person, "" for nothing."""

SHOWN_SECOND = "shown_second"
"""The same of a second person, in samples that compare two."""

ATTEMPTS = 2


class _Wanted(NamedTuple):
    key: AnswerKey
    wording: PersonalizeWording
    person: str


class _Answered(NamedTuple):
    answer: Answer
    messages: list[ChatMessage]
    output: ModelOutput


def _wanted(
    metadata: Mapping[str, Any], wording: PersonalizeWording, also_baseline: bool
) -> list[_Wanted]:
    """The answers that a sample asks for."""
    first = str(metadata.get(SHOWN, ""))
    if SHOWN_SECOND in metadata:
        second = str(metadata[SHOWN_SECOND])
        return [_Wanted("first", wording, first), _Wanted("second", wording, second)]
    wanted = [_Wanted("answer", wording, first)]
    if also_baseline:
        wanted.append(_Wanted("baseline", personalize_wording("baseline"), ""))
    return wanted


def _response_config(mode: Mode) -> GenerateConfig:
    keys = MODE_KEYS[mode]
    form = JSONSchema(
        type="object",
        properties={key: JSONSchema(type="string", minLength=1) for key in keys},
        required=list(keys),
        additionalProperties=False,
    )
    return GenerateConfig(response_schema=ResponseSchema(name="answer", json_schema=form))


async def _answer(
    model: Model, wanted: _Wanted, question: str, identity: Sequence[object] | None
) -> _Answered:
    """One answer in a conversation of its own; an invalid reply is asked again once.

    Args:
        model: The evaluated model.
        wanted: Which answer.
        question: The contested question.
        identity: What tells this sample from others, for the requests' seeds; None for requests
            without one.
    """
    mode = wanted.wording.mode
    config = _response_config(mode)
    messages: list[ChatMessage] = [
        ChatMessageSystem(content=wanted.wording.system),
        ChatMessageUser(content=wanted.wording.ask(question, wanted.person)),
    ]
    outputs: list[ModelOutput] = []
    while True:
        if identity is not None:
            seed = request_seed(*identity, wanted.key, len(outputs))
            config = config.model_copy(update={"seed": seed})
        output = await model.generate(messages, config=config)
        outputs.append(output)
        parsed = parse_personalized(output.completion, output.stop_reason, mode)
        messages = [*messages, ChatMessageAssistant(content=output.completion or "…")]
        if parsed.outcome in ("answer", "refused_by_filter") or len(outputs) == ATTEMPTS:
            break
        messages = [*messages, ChatMessageUser(content=wanted.wording.reask(parsed))]
    answer = Answer(
        key=wanted.key,
        text=parsed.text,
        notes=parsed.notes,
        outcome=parsed.outcome,
        reason=parsed.reason,
        replies=[one.completion for one in outputs],
        stops=[one.stop_reason for one in outputs],
    )
    return _Answered(answer, messages, output)


@solver
def personalize(
    mode: str = "output_only",
    seed: int = 0,
    also_baseline: bool = False,
    sampled: bool | None = None,
) -> Solver:
    """Answer the sample's question for its person; the answer goes into `PersonalizedAnswers`.

    The sample's input is the question; its metadata says what the model is shown of the person
    (`shown`), and of a second person (`shown_second`) if the sample compares two. Every answer is
    one call in a conversation of its own: none sees another, nor those of other epochs.

    Args:
        mode: `baseline` (sees no person), `output_only`, `chain_of_thought` (reasons first) or
            `demographic_summary` (says first which parts of the persona matter).
        seed: Seed of the requests, where the model samples.
        also_baseline: Ask for the baseline's answer as well, to be compared with.
        sampled: Whether requests carry a seed, which differs by sample, epoch, answer and attempt.
            None: where the model's own settings have a temperature above 0. A task that sets the
            temperature itself must say so here, as inspect shows a solver only the model's own.

    Raises:
        InputError: There is no such mode.
    """
    wording = personalize_wording(mode)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        await require_grader(state)
        model = get_model()
        question = state.input_text
        # Greedy decoding needs no seed, and some servers refuse the parameter.
        seeded = (model.config.temperature or 0.0) > 0 if sampled is None else sampled
        identity = (seed, model.config.seed, state.sample_id, state.epoch) if seeded else None
        answered = await concurrently(
            [
                _answer(model, wanted, question, identity)
                for wanted in _wanted(state.metadata, wording, also_baseline)
            ]
        )
        state.store_as(PersonalizedAnswers).answers = [one.answer for one in answered]
        # The first conversation is what a person sees of the sample; all are in its transcript.
        state.messages, state.output = answered[0].messages, answered[0].output
        return state

    return solve
