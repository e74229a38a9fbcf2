"""An OpenAI-compatible server on the loopback interface, for fault injection and load.

As a program:

    python tests/servers/openai_server.py --port 0 --port-file port.txt --log-file log.jsonl \
        --latency-ms 50 --p429 0.05 --prefuse 0.02 --seed 7

As a fixture (the server runs in a process of its own):

    with OpenAIServer(tmp_path, latency_ms=5, p429=0.1) as server:
        get_model("openai-api/local/likert", base_url=server.base_url, api_key="none")

It answers like a model at temperature 0. What goes wrong on the way (`TRANSPORT`) is a pure
function of server seed, prompt and attempt number of that prompt, so a retry draws afresh. What
the model says (`CONTENT` and the rating) is a pure function of server seed and prompt alone, so
a run that was killed and continued ends with the same answers as one that was not. A request for
a persona's texts is answered with texts (`ENRICHMENT`), any other one with a rating.

Endpoints: POST /v1/chat/completions and the paths of `other_dialects`, GET /v1/models, GET /stats,
POST /config (knobs as JSON), POST /reset. Each chat request appends one line to the log file, see
`Respondent.answer`.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, Self

from aiohttp import web
from canned_personas import ENRICHMENT, asks_for_texts, persona_texts
from canned_replies import CONTENT, TRANSPORT, Knobs, completion, draw, rating, short_hash, unit
from other_dialects import OPENAI, OTHERS, Dialect


class Respondent:
    """State of the server: knobs, counters, attempts per prompt, log."""

    def __init__(self, knobs: Knobs, log: IO[str] | None = None) -> None:
        self.knobs = knobs
        self.log = log
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        self.requests = 0
        self.most_in_flight = self.in_flight
        self.outcomes: dict[str, int] = {}
        self.attempts: dict[str, int] = {}
        self.first = self.last = 0.0

    def stats(self) -> dict[str, Any]:
        span = self.last - self.first
        return {
            "requests": self.requests,
            "outcomes": self.outcomes,
            "in_flight": self.in_flight,
            "max_in_flight": self.most_in_flight,
            "distinct_prompts": len(self.attempts),
            "max_attempts": max(self.attempts.values(), default=0),
            "span_s": span,
            "requests_per_s": self.requests / span if span else None,
            "cpu_s": time.process_time(),
            "knobs": asdict(self.knobs),
        }

    async def answer(self, request: web.Request, dialect: Dialect = OPENAI) -> web.StreamResponse:
        """Answer one chat request and log it when the answer leaves.

        The log line has: received, sent (Unix seconds), model, prompt (hash of all messages), user
        (hash of the last user message), question (hash of the first one), persona (hash of the
        first one up to its first blank line), attempt (from 1), outcome, rating or texts (those
        meant, null when no answer was given) and delivered (false when the client had gone by
        then).
        """
        received = time.time()
        try:
            sent = await request.json()
            body = dialect.read(sent)
            users = [m["content"] for m in body["messages"] if m["role"] == "user"]
            first_user, last_user = str(users[0]), str(users[-1])
        except (ValueError, KeyError, TypeError, IndexError):
            return failure(400, "a JSON object with messages, one of them a user's, is needed")
        if body.get("stream") and dialect is OPENAI:
            return failure(400, "this server does not stream")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.first = self.first or time.perf_counter()
        try:
            knobs, prompt = self.knobs, short_hash(body["messages"])
            key = f"{prompt}-{body.get('seed')}"
            if knobs.teller:
                # Several models are asked the same.
                key = f"{short_hash([body.get('model'), key])}-0"
            attempt = self.attempts[key] = self.attempts.get(key, 0) + 1
            outcome = draw(knobs, TRANSPORT, "transport", key, attempt)
            answered = outcome == "ok"
            for_texts = asks_for_texts(body)
            if answered:
                outcome = draw(knobs, ENRICHMENT if for_texts else CONTENT, "content", key)
            delay = knobs.latency_ms + knobs.jitter_ms * unit(knobs.seed, "jitter", key, attempt)
            await asyncio.sleep(delay / 1000)
            gone = request.transport is None or request.transport.is_closing()
            self.requests += 1
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
            self.write_log(
                received=received,
                sent=time.time(),
                model=body.get("model"),
                prompt=prompt,
                user=short_hash(last_user),
                question=short_hash(first_user),
                persona=short_hash(first_user.split("\n\n", 1)[0]),
                attempt=attempt,
                outcome=outcome,
                rating=rating(knobs, key) if answered and not for_texts else None,
                texts=persona_texts(key) if answered and for_texts else None,
                delivered=not gone,
            )
            return respond(request, dialect, knobs, sent, body, key, attempt, outcome)
        finally:
            self.in_flight -= 1
            self.last = time.perf_counter()

    def write_log(self, **record: object) -> None:
        if self.log is not None:
            self.log.write(json.dumps(record) + "\n")
            self.log.flush()


def respond(
    request: web.Request,
    dialect: Dialect,
    knobs: Knobs,
    sent: dict[str, Any],
    body: dict[str, Any],
    key: str,
    attempt: int,
    outcome: str,
) -> web.StreamResponse:
    if outcome == "429":
        headers = {"Retry-After": str(knobs.retry_after)}
        return failure(429, "rate limit reached (injected)", headers, dialect)
    if outcome == "500":
        return failure(500, "internal error (injected)", None, dialect)
    if outcome == "drop":
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    envelope, kind = dialect.write(completion(knobs, body, key, attempt, outcome), sent)
    if outcome == "badbody":
        envelope = envelope[: len(envelope) // 2]
    return web.Response(body=envelope, content_type=kind)


def failure(
    status: int,
    message: str,
    headers: dict[str, str] | None = None,
    dialect: Dialect = OPENAI,
) -> web.Response:
    return web.json_response(dialect.failure(status, message), status=status, headers=headers)


def make_app(respondent: Respondent) -> web.Application:
    async def models(_: web.Request) -> web.Response:
        model = {"id": "likert", "object": "model", "created": 0, "owned_by": "local"}
        return web.json_response({"object": "list", "data": [model]})

    async def stats(_: web.Request) -> web.Response:
        return web.json_response(respondent.stats())

    async def config(request: web.Request) -> web.Response:
        try:
            respondent.knobs = replace(respondent.knobs, **await request.json())
        except (TypeError, ValueError) as error:
            return failure(400, str(error))
        return web.json_response(asdict(respondent.knobs))

    async def reset(_: web.Request) -> web.Response:
        respondent.reset()
        return web.json_response({})

    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_post("/v1/chat/completions", respondent.answer)
    for path, dialect in OTHERS.items():
        app.router.add_post(path, partial(respondent.answer, dialect=dialect))
    app.router.add_get("/v1/models", models)
    app.router.add_get("/stats", stats)
    app.router.add_post("/config", config)
    app.router.add_post("/reset", reset)
    return app


async def serve(knobs: Knobs, port: int, port_file: str | None, log: IO[str] | None) -> None:
    runner = web.AppRunner(make_app(Respondent(knobs, log)), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    port = runner.addresses[0][1]
    if port_file:
        # Renamed into place: who sees the file sees the whole number.
        Path(port_file + ".new").write_text(str(port))
        os.replace(port_file + ".new", port_file)
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await asyncio.Event().wait()


async def serve_while_input_open(*args: Any) -> None:
    """Serve until standard input closes, which it does however the parent process ends."""
    loop, closed = asyncio.get_running_loop(), asyncio.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(closed.set)

    # A daemon thread: an error in `serve` must end the process although input is still open.
    threading.Thread(target=wait_for_end, daemon=True).start()
    serving, closing = asyncio.create_task(serve(*args)), asyncio.create_task(closed.wait())
    await asyncio.wait({serving, closing}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
    serving.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description="OpenAI-compatible loopback server for tests")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file")
    parser.add_argument("--log-file")
    parser.add_argument("--stop-with-stdin", action="store_true")
    for knob in fields(Knobs):
        option = "--" + knob.name.replace("_", "-")
        parser.add_argument(option, type=type(knob.default), default=knob.default)
    args = parser.parse_args()
    try:
        knobs = Knobs(**{knob.name: getattr(args, knob.name) for knob in fields(Knobs)})
    except ValueError as error:
        parser.error(str(error))
    log = open(args.log_file, "a", encoding="utf-8") if args.log_file else None
    run = serve_while_input_open if args.stop_with_stdin else serve
    try:
        asyncio.run(run(knobs, args.port, args.port_file, log))
    except KeyboardInterrupt:
        pass


class OpenAIServer:
    """The server in a process of its own, from entering the context to leaving it.

    Args:
        folder: Where port file and request log go.
        knobs: Fields of `Knobs`.
    """

    def __init__(self, folder: Path, **knobs: float | int | str) -> None:
        self.log_file = folder / "requests.jsonl"
        self.port_file = folder / "port.txt"
        self.knobs = Knobs(**knobs)  # type: ignore[arg-type]
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        options = [f"--{name.replace('_', '-')}={v}" for name, v in asdict(self.knobs).items()]
        files = [f"--port-file={self.port_file}", f"--log-file={self.log_file}"]
        self.port_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--stop-with-stdin", *files, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        while not self.port_file.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"the server stopped with code {self.process.returncode}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self.process is None:
            return
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port_file.read_text()}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def stats(self) -> dict[str, Any]:
        return self._call("/stats")

    def configure(self, **knobs: float | int | str) -> dict[str, Any]:
        return self._call("/config", knobs)

    def reset(self) -> None:
        self._call("/reset", {})

    def settle(self) -> None:
        """Wait until all requests of a client that was killed are answered and logged."""
        before: list[int] = []
        # Twice the same: one that still waited to be read would have begun by then.
        while len(before) < 2 or before[-1] != before[-2]:
            time.sleep(0.1)
            stats = self.stats()
            if not stats["in_flight"]:
                before.append(stats["requests"])

    def requests(self) -> list[dict[str, Any]]:
        """The request log so far."""
        if not self.log_file.exists():
            return []
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def _call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        # No proxy: the server is on this machine, whatever the environment says.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(self.url + path, data=data)) as response:
            answer: dict[str, Any] = json.load(response)
        return answer


if __name__ == "__main__":
    main()
