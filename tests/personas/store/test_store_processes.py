"""Several processes at once, and processes that are killed."""

import signal
import time

from other_processes import go_on, start, together, wait_until_ready
from stored_people import pairs, pool, same

from pluralens.personas.population import Population
from pluralens.personas.store import EnrichmentRun, Store
from pluralens.personas.store.connection import Connection
from pluralens.personas.store.location import parse_url
from pluralens.personas.store.schema import LinkRow, MemberRow, PersonaRow

IMPORTS = """
from pluralens.personas.population import load_population
from pluralens.personas.store import Store
from stored_people import pairs, pool
de = load_population("de")
store = Store.open(url)
"""
# The same personas in opposite orders, which is what makes careless writers deadlock.
ADDING = """
from dataclasses import replace
base = pool(de, n=1500)
orders = [base.personas, base.personas.take(range(1499, -1, -1))]
ready()
for i in range(4):
    store.add(replace(base, name=f"{name}-{{i}}", personas=orders[({turn} + i) % 2]))
"""
RECORDING = """
ids = store.selection("pool-a").personas.ids.tolist()
ready()
print(sum(store.record("run-a", one, {{"name": {name!r}}}) for one in ids))
"""
POOL = """
base = pool(de, "pool-b", n=20_000)
ready()
store.add(base)
print("done", flush=True)
"""
PAIRS = """
cf = pairs(store.selection("pool-a"))
insert = store._connection.insert
def killed(model, *arguments):
    insert(model, *arguments)
    if model.__name__ == "LinkRow":
        os.kill(os.getpid(), signal.SIGKILL)
store._connection.insert = killed
ready()
store.add(cf)
"""


def counts(url: str) -> tuple[int, int, int]:
    connection = Connection(parse_url(url))
    found = [len(connection.rows(model.select())) for model in (PersonaRow, MemberRow, LinkRow)]
    if connection.is_sqlite:
        assert connection.database.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.database.execute_sql("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    return found[0], found[1], found[2]


def test_two_processes_add_at_once_and_lose_nothing(database: str, de: Population) -> None:
    Store.open(database).close()
    programs = [
        IMPORTS + ADDING.format(name=name, turn=turn) for turn, name in enumerate(("one", "two"))
    ]
    together(database, programs)
    base = pool(de, n=1500)
    with Store.open(database) as store:
        infos = store.infos()
        assert {info.name for info in infos} == {
            f"{n}-{i}" for n in ("one", "two") for i in range(4)
        }
        for name, last in (("one-0", -1), ("one-1", 0), ("two-0", 0), ("two-1", -1)):
            read = store.selection(name)
            assert sorted(read.personas.ids) == sorted(base.personas.ids)
            assert read.personas.ids[last] == base.personas.ids[-1]
            assert read.digest() == store.info(name).digest
    assert counts(database) == (1500, 8 * 1500, 0)


def test_two_processes_record_at_once_and_one_is_first(database: str, de: Population) -> None:
    with Store.open(database) as store:
        store.add(pool(de, n=150))
        store.open_run(EnrichmentRun("run-a", "pool-a", "model", "m", "de"))
    names = ["one", "two", "three"]
    wins = together(database, [IMPORTS + RECORDING.format(name=name) for name in names])
    with Store.open(database) as store:
        texts = store.texts("run-a")
    assert len(texts) == 150 == sum(map(int, wins))
    written = [text["name"] for text in texts.values()]
    assert [written.count(name) for name in names] == [int(count) for count in wins]


def test_killed_before_the_commit_nothing_is_stored(database: str, de: Population) -> None:
    base = pool(de, n=500)
    with Store.open(database) as store:
        store.add(base)
    process = start(database, IMPORTS + PAIRS)
    wait_until_ready(process)
    go_on(process)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert counts(database) == (500, 500, 0)
    with Store.open(database) as store:
        assert [info.name for info in store.infos()] == ["pool-a"]
        store.add(pairs(base))
        same(pairs(base), store.selection("cf-a"))


def test_killed_at_any_moment_all_or_nothing_is_stored(database: str, de: Population) -> None:
    with Store.open(database) as store:
        store.add(pool(de, n=10))
    begun = time.perf_counter()
    with Store.open("sqlite:///:memory:") as other:
        other.add(pool(de, n=20_000))
    moment = 1.1 * (time.perf_counter() - begun)
    cut_off = 0
    # Earlier each time, until two kills came before the end: how long it takes differs by machine
    # and by what else runs on it.
    while cut_off < 2:
        process = start(database, IMPORTS + POOL)
        wait_until_ready(process)
        go_on(process)
        time.sleep(moment)
        moment *= 0.6
        process.kill()
        out, _ = process.communicate(timeout=60)
        with Store.open(database) as store:
            names = [info.name for info in store.infos()]
            assert names in (["pool-a"], ["pool-a", "pool-b"])
            assert names == ["pool-a", "pool-b"] or "done" not in out
            if "pool-b" not in names:
                cut_off += 1
            else:
                same(pool(de, "pool-b", n=20_000), store.selection("pool-b"))
                store.delete("pool-b")
        # The ten of pool-a are the first ten of pool-b.
        assert counts(database) == (10, 10, 0)
