import asyncio
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from canned_replies import Knobs, digit_distribution, draw, rating
from openai_server import OpenAIServer


def messages(persona: str = "Age: 30", item: str = "friendly", system: str = "Judge.") -> list[Any]:
    text = f"About the person:\n{persona}\n\nHow {item} does this person appear?\n\n1 = not at all"
    return [{"role": "system", "content": system}, {"role": "user", "content": text}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAIServer]:
    with OpenAIServer(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def client(server: OpenAIServer) -> Iterator[httpx.Client]:
    defaults = {knob: value for knob, value in vars(Knobs()).items()}
    server.configure(**defaults)
    server.reset()
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


def post(client: httpx.Client, prompt: list[Any] | None = None, **more: Any) -> httpx.Response:
    body = {"model": "likert", "messages": prompt or messages(), **more}
    return client.post("/v1/chat/completions", json=body)


def text_of(response: httpx.Response) -> str:
    assert response.status_code == 200
    content: str = response.json()["choices"][0]["message"]["content"]
    return content


def test_a_sound_answer(client: httpx.Client) -> None:
    answer = post(client).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["total_tokens"] > answer["usage"]["completion_tokens"] > 0
    assert json.loads(answer["choices"][0]["message"]["content"])["rating"] in range(1, 6)
    assert client.get("/v1/models").json()["data"][0]["id"] == "likert"


def test_transport_faults(server: OpenAIServer, client: httpx.Client) -> None:
    server.configure(p429=1, retry_after=0.25)
    limited = post(client)
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "0.25")
    assert limited.json()["error"]["code"] == "429"
    server.configure(p429=0, p500=1)
    assert post(client).status_code == 500
    server.configure(p500=0, pdrop=1)
    with pytest.raises(httpx.RemoteProtocolError):
        post(client)
    server.configure(pdrop=0, pbadbody=1)
    cut = post(client)
    assert cut.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        cut.json()
    outcomes = {"429": 1, "500": 1, "drop": 1, "badbody": 1}
    assert server.stats()["outcomes"] == outcomes
    last = server.requests()[-4:]
    assert [line["attempt"] for line in last] == [1, 2, 3, 4]
    assert [line["rating"] for line in last] == [None] * 4


@pytest.mark.parametrize(
    ("knob", "language", "pattern"),
    [
        ("pfence", "en", r"Sure, .*\n```json\n\{\"rating\": (\d)\}\n```"),
        ("pfence", "de", r"Gerne, .*\n```json\n\{\"rating\": (\d)\}\n```"),
        ("prefuse", "en", r"I'm sorry, but I can't .*"),
        ("prefuse", "de", r"Es tut mir leid, .*"),
        ("pslash", "en", r"(\d)/5"),
        ("pprose", "en", r"My rating would be (\d)\."),
        ("pprose", "de", r"Meine Bewertung wäre (\d)\."),
        ("pvague", "en", r"[^\d]+"),
        ("pvague", "de", r"[^\d]+"),
    ],
)
def test_content_faults(
    knob: str, language: str, pattern: str, server: OpenAIServer, client: httpx.Client
) -> None:
    plain = json.loads(text_of(post(client)))["rating"]
    server.configure(**{knob: 1.0}, language=language)
    found = re.fullmatch(pattern, text_of(post(client)))
    assert found
    assert all(int(digit) == plain for digit in found.groups())
    assert server.requests()[-1]["rating"] == plain


def test_numbers_that_are_odd(server: OpenAIServer, client: httpx.Client) -> None:
    plain = json.loads(text_of(post(client)))["rating"]
    server.configure(prange=1)
    assert json.loads(text_of(post(client)))["rating"] in range(6, 11)
    server.configure(prange=0, pwide=1)
    wide = text_of(post(client))
    assert wide in "１２３４５" and int(wide) == plain
    server.configure(pwide=0, plength=1)
    cut = post(client)
    assert cut.json()["choices"][0]["finish_reason"] == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(text_of(cut))


def test_logprobs_of_the_first_token(server: OpenAIServer, client: httpx.Client) -> None:
    server.configure(seed=3)
    choice = post(client, logprobs=True, top_logprobs=20, max_tokens=1).json()["choices"][0]
    assert choice["message"]["content"] in "12345"
    assert choice["finish_reason"] == "length"
    (token,) = choice["logprobs"]["content"]
    shares = {entry["token"]: math.exp(entry["logprob"]) for entry in token["top_logprobs"]}
    digits = [shares[str(digit)] for digit in range(1, 6)]
    prompt = server.requests()[-1]["prompt"]
    assert digits == pytest.approx(digit_distribution(Knobs(seed=3), f"{prompt}-None"))
    assert 0.9 <= sum(digits) < 1
    assert sum(shares.values()) <= 1
    assert token["token"] == max(shares, key=shares.__getitem__) == choice["message"]["content"]
    two = post(client, logprobs=True, top_logprobs=2).json()["choices"][0]["logprobs"]["content"]
    assert len(two[0]["top_logprobs"]) == 2
    assert post(client).json()["choices"][0]["logprobs"] is None


def test_n_choices_and_request_seed(client: httpx.Client) -> None:
    texts = [c["message"]["content"] for c in post(client, n=20).json()["choices"]]
    assert len(texts) == 20 and len(set(texts)) > 1
    seeded = [text_of(post(client, seed=seed)) for seed in range(20)]
    assert len(set(seeded)) > 1
    assert seeded == [text_of(post(client, seed=seed)) for seed in range(20)]


def test_answers_do_not_depend_on_attempt_or_order(
    server: OpenAIServer, client: httpx.Client
) -> None:
    server.configure(prefuse=0.2, pslash=0.2, pvague=0.2, seed=5)
    prompts = [messages(f"Age: {age}") for age in range(30)]
    first = [text_of(post(client, prompt)) for prompt in prompts]
    server.reset()
    again = [text_of(post(client, prompt)) for prompt in reversed(prompts)]
    third = [text_of(post(client, prompt)) for prompt in reversed(prompts)]
    assert first == again[::-1] == third[::-1]
    assert len({line["outcome"] for line in server.requests()[-30:]}) == 4


def test_transport_faults_are_drawn_per_attempt(server: OpenAIServer, client: httpx.Client) -> None:
    server.configure(p500=0.5, seed=11)
    codes = [post(client).status_code for _ in range(40)]
    server.reset()
    assert codes == [post(client).status_code for _ in range(40)]
    assert Counter(codes).keys() == {200, 500}
    assert server.stats()["max_attempts"] == 40


def test_shares_of_outcomes_are_the_knobs() -> None:
    knobs = Knobs(p429=0.1, p500=0.2, pdrop=0.05)
    transport = {"429": "p429", "500": "p500", "drop": "pdrop"}
    counts = Counter(draw(knobs, transport, "transport", i, 1) for i in range(10_000))
    # Four standard errors of a share at n = 10,000 are at most 0.02.
    for outcome, share in {"429": 0.1, "500": 0.2, "drop": 0.05, "ok": 0.65}.items():
        assert counts[outcome] / 10_000 == pytest.approx(share, abs=0.02)
    ratings = Counter(rating(knobs, str(i)) for i in range(10_000))
    assert all(ratings[value] / 10_000 == pytest.approx(0.2, abs=0.02) for value in range(1, 6))


def test_the_log_tells_persona_question_and_reask(
    server: OpenAIServer, client: httpx.Client
) -> None:
    asked = messages("Age: 1", "friendly")
    again = [
        *asked,
        {"role": "assistant", "content": "?"},
        {"role": "user", "content": "A number please."},
    ]
    for prompt in (asked, messages("Age: 1", "honest"), messages("Age: 2", "friendly"), again):
        post(client, prompt)
    first, item, person, reask = server.requests()[-4:]
    assert first["persona"] == item["persona"] == reask["persona"] != person["persona"]
    assert first["question"] == reask["question"] != item["question"]
    assert first["user"] == first["question"] and reask["user"] != reask["question"]
    assert len({line["prompt"] for line in (first, item, person, reask)}) == 4
    assert all(line["delivered"] and line["sent"] >= line["received"] for line in (first, reask))


def test_a_client_that_left_is_seen_in_the_log(server: OpenAIServer, client: httpx.Client) -> None:
    server.configure(latency_ms=1200)
    with pytest.raises(httpx.ReadTimeout):
        client.post("/v1/chat/completions", json={"messages": messages("Gone: 1")}, timeout=0.4)
    before = time.monotonic()
    while not server.stats()["requests"]:
        assert time.monotonic() - before < 30
        time.sleep(0.02)
    assert server.requests()[-1]["delivered"] is False


def test_latency_and_concurrency(server: OpenAIServer, client: httpx.Client) -> None:
    server.configure(latency_ms=300)

    async def ask_all() -> None:
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as many:
            bodies = [{"messages": messages(f"Age: {age}")} for age in range(20)]
            calls = [many.post("/v1/chat/completions", json=body) for body in bodies]
            assert {r.status_code for r in await asyncio.gather(*calls)} == {200}

    asyncio.run(ask_all())
    stats = server.stats()
    assert (stats["requests"], stats["distinct_prompts"], stats["max_attempts"]) == (20, 20, 1)
    assert stats["max_in_flight"] > 1


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"messages": []}', b'{"messages": [{"role": "system"}]}']
)
def test_malformed_requests(body: bytes, client: httpx.Client) -> None:
    response = client.post("/v1/chat/completions", content=body)
    assert response.status_code == 400 and "messages" in response.json()["error"]["message"]


def test_streaming_is_refused(client: httpx.Client) -> None:
    response = post(client, stream=True)
    assert response.status_code == 400 and "stream" in response.json()["error"]["message"]


@pytest.mark.parametrize("knobs", [{"p42": 1}, {"p429": 0.7, "p500": 0.7}, {"language": "fr"}])
def test_wrong_knobs_are_refused(
    knobs: dict[str, Any], server: OpenAIServer, client: httpx.Client, tmp_path: Path
) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        server.configure(**knobs)
    with pytest.raises((TypeError, ValueError)):
        OpenAIServer(tmp_path, **knobs)


def test_it_stops_and_starts_again(tmp_path: Path) -> None:
    for _ in range(2):
        with OpenAIServer(tmp_path) as server:
            process = server.process
            assert process is not None
            httpx.get(server.base_url + "/models", trust_env=False).raise_for_status()
        assert process.returncode == 0


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    # A killed test run must not leave servers behind.
    script = (
        "import sys, pathlib, time; sys.path.insert(0, sys.argv[1])\n"
        "from openai_server import OpenAIServer\n"
        "with OpenAIServer(pathlib.Path(sys.argv[2])) as server:\n"
        "    print(server.url, flush=True); time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    url = parent.stdout.readline().strip()
    httpx.get(url + "/stats", trust_env=False).raise_for_status()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    started = time.monotonic()
    with pytest.raises(httpx.TransportError):
        while time.monotonic() - started < 30:
            httpx.get(url + "/stats", trust_env=False)
            time.sleep(0.02)


def test_a_port_in_use_ends_the_program(server: OpenAIServer, tmp_path: Path) -> None:
    port = server.url.rsplit(":", 1)[1]
    program = Path(__file__).with_name("openai_server.py")
    # Standard input stays open, so only the error can end the program.
    reading, writing = os.pipe()
    done = subprocess.run(
        [sys.executable, str(program), "--port", port, "--stop-with-stdin"],
        stdin=reading,
        capture_output=True,
        text=True,
        timeout=60,
    )
    os.close(reading)
    os.close(writing)
    assert done.returncode != 0 and "in use" in done.stderr
