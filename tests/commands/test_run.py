"""`pluralens run`: each model its own pace, and what is done is never asked again."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from canned_replies import TRANSPORT, short_hash
from command_line import Done, Line
from inspect_ai.log import EvalSample, list_eval_logs, read_eval_log, recover_eval_log
from openai_server import OpenAIServer

from pluralens.rosters.running import task_names

# How many requests each model may get at once.
PACE = {"a": 1, "b": 3, "c": 2}
N, CALLS = 8, 4
LIKERT = ("run", "likert", "--roster", "models.yaml", "-T", f"n={N}", "-T", "items=g1,g2")
Servers = Mapping[str, OpenAIServer]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A server per model; b's refuses and fails now and then."""
    faults = {"a": {}, "b": {"p429": 0.1, "p500": 0.05}, "c": {"pvague": 0.2}}
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                OpenAIServer(tmp_path_factory.mktemp(name), seed=3, language="de", **knobs)
            )
            for name, knobs in faults.items()
        }


@pytest.fixture
def env(servers: Servers, tmp_path: Path) -> dict[str, str]:
    """A folder with a roster of the three; everything forgotten that was asked before."""
    lines = ["models:"]
    for name, pace in PACE.items():
        servers[name].reset()
        servers[name].log_file.write_text("")
        lines += [
            f"  - model: openai-api/local/{name}",
            f"    base_url: {servers[name].base_url}",
            f"    concurrency: {pace}",
            f"    label: model {name}",
        ]
        if name == "c":
            lines.append("    config: {max_retries: 0}")
    (tmp_path / "models.yaml").write_text("\n".join(lines) + "\n")
    # inspect keeps samples that are not yet in a log in a database in the user's data folder.
    return {"LOCAL_API_KEY": "none", "XDG_DATA_HOME": str(tmp_path / "data")}


def asked(servers: Servers) -> dict[str, list[dict[str, Any]]]:
    return {name: server.requests() for name, server in servers.items()}


def by_model(folder: Path) -> dict[str, dict[str, EvalSample]]:
    """Samples of the successful logs."""
    found: dict[str, dict[str, EvalSample]] = {}
    for info in list_eval_logs(str(folder)):
        log = read_eval_log(info)
        if log.status == "success":
            name = log.eval.model.rpartition("/")[2]
            assert name not in found, "two successful logs of one model"
            found[name] = {str(sample.id): sample for sample in log.samples or []}
    return found


def scored(samples: Mapping[str, EvalSample]) -> str:
    """Comparable with NaN."""
    about = {}
    for id, sample in samples.items():
        assert sample.error is None and sample.scores
        score = sample.scores["rating"]
        about[id] = [sample.input, sample.metadata, score.value, score.explanation]
    return json.dumps(about, sort_keys=True)


def kill_in_the_middle(servers: Servers, folder: Path, env: Mapping[str, str]) -> None:
    for server in servers.values():
        server.configure(latency_ms=150)
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("pluralens")), *LIKERT],
        cwd=folder,
        env={**os.environ, **env},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while servers["a"].stats()["requests"] < N * CALLS // 2:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        for server in servers.values():
            server.configure(latency_ms=0)
    for server in servers.values():
        server.settle()


def test_a_killed_run_goes_on_where_it_was(
    servers: Servers, env: dict[str, str], tmp_path: Path, run: Any
) -> None:
    """The same command twice over a kill equals one that was left alone."""
    whole = run("pluralens", *LIKERT, "--log-dir", "whole", "--json", **env)
    assert whole.returncode == 0, whole.stderr
    document = json.loads(whole.stdout)
    assert document["complete"] and document["resume"] is None
    assert [(m["label"], m["concurrency"], m["status"], m["done"], m["total"])
            for m in document["models"]] == [
        (f"model {name}", pace, "done", N, N) for name, pace in PACE.items()
    ]  # fmt: skip
    expected = by_model(tmp_path / "whole")
    assert set(expected) == set(PACE) and all(len(s) == N for s in expected.values())
    first = asked(servers)
    assert {name: len(requests) for name, requests in first.items() if name != "b"} == {
        "a": N * CALLS,
        "c": sum(len(s.events and [e for e in s.events if e.event == "model"])
                 for s in expected["c"].values()),
    }  # fmt: skip
    for server in servers.values():
        server.reset()
        server.log_file.write_text("")

    kill_in_the_middle(servers, tmp_path, env)
    before = {name: len(requests) for name, requests in asked(servers).items()}
    # Each model at its own pace, and never faster.
    assert {name: server.stats()["max_in_flight"] for name, server in servers.items()} == PACE
    finished: dict[str, set[str]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", env["XDG_DATA_HOME"])
        for info in list_eval_logs(str(tmp_path / "logs" / "likert")):
            log = read_eval_log(info)
            if log.status == "started":
                log = recover_eval_log(info.name, output=str(tmp_path / "x.eval"), cleanup=False)
            done = {str(s.id) for s in log.samples or [] if s.error is None}
            finished[log.eval.model.rpartition("/")[2]] = done
    assert set(finished) == set(PACE)
    assert 1 <= len(finished["a"]) < N and len(finished["b"]) > len(finished["a"])

    again = run("pluralens", *LIKERT, **env)
    assert again.returncode == 0, again.stderr
    found = by_model(tmp_path / "logs" / "likert")
    for name in PACE:
        assert scored(found[name]) == scored(expected[name])
        people = {id: short_hash(s.input) for id, s in expected[name].items()}
        later = [r for r in servers[name].requests()[before[name] :]
                 if r["outcome"] not in TRANSPORT]  # fmt: skip
        answered = Counter(r["persona"] for r in later)
        once = Counter(r["persona"] for r in first[name] if r["outcome"] not in TRANSPORT)
        missing = {people[id] for id in set(people) - finished[name]}
        assert answered == {person: once[person] for person in missing}

    # A third time there is nothing left to ask.
    counts = asked(servers)
    third = run("pluralens", *LIKERT, **env)
    assert third.returncode == 0 and third.stdout.count("done") == 3, third.stderr
    assert asked(servers) == counts


def test_a_model_that_fails_leaves_the_others_and_can_be_completed(
    servers: Servers, env: dict[str, str], tmp_path: Path, run: Any
) -> None:
    servers["c"].configure(p500=1)
    options = ("--log-dir", "my logs", "--retries", "0", "--limit", "1")
    try:
        failed = run("pluralens", *LIKERT, *options, **env)
    finally:
        servers["c"].configure(p500=0)
    assert failed.returncode == 1 and "Traceback" not in failed.stdout, failed.stderr
    rows = {label: line.split() for line in failed.stdout.splitlines()
            for label in ("model a", "model b", "model c") if line.strip().startswith(label)
            and ":" not in line}  # fmt: skip
    assert rows["model a"][2:4] == ["done", "1/1"] == rows["model b"][2:4]
    assert rows["model c"][2:4] == ["failed", "0/1"]
    assert "model c: InternalServerError, at the last attempt too" in failed.stdout
    line = failed.stdout.splitlines()[-1]
    assert line.startswith("complete it with: pluralens run likert ")
    counts = asked(servers)

    done = run(*shlex.split(line.partition(": ")[2]), "--json", **env)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [(m["status"], m["done"]) for m in document["models"]] == [("done", 1)] * 3
    assert all((tmp_path / m["log"]).is_file() for m in document["models"])
    now = asked(servers)
    assert now["a"] == counts["a"] and now["b"] == counts["b"]
    assert len(now["c"]) > len(counts["c"])


def refused(done: Done, *words: str) -> None:
    assert (done.code, done.out) == (2, ""), done
    lines = done.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("pluralens: "), done.err
    for word in words:
        assert word in lines[0], lines[0]


@pytest.fixture
def roster(tmp_path: Path) -> Callable[..., str]:
    def write(*models: str, concurrency: int = 2) -> str:
        text = "".join(f"- model: {model}\n  concurrency: {concurrency}\n" for model in models)
        (tmp_path / "models.yaml").write_text(text)
        return "models.yaml"

    return write


SIM = "pluralens_sim/likert"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("run likert", ["--roster"]),
        ("run likert --roster nobody.yaml", ["nobody.yaml: there is no such file"]),
        ("run likert --roster models.yaml -T n", ["-T 'n' is no NAME=VALUE"]),
        ("run likert --roster models.yaml -T =3", ["is no NAME=VALUE"]),
        ("run likert --roster models.yaml -T n=1 -T n=2", ["-T n is given twice"]),
        ("run likert --roster models.yaml -T age=[", ["-T age='[' is no YAML value"]),
        ("run likert --roster models.yaml -T colour=red", ["no option colour='red'"]),
        ("run likert --roster models.yaml -T n=none", ["n"]),
        ("run likert --roster models.yaml --limit 0", ["--limit"]),
        ("run likert --roster models.yaml --max-tasks 0", ["--max-tasks"]),
        ("run likert --roster models.yaml --model-role grader", ["is no ROLE=MODEL"]),
        ("run likert --roster models.yaml --model-role grader=a,,b", ["is no ROLE=MODEL"]),
        ("run likert --roster models.yaml --model-role grader=gpt", ["grader=gpt: the model"]),
        ("run likert --roster models.yaml --log-dir models.yaml", ["no folder can be made"]),
        ("run likrt --roster models.yaml", ["no task 'likrt'; the closest is likert, and"]),
        ("run other/likert --roster models.yaml", ["no task 'other/likert'"]),
    ],
)  # fmt: skip
def test_wrong_words(
    pluralens: Line, roster: Callable[..., str], words: str, told: list[str]
) -> None:
    roster(SIM)
    refused(pluralens(words), *told)


def test_models_that_cannot_be_used(
    pluralens: Line, roster: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for model, told in {
        "nobodys/model": "API nobodys of model 'nobodys/model' not recognized",
        "openai/gpt-5": "OPENAI_API_KEY",
    }.items():
        path = roster(SIM, model)
        refused(pluralens(f"run likert --roster {path}"), "models.yaml, line 3", told)


def test_the_models_of_a_folder_are_not_others(
    pluralens: Line, roster: Callable[..., str], tmp_path: Path
) -> None:
    run = "run likert -T n=2 -T items=g1 --roster"
    done = pluralens(f"{run} {roster(SIM)} --json")
    assert done.code == 0 and done.json["models"][0]["log"].startswith("logs/likert/"), done.err
    log = Path(done.json["models"][0]["log"])
    # More samples of the same, and another pace, are the same run.
    refused(pluralens(f"run likert -T n=3 -T items=g1 --roster {roster(SIM)}"), log.name)
    refused(pluralens(f"{run} {roster('mockllm/model')}"), "--log-dir logs/likert holds", log.name)
    assert pluralens(f"{run} {roster(SIM, concurrency=5)}").code == 0
    log.write_bytes(log.read_bytes()[:200])
    refused(pluralens(f"{run} {roster(SIM)}"), f"{log}: this is no readable log; move it")


def test_models_that_inspect_lets_share_a_pool(pluralens: Line, tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(
        "- {model: mockllm/one, concurrency: 2}\n- {model: mockllm/two, concurrency: 3}\n"
    )
    done = pluralens("run likert --roster models.yaml")
    refused(done, "line 2: mockllm/two shares its connections with mockllm/one, which has", "not 3")


def test_the_tasks_are_those_of_the_package() -> None:
    assert {"likert", "persona_enrichment"} <= set(task_names())
    assert "rating" not in task_names()


def test_triplets_without_a_grader_are_refused_before_anything_is_asked(
    pluralens: Line, roster: Callable[..., str], tmp_path: Path
) -> None:
    path = roster("pluralens_sim/neutral")
    refused(pluralens(f"run triplets --roster {path} -T triplets=2"), "--model-role grader=")
    assert not (tmp_path / "logs").exists()
