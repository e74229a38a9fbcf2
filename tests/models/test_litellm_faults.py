"""What an exception of LiteLLM really was, and how long to wait after it."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from inspect_ai.model import GenerateConfig, get_model
from scripted_server import Reply, ScriptedServer, completion

from pluralens.models.litellm_faults import retry_decision, seconds_to_wait

pytest.importorskip("litellm", reason='needs pip install "pluralens[providers]"')
pytestmark = pytest.mark.providers


def ask(server: ScriptedServer, name: str, retries: int) -> None:
    model = get_model(f"litellm/{name}", api_key="k", api_base=server.url, memoize=False)
    asyncio.run(model.generate("Rate.", config=GenerateConfig(max_retries=retries)))


def test_a_mistake_within_litellm_is_not_asked_again() -> None:
    # LiteLLM 1.83 stumbles where Groq leaves out its service tier, and calls it a lost connection.
    with ScriptedServer(completion({"role": "assistant", "content": "4"})) as server:
        with pytest.raises(Exception) as error:
            ask(server, "groq/openai/gpt-oss-20b", retries=2)
    assert len(server.sent) == 1 and "service_tier" in str(error.value)


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        (format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), 3000, 3600),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(said: str, least: float, most: float) -> None:
    with ScriptedServer(Reply({}, 429, {"Retry-After": said})) as server:
        with pytest.raises(Exception) as error:
            ask(server, "mistral/m", retries=0)
    seconds = seconds_to_wait(error.value)
    assert seconds is not None and least <= seconds <= most


@pytest.mark.parametrize("said", ["0", "-3", "inf", "nan", "soon", "Mon, 01 Jan 2001 00:00:00 GMT"])
def test_retry_after_that_says_nothing_leaves_the_wait_to_inspect(said: str) -> None:
    with ScriptedServer(Reply({}, 429, {"Retry-After": said})) as server:
        with pytest.raises(Exception) as error:
            ask(server, "mistral/m", retries=0)
    assert seconds_to_wait(error.value) is None
    assert retry_decision(error.value).kind == "rate_limit"
