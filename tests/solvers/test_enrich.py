"""What the enrichment task asks of a model, and how it uses the store."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage, GenerateConfig

from pluralens.errors import InputError
from pluralens.models.simulated import SimulatedAPI
from pluralens.personas.population import load_population
from pluralens.personas.sampling import sample
from pluralens.personas.selection import Selection
from pluralens.personas.store import EnrichmentRun, Store
from pluralens.scorers.enrichment_parsing import LIMITS, parse_texts
from pluralens.solvers.enrichment_wording import enrichment_wording
from pluralens.solvers.store_thread import shared_store

N = 12
Sent = list[tuple[list[ChatMessage], GenerateConfig]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The requests that reach the provider."""
    requests: Sent = []
    answer = SimulatedAPI.generate

    async def generate(self: Any, input: Any, tools: Any, tool_choice: Any, config: Any) -> Any:
        requests.append((list(input), config))
        return await answer(self, input, tools, tool_choice, config)

    monkeypatch.setattr(SimulatedAPI, "generate", generate)
    return requests


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with a selection `small`, which the task finds."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("DB_URL", url)
    people = sample(load_population("de"), N, seed=1)
    with Store.open(url) as store:
        store.add(Selection("small", "pool", people, seed=1, parameters={}, source="de"))
    return url


def run(folder: Path, model_args: dict[str, Any] | None = None, **options: Any) -> EvalLog:
    task = {"selection": "small", **options.pop("task", {})}
    (log,) = inspect_eval(
        "pluralens/persona_enrichment", task_args=task, model="pluralens_sim/enricher",
        model_args=model_args or {}, log_dir=str(folder), display="none", **options,
    )  # fmt: skip
    return log


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_prompt_names_the_person_the_limits_and_the_form(
    sent: Sent, url: str, tmp_path: Path, language: str
) -> None:
    assert run(tmp_path, task={"language": language}).status == "success"
    population = load_population("de")
    prompts = {messages[-1].text for messages, _ in sent}
    for persona in sample(population, N, seed=1):
        labels = [
            f"{population.attribute_label(a, language)}: {population.label(a, value, language)}"
            for a, value in persona.attributes.items()
            if population.is_applicable(a, value)
        ]
        assert sum(all(label in prompt for label in labels) for prompt in prompts) >= 1
    for prompt in prompts:
        for key, limit in {"name": 40, "appearance": 220, "biography": 420}.items():
            assert f"- {key}: " in prompt and f" {limit} " in prompt and f'"{key}": ' in prompt


def test_the_form_is_asked_for_with_its_limits(sent: Sent, url: str, tmp_path: Path) -> None:
    run(tmp_path)
    for messages, config in sent:
        assert [m.role for m in messages] == ["system", "user"]
        assert (config.temperature, config.seed, config.max_tokens) == (0.0, None, 2048)
        assert config.response_schema is not None
        form = config.response_schema.json_schema
        assert form.required == list(LIMITS) and form.additionalProperties is False
        assert {k: p.maxLength for k, p in (form.properties or {}).items()} == LIMITS


def test_an_invalid_reply_is_asked_again_once_with_what_is_wrong(
    sent: Sent, url: str, tmp_path: Path
) -> None:
    log = run(tmp_path, {"invalid_rate": 1.0, "stubborn_rate": 1.0})
    assert log.status == "success" and len(sent) == 2 * N
    wording = enrichment_wording("de")
    reasons = set()
    for messages, _ in sent:
        if len(messages) == 2:
            continue
        system, question, reply, complaint = messages
        parsed = parse_texts(reply.text)
        assert parsed.reason is not None
        assert complaint.text == wording.reask(parsed)
        assert wording.instruction in complaint.text
        reasons.add(parsed.reason)
        # The conversation goes on; the question is not put again without its history.
        assert [m.text for m in (system, question)] in [[n.text for n in f] for f, _ in sent]
    assert len(reasons) >= 5
    with Store.open(url) as store:
        assert len(store.failures("small-model")) == N and not store.texts("small-model")


def test_the_complaint_has_numbers_and_names() -> None:
    parsed = parse_texts('{"name": "' + "ä" * 41 + '", "appearance": "A", "biography": "B"}')
    assert '"name" hat 41 Zeichen, erlaubt sind höchstens 40' in enrichment_wording("de").reask(
        parsed
    )
    assert '"name" has 41 characters, at most 40' in enrichment_wording("en").reask(parsed)
    with pytest.raises(ValueError, match="a valid reply is not asked again"):
        enrichment_wording("de").reask(
            parse_texts('{"name": "A", "appearance": "A", "biography": "B"}')
        )


def test_seeds_only_where_the_model_samples(sent: Sent, url: str, tmp_path: Path) -> None:
    found = []
    for seed in (0, 1):
        sent.clear()
        log = run(
            tmp_path, {"invalid_rate": 1.0}, temperature=0.8,
            task={"seed": seed, "run": f"warm-{seed}"},
        )  # fmt: skip
        assert log.status == "success"
        seeds = [config.seed for _, config in sent]
        assert None not in seeds and len(set(seeds)) == len(seeds) == 2 * N
        found.append(set(seeds))
    assert not found[0] & found[1]


def test_a_store_that_fails_is_seen(
    sent: Sent, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise InputError("the disk is full; make room")

    monkeypatch.setattr(Store, "record", full)
    log = run(tmp_path, fail_on_error=False)
    errors = [s.error.message if s.error else "" for s in log.samples or []]
    assert len(errors) == N and all("disk is full" in error for error in errors)
    assert not any(s.scores for s in log.samples or [])
    monkeypatch.undo()
    monkeypatch.setenv("DB_URL", url)
    with Store.open(url) as store:
        assert not store.texts("small-model") and not store.failures("small-model")


def test_the_store_is_one_thread_for_all_and_closed_after_the_last(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, closed = [], []
    really_open, really_close = Store.open, Store.close

    def open_store(*args: Any) -> Store:
        opened.append(threading.get_ident())
        return really_open(*args)

    def close(self: Store) -> None:
        closed.append(threading.get_ident())
        really_close(self)

    monkeypatch.setattr(Store, "open", open_store)
    monkeypatch.setattr(Store, "close", close)
    threads: set[int] = set()

    def seen(store: Store) -> int:
        threads.add(threading.get_ident())
        return len(store.infos())

    async def use(turn: Callable[[], Any]) -> None:
        async with shared_store(url) as call:
            await turn()
            assert await call(seen) == 1

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(use, anyio.lowlevel.checkpoint)

    anyio.run(main)
    assert opened == closed == list(threads) and threading.get_ident() not in threads
    anyio.run(main)
    assert len(opened) == len(closed) == 2


def test_an_error_of_the_store_reaches_the_caller_and_the_thread_ends(url: str) -> None:
    before = threading.active_count()

    async def main(place: str) -> None:
        async with shared_store(place) as call:
            await call(
                lambda store: store.open_run(EnrichmentRun("r", "none-such", "model", "m", "de"))
            )

    for place, message in ((url, "none-such"), ("foo://x", "scheme")):
        with pytest.raises(InputError, match=message):
            anyio.run(main, place)
    assert threading.active_count() <= before + 1  # anyio keeps an idle thread of its own.
