"""A completions server in vLLM's dialect: tells the log-probability of every token of a prompt."""

import json
import re
import threading
import zlib
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

# (token, log-probability given what precedes it); None where nothing does.
Scored = list[tuple[str, float | None]]
Score = Callable[[str, bool], Scored]
BOS = "<|endoftext|>"


def scripted(text: str, special: bool, *, adds_bos: bool = False) -> Scored:
    """Words with their space as tokens; a log-probability is a fixed number of all up to it."""
    words = re.findall(rf"{re.escape(BOS)}|\s?\w+|\s?[^\w\s]", text)
    tokens = ([BOS] if adds_bos and special else []) + words
    return [
        (token, None if i == 0 else log_probability(tokens[: i + 1]))
        for i, token in enumerate(tokens)
    ]


def log_probability(tokens: list[str]) -> float:
    """Between -1 and -9, the same on every machine; BOS counts as a token before."""
    return -1 - zlib.crc32("\x1f".join(tokens).encode()) % 8000 / 1000


class PromptLogprobsServer:
    """`/v1/completions` with `prompt_logprobs`, and `/v1/models`.

    Args:
        score: Tells tokens and log-probabilities of a prompt, special tokens added or not.
        longest: Longest prompt in tokens.
        change: What a test does to the answer before it is sent.

    Attributes:
        sent: The requests' JSON bodies.
    """

    def __init__(
        self,
        score: Score = scripted,
        longest: int = 2048,
        change: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.score, self.longest, self.change = score, longest, change
        self.sent: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            # One connection for many requests, and an answer in one piece.
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                models = [{"id": "m", "object": "model", "max_model_len": outer.longest}]
                self.answer(200, {"object": "list", "data": models})

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                data = self.rfile.read(length)
                if len(data) < length:
                    self.close_connection = True
                    return
                body = json.loads(data)
                outer.sent.append(body)
                self.answer(*outer.reply(body))

            def answer(self, status: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def handle_one_request(self) -> None:
                # Who asks may go in the middle, after an error in an earlier answer.
                try:
                    super().handle_one_request()
                except ConnectionError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        serve = partial(self.server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def reply(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and answer to one request."""
        tokens = self.score(body["prompt"], body.get("add_special_tokens", True))
        if len(tokens) + body["max_tokens"] > self.longest:
            message = (
                f"This model's maximum context length is {self.longest} tokens. However, you "
                f"requested {len(tokens) + body['max_tokens']} tokens"
            )
            return 400, {"error": {"message": message, "type": "BadRequestError", "code": 400}}
        # The prompt's own token first, then the likeliest one.
        other = {"likeliest": {"logprob": -0.5, "rank": 1, "decoded_token": "?"}}
        told = [
            None
            if log is None
            else {str(i): {"logprob": log, "rank": 2, "decoded_token": token}} | other
            for i, (token, log) in enumerate(tokens)
        ]
        choice = {"index": 0, "text": " x", "finish_reason": "length", "logprobs": None}
        answer = {
            "id": "c",
            "object": "text_completion",
            "created": 0,
            "model": body["model"],
            "choices": [
                choice | {"prompt_logprobs": told if body.get("prompt_logprobs") else None}
            ],
            "usage": {
                "prompt_tokens": len(tokens),
                "completion_tokens": 1,
                "total_tokens": len(tokens) + 1,
            },
        }
        if self.change:
            self.change(answer)
        return 200, answer
