"""`pluralens/likert` through inspect's OpenAI-compatible provider, against a server with faults.

The oracle is the server's own request log: it knows what it answered to which question.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from canned_replies import Knobs, digit_distribution, short_hash
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog, EvalSample, list_eval_logs, read_eval_log
from inspect_ai.model import get_model
from openai_server import OpenAIServer

from pluralens.evals.likert import likert
from pluralens.solvers.adjectives import load_adjectives
from pluralens.solvers.prompts import likert_wording

MODEL = "openai-api/local/likert"
# With this seed of the server every kind of fault occurs several times.
SEED = 9
ITEMS = ("g1", "g2", "g4")
KEYS = [f"{item}{rev}" for item in ITEMS for rev in ("", "_rev")]
RATED = ("ok", "fence", "slash", "wide", "prose")
ASKED_AGAIN = ("length", "range", "vague")
WORDS = dict(plength=0.09, pfence=0.1, prefuse=0.1, prange=0.09, pslash=0.1, pwide=0.1, pprose=0.1)
CONTENT = {**WORDS, "pvague": 0.09, "language": "de"}
TRANSPORT = {"p429": 0.1, "p500": 0.08, "pdrop": 0.08, "retry_after": 0.05}


class Given(NamedTuple):
    """What the server answered, by its own log."""

    outcome: str
    rating: int
    prompt: str


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


def in_process(server: OpenAIServer, folder: Path, n: int = 12, **options: Any) -> EvalLog:
    of_task = {k: options.pop(k) for k in ("elicit",) if k in options}
    (log,) = inspect_eval(
        likert(n=n, items=list(ITEMS), **of_task),
        model=get_model(MODEL, base_url=server.base_url, api_key="none"),
        log_dir=str(folder),
        display="none",
        **options,
    )
    return log


def question(sample: EvalSample, key: str, elicit: str) -> str:
    """The server's name of one question."""
    adjectives = {a.id: a.adjective for a in load_adjectives("de")}
    item = key.removesuffix("_rev")
    wording = likert_wording("de", elicit=elicit)
    assert isinstance(sample.input, str)
    return short_hash(wording.ask(sample.input, adjectives[item], None, key.endswith("_rev")))


def given(requests: Iterable[dict[str, Any]]) -> dict[str, list[Given]]:
    """Per question the answers to it and, if it was asked again, to the second asking."""
    first: dict[str, Given] = {}
    second: dict[str, Given] = {}
    for r in requests:
        if r["rating"] is not None:
            answers = first if r["user"] == r["question"] else second
            answers[r["question"]] = Given(r["outcome"], r["rating"], r["prompt"])
    return {q: [a, *([second[q]] if q in second else [])] for q, a in first.items()}


def value_of(sample: EvalSample) -> dict[str, float]:
    assert sample.scores
    value = sample.scores["rating"].value
    assert isinstance(value, dict)
    return {k: float(v) for k, v in value.items()}  # type: ignore[arg-type]


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.results
    return {name: m.value for score in log.results.scores for name, m in score.metrics.items()}


def assert_counts_add_up(log: EvalLog) -> None:
    scored = [s for s in log.samples or [] if s.error is None]
    total = Counter[str]()
    for sample in scored:
        value = value_of(sample)
        assert value["asked"] == len(KEYS)
        assert value["rated"] + value["refused"] + value["invalid"] == value["asked"]
        total.update({k: int(value[k]) for k in ("asked", "rated", "refused", "invalid")})
    found = metrics(log)
    assert {k: found[k] for k in total} == dict(total)
    assert len({(s.id, s.epoch) for s in log.samples or []}) == len(log.samples or [])


def assert_scores_match(log: EvalLog, answered: dict[str, list[Given]], elicit: str) -> None:
    """Every score is what the server's log says."""
    for sample in log.samples or []:
        if sample.error is not None:
            assert not sample.scores
            continue
        value = value_of(sample)
        outcomes = Counter[str]()
        for key in KEYS:
            answers = answered[question(sample, key, elicit)]
            assert (len(answers) == 2) == (answers[0].outcome in ASKED_AGAIN)
            last = answers[-1]
            if last.outcome in RATED:
                assert value[key] == last.rating, (sample.id, key, last)
            else:
                assert math.isnan(value[key]), (sample.id, key, last)
            rated = "rated" if last.outcome in RATED else "invalid"
            outcomes["refused" if last.outcome == "refuse" else rated] += 1
            outcomes["reasked"] += len(answers) == 2
        for name in ("rated", "refused", "invalid", "reasked"):
            assert value[name] == outcomes[name], (sample.id, name)


def test_faults_on_the_way_lose_nothing_and_count_nothing_twice(
    server: OpenAIServer, tmp_path: Path, run: Any
) -> None:
    sound = in_process(server, tmp_path / "sound", log_realtime=False)
    assert_counts_add_up(sound)
    server.reset()
    server.log_file.write_text("")
    server.configure(**CONTENT, **TRANSPORT, pbadbody=0.05)
    where = {"LOCAL_BASE_URL": server.base_url, "LOCAL_API_KEY": "none"}
    options = ["-T", "n=12", "-T", f"items={','.join(ITEMS)}", "--log-dir", "logs"]
    done = run(
        "inspect", "eval", "pluralens/likert", "--model", MODEL, *options,
        "--no-fail-on-error", "--no-log-realtime", **where,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    faulty = read_eval_log(info)
    first_requests = server.requests()
    seen = {r["outcome"] for r in first_requests}
    assert seen == {"ok", "429", "500", "drop", "badbody", "length", "fence", "refuse", "range",
                    "slash", "wide", "prose", "vague"}  # fmt: skip

    # A truncated body is not retried by the provider: the sample is an error, never a rating.
    failed = {s.id for s in faulty.samples or [] if s.error is not None}
    assert 0 < len(failed) < 12
    assert all("JSON" in s.error.message for s in faulty.samples or [] if s.error)
    assert_counts_add_up(faulty)
    assert metrics(faulty)["asked"] == (12 - len(failed)) * len(KEYS)
    assert_scores_match(faulty, given(first_requests), "json")
    kept = {short_hash(s.input) for s in faulty.samples or [] if s.error is None}
    answered = Counter(
        r["prompt"] for r in first_requests if r["persona"] in kept and r["rating"] is not None
    )
    assert set(answered.values()) == {1}

    server.configure(pbadbody=0.0)
    done = run("inspect", "eval-retry", info.name, "--log-dir", "logs", **where)
    assert done.returncode == 0, done.stdout + done.stderr
    (later,) = {log.name for log in list_eval_logs(str(tmp_path / "logs"))} - {info.name}
    retried = read_eval_log(later)
    assert retried.status == "success"
    assert {s.id for s in retried.samples or []} == {s.id for s in sound.samples or []}
    assert all(s.error is None for s in retried.samples or [])
    assert_counts_add_up(retried)
    assert metrics(retried)["asked"] == 12 * len(KEYS)
    everything = given(server.requests())
    assert_scores_match(retried, everything, "json")
    asked_later = {r["persona"] for r in server.requests()[len(first_requests) :]}
    assert asked_later and not asked_later & kept

    expected = {s.id: value_of(s) for s in sound.samples or []}
    compared = 0
    for sample in retried.samples or []:
        for key in KEYS:
            if everything[question(sample, key, "json")][0].outcome in RATED:
                assert value_of(sample)[key] == expected[sample.id][key]
                compared += 1
    assert compared > 30


@pytest.mark.parametrize("elicit", ["text", "both"])
def test_content_faults_in_other_forms(server: OpenAIServer, tmp_path: Path, elicit: str) -> None:
    server.configure(**CONTENT, p429=0.03, retry_after=0.05)
    log = in_process(server, tmp_path, elicit=elicit)
    assert log.status == "success", log.error
    assert len({r["outcome"] for r in server.requests()} & {*RATED, *ASKED_AGAIN, "refuse"}) >= 8
    assert_counts_add_up(log)
    answered = given(server.requests())
    assert_scores_match(log, answered, elicit)
    if elicit == "both":
        for sample in log.samples or []:
            for key in KEYS:
                expected = expected_rating(answered[question(sample, key, elicit)][-1])
                assert value_of(sample)[f"{key}_ev"] == pytest.approx(expected, nan_ok=True)


def expected_rating(answer: Given) -> float:
    """Of the distribution over digits that the server gave to the first token."""
    if answer.outcome == "wide":
        return float(answer.rating)
    if answer.outcome != "ok":
        return math.nan
    shares = digit_distribution(Knobs(seed=SEED), f"{answer.prompt}-None")
    return sum(digit * share for digit, share in enumerate(shares, start=1)) / sum(shares)


def missing_mass(answer: Given) -> float:
    if answer.outcome == "ok":
        return 1 - sum(digit_distribution(Knobs(seed=SEED), f"{answer.prompt}-None"))
    return 0.1 if answer.outcome == "wide" else 1.0


def test_content_faults_with_log_probabilities(server: OpenAIServer, tmp_path: Path) -> None:
    server.configure(**CONTENT, p429=0.03, retry_after=0.05)
    log = in_process(server, tmp_path, elicit="logprobs")
    assert log.status == "success", log.error
    assert_counts_add_up(log)
    answered = given(server.requests())
    for sample in log.samples or []:
        value, answers = value_of(sample), {}
        for key in KEYS:
            (answers[key],) = answered[question(sample, key, "logprobs")]
            found = value[f"{key}_ev"]
            assert found == pytest.approx(expected_rating(answers[key]), nan_ok=True)
        masses = [missing_mass(answer) for answer in answers.values()]
        assert value["missing_mass"] == pytest.approx(sum(masses) / len(masses))
        assert value["rated"] == sum(a.outcome in ("ok", "wide") for a in answers.values())
    assert metrics(log)["invalid"] > 0 < metrics(log)["rated"]


def test_exhausted_retries_are_errors_and_never_answers(
    server: OpenAIServer, tmp_path: Path
) -> None:
    server.configure(p500=1.0)
    log = in_process(server, tmp_path, n=2, max_retries=0, fail_on_error=False)
    assert [bool(s.error) for s in log.samples or []] == [True, True]
    assert not any(s.scores for s in log.samples or [])
    assert not log.results or metrics(log).get("asked", 0) == 0
