"""Give one persona its texts: written by the model, or a name from own lists; stored at once.

Each sample is written to the persona store as soon as it is done, so a run that is killed has lost
nothing but what was under way. Who has texts in the run already is not asked again.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

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

from pluralens.scorers.enrichment import shown_texts
from pluralens.scorers.enrichment_answers import EnrichedPersona
from pluralens.scorers.enrichment_parsing import LIMITS, ParsedTexts, check_texts, parse_texts
from pluralens.solvers.enrichment_wording import EnrichmentWording, enrichment_wording
from pluralens.solvers.likert import question_seed
from pluralens.solvers.store_thread import shared_store

if TYPE_CHECKING:
    from pluralens.personas.store import EnrichmentRun, Store

__all__ = ["enrich", "name_from_lists", "run_by_lists", "run_by_model"]

ATTEMPTS = 2


def run_by_model(
    run: str, selection: str, model: Model, language: str, seed: int, temperature: float
) -> "EnrichmentRun":
    """The run in which a model writes: whatever decides its texts must be the same within it."""
    from pluralens.personas.store import EnrichmentRun

    return EnrichmentRun(
        name=run,
        selection=selection,
        enricher="model",
        model=str(model),
        language=language,
        parameters={
            "seed": seed,
            "temperature": temperature,
            "wording": enrichment_wording(language).digest,
        },
    )


def run_by_lists(run: str, selection: str, language: str, population: str) -> "EnrichmentRun":
    """The run in which names come from the lists of a population."""
    from pluralens.personas.names import names_digest
    from pluralens.personas.store import EnrichmentRun

    return EnrichmentRun(
        name=run,
        selection=selection,
        enricher="template",
        model=None,
        language=language,
        parameters={"names": names_digest(population)},
    )


def _response_config() -> GenerateConfig:
    form = JSONSchema(
        type="object",
        properties={
            key: JSONSchema(type="string", minLength=1, maxLength=limit)
            for key, limit in LIMITS.items()
        },
        required=list(LIMITS),
        additionalProperties=False,
    )
    return GenerateConfig(response_schema=ResponseSchema(name="persona_texts", json_schema=form))


class _Written(NamedTuple):
    parsed: ParsedTexts
    outputs: list[ModelOutput]
    messages: list[ChatMessage]


async def _write(
    model: Model,
    messages: list[ChatMessage],
    wording: EnrichmentWording,
    config: GenerateConfig,
    seed: int | None,
) -> _Written:
    """The model's texts; an invalid reply is asked again once, with what is wrong with it."""
    outputs: list[ModelOutput] = []
    while True:
        drawn = None if seed is None else seed ^ len(outputs)
        output = await model.generate(
            messages,
            config=config if drawn is None else config.model_copy(update={"seed": drawn}),
        )
        outputs.append(output)
        parsed = parse_texts(output.completion, output.stop_reason)
        messages = [*messages, ChatMessageAssistant(content=output.completion or "…")]
        if parsed.texts is not None or len(outputs) == ATTEMPTS:
            return _Written(parsed, outputs, messages)
        messages = [*messages, ChatMessageUser(content=wording.reask(parsed))]


async def _unless_stored(
    state: TaskState,
    url: str,
    run: "EnrichmentRun",
    opened: set[str],
    texts_of: Callable[[EnrichedPersona], Awaitable[ParsedTexts]],
) -> TaskState:
    """Take the persona's texts from the store, or make them and put them there.

    Args:
        state: The sample.
        url: Where the store is.
        run: The enrichment run.
        opened: Models whose run is known to be open; this one is added.
        texts_of: Makes the texts and leaves what it was told in the sample's `EnrichedPersona`.
    """
    persona_id = str(state.metadata["persona_id"])
    persona = state.store_as(EnrichedPersona)
    async with shared_store(url) as call:

        def stored(store: "Store") -> dict[str, str]:
            # Opening takes the store's write lock, so it is done once and not for every sample.
            if str(run.model) not in opened:
                store.open_run(run)
                opened.add(str(run.model))
            return store.texts(run.name, [persona_id]).get(persona_id, {})

        persona.run = run.to_json()
        kept = await call(stored)
        if kept:
            persona.texts, persona.outcome, persona.recorded = kept, "kept", True
            state.output = ModelOutput.from_content(run.model or "none", shown_texts(persona))
            state.messages = [*state.messages, state.output.message]
            return state
        parsed = await texts_of(persona)
        persona.texts, persona.reason = dict(parsed.texts or {}), parsed.shown
        persona.kind = parsed.reason or ""
        if parsed.texts is None:
            await call(lambda store: store.record_failure(run.name, persona_id, parsed.shown))
        else:
            texts = parsed.texts
            persona.recorded = await call(lambda store: store.record(run.name, persona_id, texts))
        # Last, so that a sample with an outcome is always one that the store has.
        persona.outcome = "failed" if parsed.texts is None else "enriched"
    return state


@solver
def enrich(run: str, selection: str, language: str = "de", seed: int = 0) -> Solver:
    """Let the model write name, appearance and biography of the sample's persona.

    The sample's input is the persona's description; its id is in the metadata (`persona_id`).

    Args:
        run: Name of the enrichment run.
        selection: Name of the selection that the persona is from.
        language: Language of prompt and texts, `de` or `en`.
        seed: Seed of the requests, where the model samples.
    """
    from pluralens.personas.store import database_url

    wording = enrichment_wording(language)
    url = database_url()
    config = _response_config()
    opened: set[str] = set()

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        model = get_model()
        temperature = model.config.temperature or 0.0
        # Greedy decoding needs no seed, and some servers refuse the parameter.
        request_seed = (
            question_seed(seed, model.config.seed, state.sample_id, state.epoch)
            if temperature > 0
            else None
        )

        async def texts_of(persona: EnrichedPersona) -> ParsedTexts:
            question: list[ChatMessage] = [
                ChatMessageSystem(content=wording.system),
                ChatMessageUser(content=wording.ask(state.input_text)),
            ]
            written = await _write(model, question, wording, config, request_seed)
            persona.replies = [output.completion for output in written.outputs]
            persona.stops = [output.stop_reason for output in written.outputs]
            state.messages, state.output = written.messages, written.outputs[-1]
            return written.parsed

        about = run_by_model(run, selection, model, language, seed, temperature)
        return await _unless_stored(state, url, about, opened, texts_of)

    return solve


@solver
def name_from_lists(
    run: str, selection: str, language: str = "de", population: str = "de"
) -> Solver:
    """Give the sample's persona a name from the population's own lists, and no other text.

    The persona is read from the sample's metadata (one scalar per attribute, and `persona_id`).

    Args:
        run: Name of the enrichment run.
        selection: Name of the selection that the persona is from.
        language: Language that the run is for; names are the same in all.
        population: Id or folder of the population.
    """
    from pluralens.personas.names import name_of
    from pluralens.personas.population import load_population
    from pluralens.personas.store import database_url

    people = load_population(population)
    about = run_by_lists(run, selection, language, people.id)
    url = database_url()
    opened: set[str] = set()

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        async def texts_of(persona: EnrichedPersona) -> ParsedTexts:
            attributes = {name: state.metadata[name] for name in people.attributes}
            name = name_of(attributes, people, str(state.metadata["persona_id"]))
            parsed = check_texts({"name": name}, ("name",))
            state.output = ModelOutput.from_content("none", name)
            state.messages = [*state.messages, state.output.message]
            return parsed

        return await _unless_stored(state, url, about, opened, texts_of)

    return solve
