"""Time of storing and reading personas, on SQLite and, where a server can be had, PostgreSQL.

    python benchmarks/store.py [--engines sqlite postgresql] [--repeats 3]

Goals on two cores, with SQLite: 20,000 personas sampled and stored in at most 1.5 s for the whole
process, 1 s of it in the store; counterfactuals of 2,000 bases, five attributes, one twin each,
made and stored in at most 2 s, 1 s of it in the store; a selection of 2,000 with the texts of an
enrichment run read in at most 0.5 s. PostgreSQL is timed beside it. Best of the repeats; exit code
1 when a goal is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "servers"))

ATTRIBUTES = ("age", "gender", "origin", "religion", "sexuality")
# what -> goal in seconds
GOALS = {
    "20,000 sampled and stored, whole process": 1.5,
    "20,000 sampled and stored, in process": None,
    "  of it in Store.add, 20,000 personas": 1.0,
    "2,000 x 5 counterfactuals made and stored": 2.0,
    "  of it in Store.add, 10,000 pairs": 1.0,
    "2,000 and their texts read": 0.5,
    "10,000 pairs read": None,
    "one text recorded": None,
}


def pool(url: str) -> dict[str, float]:
    """Sample and store a pool, in this process."""
    from pluralens.personas.population import load_population
    from pluralens.personas.sampling import sample
    from pluralens.personas.selection import Selection
    from pluralens.personas.store import Store

    begun = time.perf_counter()
    personas = sample(load_population("de"), 20_000, seed=42)
    with Store.open(url) as store:
        before = time.perf_counter()
        store.add(Selection("pool-a", "pool", personas, 42, {"n": 20_000}, "de"))
        after = time.perf_counter()
    return {"in process": time.perf_counter() - begun, "add": after - before}


def rest(url: str) -> dict[str, float]:
    """Pairs, an enrichment run, and reading; the pool is there already."""
    from pluralens.personas.counterfactuals import counterfactual_pairs
    from pluralens.personas.persona import Personas
    from pluralens.personas.selection import Selection
    from pluralens.personas.store import EnrichmentRun, Store

    found = {}
    with Store.open(url) as store:
        bases = store.selection("pool-a").personas[:2000]
        begun = time.perf_counter()
        made = counterfactual_pairs(bases.population, bases, ATTRIBUTES, per_attribute=1)
        twins = Personas.from_rows(bases.population, made.twins)
        selection = Selection(
            "cf-a",
            "counterfactual",
            bases,
            0,
            {},
            "de",
            parent="pool-a",
            twins=twins,
            links=tuple(made.links),
        )
        before = time.perf_counter()
        store.add(selection)
        found["pairs"] = time.perf_counter() - begun
        found["add pairs"] = time.perf_counter() - before
        store.add(Selection("base-a", "reality", bases, 0, {}, "de", parent="pool-a"))
        store.open_run(EnrichmentRun("run-a", "base-a", "model", "m", "de"))
        texts = {"name": "Ä" * 40, "appearance": "b" * 220, "biography": "c" * 420}
        begun = time.perf_counter()
        for persona_id in bases.ids.tolist():
            store.record("run-a", persona_id, texts)
        found["record"] = (time.perf_counter() - begun) / len(bases)
    with Store.open(url) as store:
        begun = time.perf_counter()
        people = store.selection("base-a").personas
        assert len(store.texts("run-a", people.ids.tolist())) == len(people)
        found["read"] = time.perf_counter() - begun
        begun = time.perf_counter()
        assert len(store.selection("cf-a").links) == len(made.links)
        found["read pairs"] = time.perf_counter() - begun
    return found


def measure(url: str) -> list[float]:
    """Seconds in the order of `GOALS`, of an empty database."""

    def child(part: str) -> tuple[float, dict[str, float]]:
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, __file__, "--child", part, url],
            check=True,
            capture_output=True,
            text=True,
        )
        return time.perf_counter() - begun, json.loads(done.stdout)

    whole, first = child("pool")
    _, second = child("rest")
    keys = ("pairs", "add pairs", "read", "read pairs", "record")
    return [whole, first["in process"], first["add"], *(second[key] for key in keys)]


def databases(engine: str, count: int, stack: ExitStack) -> list[str]:
    """URLs of empty databases."""
    if engine == "sqlite":
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        return [f"sqlite:///{folder}/{i}.db" for i in range(count)]
    from postgres_server import PostgresServer

    server = stack.enter_context(PostgresServer())
    return [server.new_database() for _ in range(count)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        part, url = arguments.child
        print(json.dumps({"pool": pool, "rest": rest}[part](url)))
        return 0
    from postgres_server import NoServer

    best: dict[str, list[float]] = {}
    for engine in arguments.engines:
        with ExitStack() as stack:
            try:
                urls = databases(engine, arguments.repeats, stack)
            except NoServer as reason:
                print(f"{engine}: not timed, {reason}")
                continue
            best[engine] = [min(times) for times in zip(*map(measure, urls), strict=True)]
    print(f"{'':42}{'goal':>10}" + "".join(f"{engine:>12}" for engine in best))
    for i, (what, goal) in enumerate(GOALS.items()):
        times = "".join(f"{times[i]:>10.4f} s" for times in best.values())
        print(f"{what:42}{f'{goal:.1f} s' if goal else '':>10}{times}")
    missed = "sqlite" in best and any(
        goal is not None and seconds > goal
        for goal, seconds in zip(GOALS.values(), best["sqlite"], strict=True)
    )
    print("goals missed" if missed else "goals met")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
