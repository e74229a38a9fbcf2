"""A killed run and `inspect eval-retry`: what was finished is kept, the rest is asked once more."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from canned_replies import short_hash
from inspect_ai import eval as inspect_eval
from inspect_ai import score as inspect_score
from inspect_ai.log import (
    EvalLog,
    EvalSample,
    list_eval_logs,
    read_eval_log,
    recover_eval_log,
)
from inspect_ai.model import get_model
from inspect_ai.util import store_from_events_as
from openai_server import OpenAIServer

from pluralens.evals.likert import likert
from pluralens.scorers.answers import LikertAnswers
from pluralens.scorers.rating import rating

MODEL = "openai-api/local/likert"
ITEMS, N = "g1,g2,g4", 24
CALLS = 6
# At most as many personas are under way at once as there are connections.
CONNECTIONS = 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAIServer]:
    words = {"prefuse": 0.05, "pvague": 0.05, "pslash": 0.1}
    with OpenAIServer(tmp_path_factory.mktemp("server"), seed=2, language="de", **words) as running:
        yield running


@pytest.fixture(scope="module")
def uninterrupted(server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    (log,) = inspect_eval(
        likert(n=N, items=ITEMS),
        model=get_model(MODEL, base_url=server.base_url, api_key="none"),
        log_dir=str(tmp_path_factory.mktemp("uninterrupted")),
        log_realtime=False,
        display="none",
    )
    assert log.status == "success" and len(log.samples or []) == N
    return log


@pytest.fixture
def env(server: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    # inspect keeps the samples that are not yet in the log in a database in the user's data folder.
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    where = {"LOCAL_BASE_URL": server.base_url, "LOCAL_API_KEY": "none"}
    for name, value in where.items():
        monkeypatch.setenv(name, value)
    return where


def kill_in_the_middle(
    server: OpenAIServer, folder: Path, env: dict[str, str], *options: str
) -> tuple[str, int]:
    """Start the eval, kill it halfway; its log and the number of requests so far."""
    server.reset()
    server.log_file.write_text("")
    server.configure(latency_ms=120)
    command = [
        str(Path(sys.executable).with_name("inspect")), "eval", "pluralens/likert",
        "--model", MODEL, "-T", f"n={N}", "-T", f"items={ITEMS}", "--log-dir", "logs",
        "--max-connections", str(CONNECTIONS), "--display", "none", *options,
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **env}, start_new_session=True
    )
    try:
        while server.stats()["requests"] < N * CALLS // 2:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    server.configure(latency_ms=0)
    server.settle()
    (info,) = list_eval_logs(str(folder / "logs"))
    return info.name, len(server.requests())


def retry(log: str, run: Any, folder: Path, env: dict[str, str]) -> EvalLog:
    done = run("inspect", "eval-retry", log, "--log-dir", "logs", **env)
    assert done.returncode == 0, done.stdout + done.stderr
    (later,) = {info.name for info in list_eval_logs(str(folder / "logs"))} - {log}
    return read_eval_log(later)


def assert_asked_once(
    server: OpenAIServer, before: int, finished: set[str], samples: dict[str, EvalSample]
) -> None:
    """No finished persona again, every other one as often as in an uninterrupted run."""
    again = Counter(r["persona"] for r in server.requests()[before:])
    people = {id: short_hash(sample.input) for id, sample in samples.items()}
    assert not set(again) & {people[id] for id in finished}
    assert set(again) == {people[id] for id in set(people) - finished}
    answers = {id: s.store_as(LikertAnswers).answers for id, s in samples.items()}
    for id in set(people) - finished:
        assert again[people[id]] == sum(len(a.replies) for a in answers[id])


def as_text(thing: Any) -> str:
    """Comparable with NaN."""
    return json.dumps(thing, sort_keys=True)


def scored(sample: EvalSample) -> str:
    """What figures are made of."""
    assert sample.scores and sample.error is None
    score = sample.scores["rating"]
    return as_text(
        [sample.epoch, sample.input, sample.metadata, score.value, score.explanation,
         score.metadata]
    )  # fmt: skip


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.status == "success" and log.results
    return {name: m.value for score in log.results.scores for name, m in score.metrics.items()}


def by_id(log: EvalLog) -> dict[str, EvalSample]:
    assert len(log.samples or []) == N
    return {str(sample.id): sample for sample in log.samples or []}


def test_the_plain_commands_keep_every_finished_persona(
    server: OpenAIServer,
    uninterrupted: EvalLog,
    env: dict[str, str],
    tmp_path: Path,
    run: Any,
) -> None:
    killed, before = kill_in_the_middle(server, tmp_path, env)
    # What can be read after the kill: the log, and inspect's database of samples not yet in it.
    in_log = {str(s.id) for s in read_eval_log(killed).samples or []}
    salvaged = recover_eval_log(killed, output=str(tmp_path / "salvaged.eval"), cleanup=False)
    finished = {str(s.id) for s in salvaged.samples or [] if s.error is None}
    assert in_log <= finished
    assert N // 2 - 2 * CONNECTIONS <= len(finished) < N
    log = retry(killed, run, tmp_path, env)
    assert metrics(log) == pytest.approx(metrics(uninterrupted), nan_ok=True)
    expected = by_id(uninterrupted)
    for id, sample in by_id(log).items():
        assert scored(sample) == scored(expected[id])
        # The typed store of a salvaged sample is empty; its replies are in the transcript.
        replies = store_from_events_as(sample.events, LikertAnswers).answers
        assert replies == expected[id].store_as(LikertAnswers).answers
    assert_asked_once(server, before, finished, expected)
    # Also what was salvaged can be scored again without a call.
    again = inspect_score(log, rating(), action="overwrite", display="none")
    assert metrics(again) == pytest.approx(metrics(uninterrupted), nan_ok=True)
    for id, sample in by_id(again).items():
        assert scored(sample) == scored(expected[id])


def test_without_realtime_logging_a_write_per_persona_keeps_them_whole(
    server: OpenAIServer,
    uninterrupted: EvalLog,
    env: dict[str, str],
    tmp_path: Path,
    run: Any,
) -> None:
    options = ("--no-log-realtime", "--log-buffer", "1")
    killed, before = kill_in_the_middle(server, tmp_path, env, *options)
    finished = {str(s.id) for s in read_eval_log(killed).samples or []}
    assert N // 2 - 2 * CONNECTIONS <= len(finished) < N
    log = retry(killed, run, tmp_path, env)
    assert metrics(log) == pytest.approx(metrics(uninterrupted), nan_ok=True)
    expected = by_id(uninterrupted)
    for id, sample in by_id(log).items():
        assert scored(sample) == scored(expected[id])
        assert as_text(sample.store) == as_text(expected[id].store)
        assert [m.text for m in sample.messages] == [m.text for m in expected[id].messages]
        assert sample.output.completion == expected[id].output.completion
    assert_asked_once(server, before, finished, expected)
