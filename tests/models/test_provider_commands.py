"""One command per service, as a person types it, against a local server that fails on purpose.

The oracle is the server's own request log: it knows what it answered to which question.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from canned_replies import Knobs, short_hash
from inspect_ai.log import EvalLog, EvalSample, list_eval_logs, read_eval_log
from openai_server import OpenAIServer

from pluralens.solvers.adjectives import load_adjectives
from pluralens.solvers.prompts import likert_wording

for library in ("google.genai", "groq", "mistralai", "litellm"):
    pytest.importorskip(library, reason='needs pip install "pluralens[providers]"')
pytestmark = pytest.mark.providers

ITEMS = ("g1", "g2")
KEYS = [f"{item}{rev}" for item in ITEMS for rev in ("", "_rev")]
# With this seed every kind of fault occurs, and exactly one sample gets a reply that is cut off.
FAULTS = dict(seed=800, p429=0.15, p500=0.1, pdrop=0.12, pbadbody=0.05, retry_after=0.05)


class Service(NamedTuple):
    """How inspect reaches one service.

    Attributes:
        model: What goes after `--model`.
        key: The variable of its key.
        address: The variable, or the option, that moves it to another address.
        path: What follows the server's name in that address.
        options: Further options of the command.
    """

    model: str
    key: str
    address: str
    path: str
    options: tuple[str, ...] = ()

    def command(self, url: str) -> tuple[list[str], dict[str, str]]:
        """Arguments of inspect, and environment."""
        where = url + self.path
        at = {"api_base": ["-M", f"api_base={where}"], "base_url": ["--model-base-url", where]}
        arguments = ["--model", self.model, *at.get(self.address, []), *self.options]
        environment = {self.key: "none"}
        if self.address not in at:
            environment[self.address] = where
        return arguments, environment


CEREBRAS, COHERE = "llama3.1-8b", "command-a-03-2025"
SERVICES = {
    "google": Service("google/gemini-2.5-flash", "GOOGLE_API_KEY", "GOOGLE_BASE_URL", ""),
    "groq": Service("groq/llama-3.1-8b-instant", "GROQ_API_KEY", "GROQ_BASE_URL", ""),
    # Streams by default, and then a reply that is cut off passes for a whole one.
    "huggingface": Service(
        "hf-inference-providers/meta-llama/Llama-3.1-8B-Instruct",
        "HF_TOKEN",
        "base_url",
        "/hf/v1",
        ("-M", "stream=false"),
    ),
    "cerebras": Service(
        f"openai-api/cerebras/{CEREBRAS}", "CEREBRAS_API_KEY", "CEREBRAS_BASE_URL", "/v1"
    ),
    "mistral": Service("mistral/mistral-small-latest", "MISTRAL_API_KEY", "MISTRAL_BASE_URL", ""),
    "cohere": Service(f"openai-api/cohere/{COHERE}", "COHERE_API_KEY", "COHERE_BASE_URL", "/v1"),
    "openrouter": Service(
        "openrouter/openai/gpt-4o-mini", "OPENROUTER_API_KEY", "OPENROUTER_BASE_URL", "/v1"
    ),
    "litellm-google": Service(
        "litellm/gemini/gemini-2.5-flash", "GEMINI_API_KEY", "api_base", "/v1beta"
    ),
    "litellm-groq": Service(
        "litellm/groq/openai/gpt-oss-20b", "GROQ_API_KEY", "api_base", "/openai/v1"
    ),
    "litellm-huggingface": Service(
        "litellm/huggingface/together/deepseek-ai/DeepSeek-R1",
        "HF_TOKEN",
        "api_base",
        "/hf/v1/chat/completions",
    ),
    "litellm-cerebras": Service(
        f"litellm/cerebras/{CEREBRAS}", "CEREBRAS_API_KEY", "api_base", "/v1"
    ),
    "litellm-mistral": Service(
        "litellm/mistral/mistral-small-latest", "MISTRAL_API_KEY", "api_base", "/v1"
    ),
    # LiteLLM 1.83 knows no structured output of Cohere's.
    "litellm-cohere": Service(
        f"litellm/cohere/{COHERE}", "COHERE_API_KEY", "api_base", "/v2/chat", ("-T", "elicit=text")
    ),
    "litellm-openrouter": Service(
        "litellm/openrouter/openai/gpt-4o-mini", "OPENROUTER_API_KEY", "api_base", "/v1"
    ),
}

# inspect's provider takes a reply that is no JSON for a failure on the way.
ASKS_AGAIN = ("openrouter",)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAIServer]:
    with OpenAIServer(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.configure(**{**vars(Knobs()), **FAULTS})
    running.reset()
    running.log_file.write_text("")
    return running


def questions(sample: EvalSample, elicit: str) -> dict[str, str]:
    """The server's names of what a sample asks."""
    adjectives = {a.id: a.adjective for a in load_adjectives("de")}
    wording = likert_wording("de", elicit=elicit)
    return {
        key: short_hash(
            wording.ask(
                str(sample.input),
                adjectives[key.removesuffix("_rev")],
                None,
                key.endswith("_rev"),
            )
        )
        for key in KEYS
    }


def assert_scores_are_the_answers(
    samples: list[EvalSample], requests: list[dict[str, Any]], elicit: str
) -> None:
    """Every score is what the server answered, and nothing was asked again that was answered."""
    answers = Counter(r["question"] for r in requests if r["outcome"] == "ok")
    ratings = {r["question"]: r["rating"] for r in requests if r["outcome"] == "ok"}
    for sample in samples:
        assert sample.error is None and sample.scores
        value = sample.scores["rating"].value
        assert isinstance(value, dict)
        for key, question in questions(sample, elicit).items():
            assert answers[question] == 1, (sample.id, key)
            assert value[key] == ratings[question], (sample.id, key)
        assert value["asked"] == value["rated"] == len(KEYS) and value["reasked"] == 0


def only_log(folder: Path, *known: str) -> tuple[str, EvalLog]:
    (info,) = [log for log in list_eval_logs(str(folder)) if log.name not in known]
    return info.name, read_eval_log(info)


@pytest.mark.parametrize("name", SERVICES)
def test_every_prompt_is_answered_once_or_reported(
    name: str, server: OpenAIServer, tmp_path: Path, run: Any
) -> None:
    service = SERVICES[name]
    elicit = "text" if "elicit=text" in service.options else "json"
    arguments, environment = service.command(server.url)
    done = run(
        "inspect", "eval", "pluralens/likert", *arguments, "-T", "n=3",
        "-T", f"items={','.join(ITEMS)}", "--no-fail-on-error", "--log-dir", "logs", **environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    file, log = only_log(tmp_path / "logs")
    requests = server.requests()
    assert {r["outcome"] for r in requests} == {"ok", "429", "500", "drop", "badbody"}

    # A reply that is cut off is the sample's error, never a rating; one provider asks again.
    samples = log.samples or []
    kept = [s for s in samples if s.error is None]
    assert_scores_are_the_answers(kept, requests, elicit)
    (cut,) = [r["question"] for r in requests if r["outcome"] == "badbody"]
    (failed,) = [s for s in samples if cut in questions(s, elicit).values()]
    if name in ASKS_AGAIN:
        assert len(kept) == len(samples) == 3
        return
    assert failed.error and not failed.scores and len(kept) == 2

    server.configure(pbadbody=0.0)
    server.log_file.write_text("")
    done = run("inspect", "eval-retry", file, "--log-dir", "logs", **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    _, later = only_log(tmp_path / "logs", file)
    again = server.requests()
    assert later.status == "success" and later.samples and later.results
    assert {s.id for s in later.samples} == {s.id for s in samples}
    # Only the failed sample was asked again, all of it: an answer lost with it counts for nothing.
    assert {r["persona"] for r in again} == {short_hash(failed.input)}
    (repaired,) = [s for s in later.samples if s.id == failed.id]
    assert_scores_are_the_answers([repaired], again, elicit)
    assert_scores_are_the_answers([s for s in later.samples if s.id != failed.id], requests, elicit)
    found = {k: m.value for score in later.results.scores for k, m in score.metrics.items()}
    assert found["asked"] == found["rated"] == 3 * len(KEYS)


def test_a_stream_that_is_cut_off_passes_for_a_whole_reply(
    server: OpenAIServer, tmp_path: Path, run: Any
) -> None:
    """Why the command for Hugging Face turns streaming off; drop it when this fails."""
    server.configure(p429=0, p500=0, pdrop=0, pbadbody=1.0)
    service = SERVICES["huggingface"]._replace(options=())
    arguments, environment = service.command(server.url)
    done = run(
        "inspect", "eval", "pluralens/likert", *arguments, "-T", "n=1", "-T", "items=g1",
        "--no-fail-on-error", "--log-dir", "logs", **environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    _, log = only_log(tmp_path / "logs")
    assert not any(s.error for s in log.samples or [])
