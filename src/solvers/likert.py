"""Ask one persona all its items: independent single-turn calls, concurrently, in one sample."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

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
from inspect_ai.util import json_schema
from pydantic import BaseModel

from pluralens.errors import InputError
from pluralens.scorers.answers import Answer, LikertAnswers
from pluralens.scorers.digits import digit_probabilities
from pluralens.scorers.parsing import parse_rating
from pluralens.solvers.concurrently import concurrently
from pluralens.solvers.prompts import LikertWording, likert_wording

if TYPE_CHECKING:
    from pluralens.solvers.adjectives import Adjective

__all__ = ["ORDERS", "asked_orders", "likert", "question_seed"]

ORDERS = ("both", "normal", "reversed", "random")
# Where log-probabilities are read, only the first tokens matter. Other forms take the limit of the
# run: the settings of a single call would be stronger than `--max-tokens`.
MAX_TOKENS = {"both": 64, "logprobs": 1}


class Rating(BaseModel):
    """The form of a structured reply."""

    rating: Literal[1, 2, 3, 4, 5]


class ReasonedRating(BaseModel):
    """The form of a structured reply with a reason before the rating."""

    rationale: str
    rating: Literal[1, 2, 3, 4, 5]


def question_seed(*parts: object) -> int:
    """A stable 31-bit number from what identifies a question."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") >> 1


def asked_orders(orders: str, seed: int, persona: str, item: str) -> tuple[bool, ...]:
    """Which orders one item is asked in; True is the reversed one.

    A twin is asked in the same orders as its base when both pass the base's id.
    """
    if orders == "random":
        return (bool(question_seed("order", seed, persona, item) & 1),)
    return {"both": (False, True), "normal": (False,), "reversed": (True,)}[orders]


def _generate_config(elicit: str, rationale: bool, top_logprobs: int) -> GenerateConfig:
    config = GenerateConfig(max_tokens=MAX_TOKENS.get(elicit))
    if elicit == "json":
        form = ReasonedRating if rationale else Rating
        config.response_schema = ResponseSchema(name="likert", json_schema=json_schema(form))
    elif elicit in ("logprobs", "both"):
        config.logprobs, config.top_logprobs = True, top_logprobs
    return config


class _Question(NamedTuple):
    item: "Adjective"
    reversed_order: bool
    text: str
    seed: int | None


async def _ask(
    model: Model,
    system: ChatMessageSystem,
    question: _Question,
    wording: LikertWording,
    config: GenerateConfig,
    elicit: str,
) -> Answer:
    """One question, asked again once if the reply is no rating; never after a refusal."""
    messages: list[ChatMessage] = [system, ChatMessageUser(content=question.text)]
    replies: list[str] = []
    stops: list[str] = []
    digits: list[float] | None = None
    for attempt in range(2):
        seed = None if question.seed is None else question.seed ^ attempt
        output = await model.generate(
            messages,
            config=config if seed is None else config.model_copy(update={"seed": seed}),
        )
        replies.append(output.completion)
        stops.append(output.stop_reason)
        if elicit in ("logprobs", "both"):
            digits = _digits(output, model)
        if elicit == "logprobs":
            break
        parsed = parse_rating(output.completion, output.stop_reason)
        if parsed.outcome != "invalid" or parsed.reason is None or attempt:
            break
        messages += [
            ChatMessageAssistant(content=output.completion or "…"),
            ChatMessageUser(content=wording.reask(parsed.reason)),
        ]
    return Answer(
        item=question.item.id,
        valence=question.item.valence,
        dimension=question.item.dimension,
        reversed_order=question.reversed_order,
        replies=replies,
        stops=stops,
        digits=digits,
    )


def _digits(output: ModelOutput, model: Model) -> list[float]:
    digits = digit_probabilities(output)
    if digits is None:
        # The machinery's fault, not the model's: it must never look like a rating or a refusal.
        raise RuntimeError(
            f"{model} returned no log-probabilities; use elicit=json or elicit=text, or a "
            "provider that supports them (openai, vllm, sglang, together, google ...)"
        )
    return digits


@solver
def likert(
    population: str = "de",
    language: str = "de",
    style: str = "list",
    attributes: Sequence[str] | None = None,
    paraphrase: int = 0,
    orders: str = "both",
    elicit: str = "json",
    rationale: bool = False,
    items: str | Sequence[str] | None = None,
    cases: str | None = None,
    top_logprobs: int = 20,
    seed: int = 0,
) -> Solver:
    """Rate the persona of the sample on every item, in every order.

    The persona is read from the sample's metadata (one scalar per attribute, `base_id`, and
    `name`, `appearance` and `biography` as far as it has them). The answers go into the sample's
    `LikertAnswers`.

    Args:
        population: Id or folder of the population that knows the labels.
        language: Language of prompt and items, `de` or `en`.
        style: `list`, `sentence`, `name_only` or `bio`.
        attributes: Shown attributes; default all.
        paraphrase: Which wording of the question, 0 is the canonical one.
        orders: `both`, `normal`, `reversed` or `random`.
        elicit: `json`, `text`, `logprobs` or `both`.
        rationale: Ask for a reason before the rating.
        items: Item ids or dimensions; default all active ones.
        cases: An own CSV file of items.
        top_logprobs: Alternatives per token to ask for.
        seed: Seed of random orders and of the requests.
    """
    from pluralens.personas.description import DETAILS, describe
    from pluralens.personas.population import load_population
    from pluralens.solvers.adjectives import load_adjectives, select_items

    if orders not in ORDERS:
        raise InputError(f"orders={orders!r} is unknown; choose one of {', '.join(ORDERS)}")
    wording = likert_wording(language, paraphrase, elicit, rationale)
    people = load_population(population)
    adjectives = select_items(load_adjectives(language, cases), items)
    config = _generate_config(elicit, rationale, top_logprobs)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        model = get_model()
        name = state.metadata.get("name") or None
        description = describe(
            {attribute: state.metadata[attribute] for attribute in people.attributes},
            people,
            language=language,
            style=style,
            shown=attributes,
            name=name,
            details={key: str(state.metadata.get(key) or "") for key in DETAILS},
        )
        base = str(state.metadata.get("base_id") or state.sample_id)
        # Greedy decoding needs no seed, and some servers refuse the parameter.
        sampled = model.config.temperature is not None and model.config.temperature > 0
        questions = [
            _Question(
                item=adjective,
                reversed_order=upside_down,
                text=wording.ask(description, adjective.adjective, name, upside_down),
                seed=question_seed(
                    seed, model.config.seed, state.sample_id, state.epoch, adjective.id, upside_down
                )
                if sampled
                else None,
            )
            for adjective in adjectives
            for upside_down in asked_orders(orders, seed, base, adjective.id)
        ]
        # One message object for all questions: inspect knows messages by id, so its log and its
        # realtime database take it once, not once per question.
        system = ChatMessageSystem(content=wording.system)
        answers = await concurrently(
            [_ask(model, system, question, wording, config, elicit) for question in questions]
        )
        store = state.store_as(LikertAnswers)
        store.elicit, store.orders, store.answers = elicit, orders, answers
        state.messages = [ChatMessageUser(content=description)]
        state.output = ModelOutput.from_content(str(model), _digest(answers))
        state.messages.append(state.output.message)
        return state

    return solve


def _digest(answers: Sequence[Answer]) -> str:
    """The last replies at a glance, for people who browse the log."""
    return "\n".join(
        f"{a.item}{' (reversed)' if a.reversed_order else ''}: {a.replies[-1]}" for a in answers
    )
