"""A server that answers POST requests with what a test wrote down, and keeps what it was sent."""

import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self


class Reply(NamedTuple):
    body: dict[str, Any] | bytes
    status: int = 200
    headers: dict[str, str] = {}


def completion(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An answer in OpenAI's dialect with one choice per message."""
    choices = [
        {"index": i, "finish_reason": "stop", "logprobs": None}
        | ({"message": m} if "message" not in m else m)
        for i, m in enumerate(messages)
    ]
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    envelope = {"id": "c1", "object": "chat.completion", "created": 0, "model": "m"}
    return {**envelope, "choices": choices, "usage": usage, **fields}


class ScriptedServer:
    """Gives the replies one after the other, the last one for ever.

    Attributes:
        sent: The requests' JSON bodies.
        headers: The requests' headers, names in lower case.
    """

    def __init__(self, *replies: Reply | dict[str, Any]) -> None:
        self.replies = [r if isinstance(r, Reply) else Reply(r) for r in replies]
        self.sent: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                script.headers.append({k.lower(): v for k, v in self.headers.items()})
                script.sent.append(json.loads(self.rfile.read(length)))
                body, status, headers = script.replies[
                    min(len(script.sent), len(script.replies)) - 1
                ]
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

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
        return f"http://127.0.0.1:{self.server.server_address[1]}"
