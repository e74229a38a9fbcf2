import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from postgres_server import PostgresServer

CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from postgres_server import PostgresServer
with PostgresServer() as server:
    print(server.process.pid, server.folder, flush=True)
    sys.stdin.readline()
"""


def running(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="what ends a child with its parent is Linux's")
@pytest.mark.parametrize("killed", [True, False])
def test_the_server_ends_with_its_parent(postgres_server: PostgresServer, killed: bool) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", CODE, os.path.dirname(__file__)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid, folder = parent.stdout.readline().split()
    assert running(int(pid))
    if killed:
        parent.kill()
    parent.communicate("\n" if not killed else None, timeout=60)
    until = time.monotonic() + 20
    while running(int(pid)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not running(int(pid))
    assert killed == os.path.exists(folder)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_database_is_new_and_then_gone(postgres_server: PostgresServer) -> None:
    first, second = postgres_server.new_database(), postgres_server.new_database()
    assert first != second
    for url in (first, second):
        postgres_server.drop_database(url)
    with postgres_server.connect() as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
    assert {name for (name,) in rows} <= {"postgres", "template0", "template1"}
