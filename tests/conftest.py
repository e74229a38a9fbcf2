import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from postgres_server import NoServer, PostgresServer
from warm_programs import WarmPrograms

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).resolve().parent.parent
# Before anything loads numpy, here and in programs: at the size of tests, threads that wait for
# each other take more than twice the time of one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests start in an empty folder, not in the checkout; what programs keep goes there too."""
    folder = tmp_path_factory.mktemp("nowhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))
        yield


@pytest.fixture(scope="session")
def start() -> Iterator[Run]:
    """Run a program of this environment: `start("inspect", "eval", ..., cwd=folder, NAME="x")`."""
    with WarmPrograms() as programs:

        def run(
            program: str, *arguments: str, cwd: Path, timeout: float = 240, **environment: str
        ) -> "subprocess.CompletedProcess[str]":
            plain = {"INSPECT_DISPLAY": "plain", "NO_COLOR": "1", "COLUMNS": "200"}
            env = {**os.environ, **plain, **environment}
            if program.endswith(".py"):
                program = str(ROOT / program)
            if sys.platform == "linux":
                return programs.run(program, *arguments, cwd=cwd, env=env, timeout=timeout)
            # Elsewhere a process that has loaded libraries cannot be forked safely, or at all.
            command = (
                [sys.executable, program]
                if program.endswith(".py")
                else [str(Path(sys.executable).with_name(program))]
            )
            return subprocess.run(
                [*command, *arguments],
                cwd=cwd,
                env=env,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )

        yield run


@pytest.fixture
def run(start: Run, tmp_path: Path) -> Run:
    """Run a program of this environment in an empty folder: `run("inspect", "eval", ...)`."""
    return partial(start, cwd=tmp_path)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server per process of tests; skips, saying why, where there can be none."""
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
