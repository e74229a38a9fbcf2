"""What goes wrong outside: files, disks, servers. Each is one line, and nothing is half-written."""

import os
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from other_processes import start
from postgres_server import PASSWORD, USER, PostgresServer
from stored_people import chain, pool, same

from pluralens.errors import InputError
from pluralens.personas.population import Population
from pluralens.personas.store import EnrichmentRun, Store

Mount = Callable[..., Path]
MIB = 2**20


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mount a small disk of its own; skips where that is not permitted."""
    mounted: list[Path] = []

    def disk(*arguments: str, at: str = "disk") -> Path:
        place = tmp_path / at
        if not place.exists():
            place.mkdir()
        done = subprocess.run(
            ["mount", *arguments, str(place)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"mounting is not permitted: {done.stderr.strip()}")
        if "remount" not in "".join(arguments):
            mounted.append(place)
        return place

    yield disk
    for place in reversed(mounted):
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def tmpfs(mount: Mount, size: int, **more: str) -> Path:
    return mount("-t", "tmpfs", "-o", f"size={size}", "none", **more)


def fails(url: str, message: str) -> None:
    """Assert that opening is refused in one line, without the password anywhere."""
    with pytest.raises(InputError, match=message) as caught:
        Store.open(url)
    assert "\n" not in str(caught.value)
    for text in chain(caught.value):
        for secret in ("hunter2", PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD)):
            assert secret not in text


def test_a_full_disk_keeps_what_was_there(mount: Mount, de: Population) -> None:
    url = f"sqlite:///{tmpfs(mount, 2 * MIB)}/store.db"
    with Store.open(url) as store:
        store.add(pool(de))
        with pytest.raises(InputError, match="disk is full; free some .*nothing of this change"):
            store.add(pool(de, "large", n=20_000))
        same(pool(de), store.selection("pool-a"))
        # The same connection goes on working.
        store.add(pool(de, "small", n=50, seed=2))
    with Store.open(url) as store:
        assert [info.name for info in store.infos()] == ["pool-a", "small"]
        personas = store._connection.database.execute_sql("SELECT count(*) FROM persona")
        assert personas.fetchone() == (90,)
        check = store._connection.database.execute_sql("PRAGMA integrity_check")
        assert check.fetchall() == [("ok",)]


@pytest.mark.parametrize("pages", [1, 3, 6, 12, 24, 36])
def test_a_disk_too_small_for_the_tables(mount: Mount, pages: int) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    # The disk's own folder takes a page; size=0 would be no limit.
    folder = tmpfs(mount, (1 + pages) * page)
    fails(f"sqlite:///{folder}/store.db", r"full|cannot be opened|reading or writing failed")


def test_a_file_that_may_not_grow(tmp_path: Path, de: Population) -> None:
    code = f"""
import resource
from pluralens.errors import InputError
from pluralens.personas.population import load_population
from pluralens.personas.store import Store
from stored_people import pool
de = load_population("de")
resource.setrlimit(resource.RLIMIT_FSIZE, ({MIB}, {MIB}))
with Store.open(url) as store:
    store.add(pool(de))
    try:
        store.add(pool(de, "large", n=20_000))
    except InputError as error:
        print(error)
"""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    process = start(url, code)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert out.startswith(f"store {url}: ") and out.count("\n") == 1
    assert "disk" in out and "nothing of this change was stored" in out
    with Store.open(url) as store:
        assert [info.name for info in store.infos()] == ["pool-a"]


def test_a_full_disk_of_the_server(
    postgres_server: PostgresServer, mount: Mount, de: Population
) -> None:
    place = tmpfs(mount, 14 * MIB)
    folder = place / "tables"
    folder.mkdir()
    for one in (folder, *folder.parents):
        if one == Path("/tmp"):
            break
        one.chmod(one.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)
    if postgres_server.account:
        os.chown(folder, postgres_server.account["user"], postgres_server.account["group"])
    with postgres_server.connect() as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        try:
            url = postgres_server.new_database("TABLESPACE small")
            with Store.open(url) as store:
                store.add(pool(de))
                with pytest.raises(InputError, match="server's disk is full.*nothing of this") as e:
                    store.add(pool(de, "large", n=100_000))
                assert "\n" not in str(e.value)
                same(pool(de), store.selection("pool-a"))
                store.add(pool(de, "small", n=50, seed=2))
                assert [info.name for info in store.infos()] == ["pool-a", "small"]
            postgres_server.drop_database(url)
        finally:
            connection.execute("DROP TABLESPACE small")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write whatever the permissions are")
def test_permissions_that_forbid_writing(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "store.db"
    file.parent.mkdir()
    Store.open(f"sqlite:///{file}").close()
    file.chmod(0o444)
    fails(f"sqlite:///{file}", "read-only|writable")
    file.chmod(0o644)
    file.parent.chmod(0o555)
    fails(f"sqlite:///{file}", "read-only|writable")
    fails(f"sqlite:///{file.parent / 'new.db'}", "writable")


def test_a_read_only_disk(mount: Mount, de: Population) -> None:
    folder = tmpfs(mount, 8 * MIB)
    with Store.open(f"sqlite:///{folder}/store.db") as store:
        store.add(pool(de))
    mount("-o", "remount,ro")
    fails(f"sqlite:///{folder}/store.db", "make .*writable")
    fails(f"sqlite:///{folder}/new.db", "make .*writable")


def test_a_read_only_file_can_be_read(mount: Mount, tmp_path: Path, de: Population) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store.open(url) as store:
        store.add(pool(de))
    mount("--bind", str(tmp_path / "store.db"), at="store.db")
    mount("-o", "remount,ro,bind", at="store.db")
    with Store.open(url) as store:
        same(pool(de), store.selection("pool-a"))
        with pytest.raises(InputError, match="file or its folder is read-only; make both writable"):
            store.add(pool(de, "pool-b"))


def test_files_that_are_no_database(tmp_path: Path) -> None:
    fails(f"sqlite:///{tmp_path}", "this is a folder; name a file in it")
    fails(f"sqlite:///{tmp_path}/not/here.db", "there is no folder .*not; make it")
    text = tmp_path / "people.csv"
    text.write_text("name,age\n" * 1000)
    fails(f"sqlite:///{text}", "file is no SQLite database; name another one")
    assert text.read_text() == "name,age\n" * 1000


def test_a_damaged_file(tmp_path: Path, de: Population) -> None:
    file = tmp_path / "store.db"
    with Store.open(f"sqlite:///{file}") as store:
        store.add(pool(de, n=2000))
    content = bytearray(file.read_bytes())
    content[8192:-4096] = b"\xff" * (len(content) - 12288)
    file.write_bytes(content)
    with (
        pytest.raises(InputError, match="file is damaged; restore it from a copy"),
        Store.open(f"sqlite:///{file}") as store,
    ):
        store.selection("pool-a")


def test_a_writer_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pluralens.personas.store import connection

    monkeypatch.setattr(connection, "WRITE_WAIT", 0.2)
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store.open(url) as first, Store.open(url) as second:
        with (
            first._connection.writing(),
            pytest.raises(InputError, match="another program has been writing to it"),
        ):
            second.delete("pool-a")
        assert first.infos() == second.infos() == []


def test_a_writer_that_never_ends_on_a_server(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pluralens.personas.store import connection

    monkeypatch.setattr(connection, "WRITE_WAIT", 1)
    url = postgres_server.new_database()
    with Store.open(url) as first, Store.open(url) as second:
        with (
            first._connection.writing(),
            pytest.raises(InputError, match="another program has been writing to it"),
        ):
            second.delete("pool-a")
        assert first.infos() == second.infos() == []
    postgres_server.drop_database(url)


def test_servers_that_cannot_be_reached(postgres_server: PostgresServer) -> None:
    port = postgres_server.port
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        fails(
            f"postgresql://u:hunter2@127.0.0.1:{unused.getsockname()[1]}/d",
            r"u:\*\*\*@127.0.0.1.*[Cc]onnection refused.*check that the server runs",
        )
    fails("postgresql://u:hunter2@no-such-host.invalid/d", "no-such-host.invalid")
    for wrong in ("hunter2", "hun%2Fter2"):
        fails(f"postgresql://{USER}:{wrong}@127.0.0.1:{port}/postgres", "password authentication")
    fails(f"postgresql://{USER}@127.0.0.1:{port}/postgres", "no password supplied")
    fails(postgres_server.url("nowhere"), 'database "nowhere" does not exist')
    for keyword in ("nonsense", "database", "thread_safe", "encoding"):
        fails(postgres_server.url(f"postgres?{keyword}=1"), f"'{keyword}' is no option")
    fails(postgres_server.url("postgres?connect_timeout=soon"), "soon|connect_timeout")
    fails(postgres_server.url("postgres?sslmode=nonsense"), "nonsense")
    fails(f"postgresql://u:hun%E4ter2@127.0.0.1:{port}/postgres", "password authentication")


def test_a_server_that_says_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        fails(f"postgresql://u:hunter2@{place}/d?connect_timeout=2", "timeout")


def test_a_user_without_rights(postgres_server: PostgresServer, de: Population) -> None:
    url = postgres_server.new_database()
    name = url.rpartition("/")[2]
    with postgres_server.connect(name) as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'hunter2'")
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    reader = f"postgresql://reader:hunter2@127.0.0.1:{postgres_server.port}/{name}"
    fails(reader, "the user may not do that; grant it the rights")
    with Store.open(url) as store:
        store.add(pool(de))
    with postgres_server.connect(name) as connection:
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    with Store.open(reader) as store:
        same(pool(de), store.selection("pool-a"))
        with pytest.raises(InputError, match="the user may not do that.*nothing of this change"):
            store.add(pool(de, "pool-b"))
    postgres_server.drop_database(url)
    with postgres_server.connect() as connection:
        connection.execute("DROP ROLE reader")


def test_a_lost_server_is_one_line_and_found_again(
    postgres_server: PostgresServer, de: Population
) -> None:
    url = postgres_server.new_database()
    one = str(pool(de).personas.ids[0])
    with Store.open(url) as store:
        store.add(pool(de))
        store.open_run(EnrichmentRun("run-a", "pool-a", "template", None, "de"))
        with postgres_server.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = %s AND pid <> pg_backend_pid()",
                [url.rpartition("/")[2]],
            )
        with pytest.raises(InputError, match=r"shut down|closed|terminat") as caught:
            store.record("run-a", one, {"name": "A"})
        assert "\n" not in str(caught.value)
        assert store.record("run-a", one, {"name": "B"})
        assert store.texts("run-a") == {one: {"name": "B"}}
    postgres_server.drop_database(url)
