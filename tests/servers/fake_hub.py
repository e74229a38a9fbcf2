"""The few endpoints of the Hugging Face hub that loading a data set needs, on the loopback.

What the server does with a data set depends on the revision that is asked for, so that one process
of the client, which reads the address once, meets everything:

    gated          the data set is described to anybody; its files want a token (401)
    lost           the same, but it is granted when asked for: something fails between the two
    forbidden      the same, and the token's account has no access (403)
    private        nobody is told that it exists (401)
    gone           404, no such data set
    nowhere        404, no such revision
    broken         500
    anything else  the data, one Parquet file of the split train
"""

import io
import json
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["FakeHub", "commit_of"]

FILE = "data/train-00000-of-00001.parquet"
# Revision -> status and error code, of the description of the data set.
REFUSED = {
    "private": (401, "RepoNotFound"),
    "gone": (404, "RepoNotFound"),
    "nowhere": (404, "RevisionNotFound"),
    "broken": (500, ""),
}
# The same of its files.
GATED = {"gated": (401, "GatedRepo"), "forbidden": (403, "GatedRepo"), "lost": (401, "GatedRepo")}


def commit_of(revision: str) -> str:
    """The commit that a revision stands for: 40 hexadecimal digits that hold its name."""
    return revision.encode().hex().ljust(40, "0")[:40]


class FakeHub:
    """A hub.

    Args:
        data: Data set -> revision -> columns; the revision `main` is the data for all others.
    """

    def __init__(self, data: Mapping[str, Mapping[str, Mapping[str, Sequence[Any]]]]) -> None:
        self.revisions = {commit_of(r): r for r in (*REFUSED, *GATED)}
        self.files: dict[tuple[str, str], bytes] = {}
        for repository, revisions in data.items():
            for revision, columns in revisions.items():
                self.revisions[commit_of(revision)] = revision
                buffer = io.BytesIO()
                pq.write_table(pa.table({k: list(v) for k, v in columns.items()}), buffer)
                self.files[repository, revision] = buffer.getvalue()
        self.requests: list[str] = []
        self.described: dict[str, str] = {}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(*hub.answer(self.command, self.path))

            do_HEAD = do_GET

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer(*hub.answer("POST", self.path, body))

            def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(
        self, method: str, path: str, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        self.requests.append(f"{method} {path}")
        parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
        if parts[:2] == ["api", "datasets"]:
            repository, what, rest = "/".join(parts[2:4]), parts[4:5], parts[5:]
            return self._api(repository, what[0] if what else "revision", rest)
        if parts[:1] == ["datasets"] and parts[3:4] == ["resolve"]:
            return self._file("/".join(parts[1:3]), parts[4], "/".join(parts[5:]))
        return _error(404, "EntryNotFound")

    def _api(
        self, repository: str, what: str, rest: Sequence[str]
    ) -> tuple[int, dict[str, str], bytes]:
        revision = self.revisions.get(rest[0], rest[0]) if rest else "main"
        if revision in REFUSED:
            return _error(*REFUSED[revision])
        data = self._data(repository, revision)
        if what == "revision":
            self.described[repository] = revision
            self.revisions[commit_of(revision)] = revision
            return _json(
                {
                    "id": repository,
                    "sha": commit_of(revision),
                    "private": False,
                    "gated": "auto" if revision in GATED else False,
                    "tags": [],
                    "downloads": 0,
                    "siblings": [{"rfilename": FILE}],
                }
            )
        if revision in GATED:
            return _error(*GATED[revision])
        folder = "/".join(rest[1:])
        entries = {
            "data": {"type": "directory", "oid": "0" * 40, "size": 0, "path": "data"},
            FILE: {"type": "file", "oid": "1" * 40, "size": len(data), "path": FILE},
        }
        if what == "auth-check":
            # The question is not about a revision: it is about the one described last.
            revision = self.described[repository]
            allowed = revision not in GATED or revision == "lost"
            return _json({}) if allowed else _error(*GATED[revision])
        if what == "tree":
            inside = [e for p, e in entries.items() if p.startswith(folder)]
            return _json([e for e in inside if e["path"] != folder])
        if what == "paths-info":
            return _json([])
        return _error(404, "EntryNotFound")

    def _file(self, repository: str, commit: str, path: str) -> tuple[int, dict[str, str], bytes]:
        revision = self.revisions.get(commit, commit)
        if revision in GATED:
            return _error(*GATED[revision])
        if path != FILE:
            return _error(404, "EntryNotFound")
        headers = {
            "X-Repo-Commit": commit_of(revision),
            "ETag": f'"{commit_of(revision)}-{len(self._data(repository, revision))}"',
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
        }
        return 200, headers, self._data(repository, revision)

    def _data(self, repository: str, revision: str) -> bytes:
        return self.files.get((repository, revision)) or self.files[repository, "main"]


def _json(content: object) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def _error(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    headers = {"X-Error-Message": f"{code or 'Error'} at the test hub"}
    if code:
        headers["X-Error-Code"] = code
    return status, headers, b""
