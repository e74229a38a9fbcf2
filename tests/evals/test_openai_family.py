"""inspect checks the version of openai only when a provider starts: here one does start."""

import asyncio
from importlib.metadata import requires
from pathlib import Path

from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    ModelOutput,
    get_model,
)
from openai_server import OpenAIServer
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from pluralens.scorers.parsing import parse_rating
from pluralens.solvers.prompts import likert_wording


def test_a_likert_question_is_answered_over_http(tmp_path: Path) -> None:
    wording = likert_wording("en")
    question = wording.ask("Age: 30\nGender: female", "friendly", None, False)

    async def ask(base_url: str) -> ModelOutput:
        # Not memoized: a client must not outlive the event loop that made it.
        async with get_model(
            "openai-api/local/likert", base_url=base_url, api_key="x", memoize=False
        ) as model:
            return await model.generate(
                [ChatMessageSystem(content=wording.system), ChatMessageUser(content=question)],
                config=GenerateConfig(temperature=0.0, max_tokens=64),
            )

    with OpenAIServer(tmp_path) as server:
        output = asyncio.run(ask(server.base_url))
        (request,) = server.requests()
    assert request["outcome"] == "ok" and request["rating"] in (1, 2, 3, 4, 5)
    assert parse_rating(output.completion, output.stop_reason).rating == request["rating"]
    assert output.usage and output.usage.output_tokens > 0


def test_the_floor_that_inspect_only_checks_at_run_time_is_among_the_dependencies() -> None:
    declared = [Requirement(line) for line in requires("pluralens") or []]
    (openai,) = [r for r in declared if r.name == "openai" and r.marker is None]
    assert openai.specifier == SpecifierSet(">=3.4,<4")
