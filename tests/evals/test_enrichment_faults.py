"""`pluralens/persona_enrichment` against a server with faults, killed runs and two at once.

The oracle is the server's own request log: it knows what it wrote for which persona.
"""

import os
import signal
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from canned_personas import TEXTS_ARE_VALID
from canned_replies import Knobs, short_hash
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log, recover_eval_log
from inspect_ai.model import get_model
from openai_server import OpenAIServer

from pluralens.personas.description import describe
from pluralens.personas.persona import Personas
from pluralens.personas.population import load_population
from pluralens.personas.sampling import sample
from pluralens.personas.selection import Selection
from pluralens.personas.store import Store
from pluralens.scorers.enrichment_logs import enrich_from_log

MODEL = "openai-api/local/writer"
N = 30
# With this seed of the server every kind of fault occurs.
SEED = 4
CONTENT = dict(
    plength=0.08, pfence=0.1, prefuse=0.08, pprose=0.1, pvague=0.08, plong=0.1, pmissing=0.08,
    pextra=0.08, pdecomposed=0.1,
)  # fmt: skip
TRANSPORT = {"p429": 0.1, "p500": 0.08, "pdrop": 0.08, "retry_after": 0.05}
INVALID = {
    "length": "truncated", "refuse": "refused", "vague": "no object", "missing": "missing key",
    "long": "too long: biography (421 characters of 420)", "extra": "unknown key",
}  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAIServer]:
    with OpenAIServer(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.configure(**vars(Knobs(seed=SEED)))
    running.reset()
    running.log_file.write_text("")
    return running


def add(url: str) -> Personas:
    people = sample(load_population("de"), N, seed=2)
    with Store.open(url) as store:
        store.add(Selection("pool-a", "pool", people, seed=2, parameters={}, source="de"))
    return people


def environment(server: OpenAIServer, url: str, folder: Path) -> dict[str, str]:
    return {
        "LOCAL_BASE_URL": server.base_url, "LOCAL_API_KEY": "none", "DB_URL": url,
        # inspect keeps samples that are not yet in the log in a database in this folder.
        "XDG_DATA_HOME": str(folder / "data"),
    }  # fmt: skip


def command(*options: str) -> list[str]:
    return [
        "inspect", "eval", "pluralens/persona_enrichment", "--model", MODEL,
        "-T", "selection=pool-a", "--log-dir", "logs", *options,
    ]  # fmt: skip


def in_process(server: OpenAIServer, folder: Path) -> EvalLog:
    (log,) = inspect_eval(
        "pluralens/persona_enrichment", task_args={"selection": "pool-a"},
        model=get_model(MODEL, base_url=server.base_url, api_key="none"),
        log_dir=str(folder), log_realtime=False, display="none",
    )  # fmt: skip
    return log


def by_hash(people: Personas) -> dict[str, str]:
    """The server's name of a persona -> its id."""
    population = people.population
    return {
        short_hash(describe(p.attributes, population, language="de")): p.persona_id for p in people
    }


def answered(requests: list[dict[str, Any]], people: Personas) -> dict[str, list[dict[str, Any]]]:
    """Persona id -> the answers that left the server, in order, the last of each question."""
    ids = by_hash(people)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for r in requests:
        if r["texts"] is not None:
            found.setdefault(ids[r["persona"]], {})[r["user"]] = r
    return {id: list(answers.values()) for id, answers in found.items()}


def newest(folder: Path) -> EvalLog:
    return read_eval_log(list_eval_logs(str(folder / "logs"), descending=True)[0])


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.status == "success" and log.results
    return {name: m.value for score in log.results.scores for name, m in score.metrics.items()}


def assert_stored_as_answered(
    url: str, answers: dict[str, list[dict[str, Any]]]
) -> tuple[set[str], set[str]]:
    """Every text and every failure in the database is what the server's log says.

    Returns:
        Ids of personas with texts, and of those that failed.
    """
    with Store.open(url) as store:
        texts, failures = store.texts("pool-a-model"), store.failures("pool-a-model")
    assert not set(texts) & set(failures)
    for id, found in texts.items():
        last = answers[id][-1]
        assert last["outcome"] in TEXTS_ARE_VALID
        # Composed, whatever form the server sent.
        assert found == {k: unicodedata.normalize("NFC", t) for k, t in last["texts"].items()}
        assert len(found["name"]) <= 40 and len(found["biography"]) <= 420
        assert set("äöüß") & set(found["biography"] + found["appearance"])
    for id, reason in failures.items():
        assert len(answers[id]) == 2
        expected = INVALID[answers[id][-1]["outcome"]]
        assert reason == (expected + ": appearance" if expected == "missing key" else expected)
    return set(texts), set(failures)


def test_faults_on_the_way_lose_nothing_and_count_nothing_twice(
    server: OpenAIServer, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = add(database)
    monkeypatch.setenv("DB_URL", database)
    server.configure(**CONTENT, **TRANSPORT)
    found = metrics(in_process(server, tmp_path))
    requests = server.requests()
    assert {r["outcome"] for r in requests} >= {"429", "500", "drop", *INVALID, *TEXTS_ARE_VALID}
    answers = answered(requests, people)
    assert set(answers) == set(people.ids.tolist())
    for given in answers.values():
        # Asked again exactly when the first answer was invalid.
        assert (len(given) == 2) == (given[0]["outcome"] in INVALID)
    enriched, failed = assert_stored_as_answered(database, answers)
    assert found["asked"] == len(answers) == N == found["enriched"] + found["failed"]
    assert (found["enriched"], found["failed"]) == (len(enriched), len(failed))
    assert found["reasked"] == sum(len(given) == 2 for given in answers.values())
    assert failed and {"decomposed", "fence", "prose"} <= {
        g[-1]["outcome"] for g in answers.values()
    }

    # The same command asks only for those that failed, and nobody else.
    server.log_file.write_text("")
    server.configure(seed=SEED + 1, **dict.fromkeys([*CONTENT, "p429", "p500", "pdrop"], 0.0))
    found = metrics(in_process(server, tmp_path))
    again = answered(server.requests(), people)
    assert set(again) == failed and all(len(given) == 1 for given in again.values())
    assert (found["asked"], found["kept"], found["enriched"]) == (
        len(failed),
        len(enriched),
        len(failed),
    )
    assert assert_stored_as_answered(database, {**answers, **again}) == (set(answers), set())
    server.log_file.write_text("")
    assert metrics(in_process(server, tmp_path))["kept"] == N
    assert server.requests() == []


def test_a_cut_off_envelope_is_an_error_that_eval_retry_repeats(
    server: OpenAIServer, tmp_path: Path, run: Any
) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    people = add(url)
    server.configure(pbadbody=0.2)
    where = environment(server, url, tmp_path)
    done = run(*command("--no-fail-on-error"), **where)
    assert done.returncode == 0, done.stdout + done.stderr
    log = newest(tmp_path)
    errors = {str(s.id) for s in log.samples or [] if s.error}
    assert 0 < len(errors) < N and metrics(log)["asked"] == N - len(errors)
    with Store.open(url) as store:
        assert set(store.texts("pool-a-model")) == set(people.ids.tolist()) - errors
        # The machinery's fault is no failure of the model.
        assert not store.failures("pool-a-model")
        counts = enrich_from_log(log.location, store)
        assert (counts.kept, counts.written, counts.failed) == (N - len(errors), 0, 0)
    server.log_file.write_text("")
    server.configure(pbadbody=0.0)
    done = run("inspect", "eval-retry", log.location, "--log-dir", "logs", **where)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(answered(server.requests(), people)) == errors
    found = metrics(newest(tmp_path))
    assert (found["asked"], found["enriched"], found["kept"]) == (N, N, 0)
    with Store.open(url) as store:
        assert set(store.texts("pool-a-model")) == set(people.ids.tolist())


def started(folder: Path, where: dict[str, str], *options: str) -> "subprocess.Popen[bytes]":
    program, *arguments = command("--display", "none", *options)
    return subprocess.Popen(
        [str(Path(sys.executable).with_name(program)), *arguments],
        cwd=folder, env={**os.environ, **where}, start_new_session=True,
    )  # fmt: skip


def test_after_a_kill_the_same_command_asks_only_the_rest(
    server: OpenAIServer,
    database: str,
    tmp_path: Path,
    run: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = add(database)
    server.configure(latency_ms=150)
    where = environment(server, database, tmp_path)
    process = started(tmp_path, where, "--max-connections", "4")
    try:
        while server.stats()["requests"] < N // 2:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    server.settle()
    before = server.requests()
    with Store.open(database) as store:
        saved = store.texts("pool-a-model")
        # What the log has of it brings nothing new: the store is always ahead of the log.
        counts = enrich_from_log(newest(tmp_path).location, store)
        assert (counts.written, counts.failed, counts.differing) == (0, 0, 0)
    # inspect's own record of a killed run brings texts into a store that has none: its samples
    # have lost their typed store, and tell it by their events.
    monkeypatch.setenv("XDG_DATA_HOME", where["XDG_DATA_HOME"])
    salvaged = str(tmp_path / "salvaged.eval")
    recover_eval_log(newest(tmp_path).location, output=salvaged, cleanup=False)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    add(other)
    with Store.open(other) as store:
        counts = enrich_from_log(salvaged, store)
        assert counts.written >= N // 2 - 8 and counts == (counts.written, 0, 0, 0)
        assert store.texts("pool-a-model").items() <= saved.items()
    # All that had been answered but what was under way in the four connections.
    assert N // 2 - 8 <= len(saved) < N
    server.configure(latency_ms=0)
    done = run(*command(), **where)
    assert done.returncode == 0, done.stdout + done.stderr
    again = answered(server.requests()[len(before) :], people)
    assert set(again) == set(people.ids.tolist()) - set(saved)
    answers = answered(server.requests(), people)
    assert assert_stored_as_answered(database, answers)[0] == set(people.ids.tolist())
    found = metrics(newest(tmp_path))
    assert (found["kept"], found["enriched"]) == (len(saved), N - len(saved))
    with Store.open(database) as store:
        assert {id: store.texts("pool-a-model")[id] for id in saved} == saved


def test_two_runs_at_once_write_each_persona_once(server: OpenAIServer, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'store.db'}"
    people = add(database)
    server.configure(latency_ms=30, **CONTENT)
    where = environment(server, database, tmp_path)
    processes = [started(tmp_path, where, "--log-dir", f"logs/{i}") for i in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    answers = answered(server.requests(), people)
    enriched, failed = assert_stored_as_answered(database, answers)
    assert enriched | failed == set(people.ids.tolist())
    total = Counter[str]()
    for info in list_eval_logs(str(tmp_path / "logs")):
        total.update({k: int(v) for k, v in metrics(read_eval_log(info)).items() if v == v})
    assert total["asked"] + total["kept"] == 2 * N
    assert total["enriched"] - total["superseded"] == len(enriched)
