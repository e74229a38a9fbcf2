import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from postgres_server import NoServer, PostgresServer

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a program of this environment in an empty folder: `run("inspect", "eval", ...)`."""

    def start(
        program: str, *arguments: str, timeout: float = 240, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        plain = {"INSPECT_DISPLAY": "plain", "NO_COLOR": "1", "COLUMNS": "200"}
        command = (
            [sys.executable, str(ROOT / program)]
            if program.endswith(".py")
            else [str(Path(sys.executable).with_name(program))]
        )
        return subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env={**os.environ, **plain, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return start


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole run; skips, saying why, where there can be none."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    with ExitStack() as stack:
        try:
            server = stack.enter_context(PostgresServer())
        except NoServer as reason:
            pytest.skip(str(reason))
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """URL of the server's maintenance database, as a user that may do everything."""
    return postgres_server.url()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database of each engine, gone after the test."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.new_database()
    yield url
    server.drop_database(url)
