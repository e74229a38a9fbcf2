"""`pluralens/likert` on real weights: a tiny chat model, trained here, in inspect's own `hf/`."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log
from tiny_chat_model import train_tiny_chat_model

from pluralens.evals.likert import likert
from pluralens.solvers.adjectives import load_adjectives
from pluralens.solvers.prompts import likert_wording

pytestmark = pytest.mark.hf

# What the model is taught: a rating per adjective, whoever the person is and in either order.
TAUGHT = {"de": {"g1": 4, "g4": 2}, "en": {"e1": 5, "e4": 1}}
PEOPLE = 24
SEED_OF_TRAINING, SEED_OF_TEST = 7, 8
N = 3


def prompts() -> list[tuple[list[dict[str, str]], str]]:
    """The project's own prompts about other people than those of the tests, with answers."""
    found = []
    for language, ratings in TAUGHT.items():
        people = likert(n=PEOPLE, seed=SEED_OF_TRAINING, language=language, items=list(ratings))
        adjectives = {a.id: a.adjective for a in load_adjectives(language)}
        for elicit, form in (("json", '{{"rating": {}}}'), ("text", "{}")):
            wording = likert_wording(language, elicit=elicit)
            for person in people.dataset:
                for item, value in ratings.items():
                    for upside_down in (False, True):
                        text = wording.ask(str(person.input), adjectives[item], None, upside_down)
                        messages = [
                            {"role": "system", "content": wording.system},
                            {"role": "user", "content": text},
                        ]
                        found.append((messages, form.format(value)))
    return found


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as environment:
        # Else inspect asks the hub for the context size of "tiny", and waits half a minute.
        environment.setenv("HF_HUB_OFFLINE", "1")
        folder = tmp_path_factory.mktemp("tiny")
        train_tiny_chat_model(folder, prompts(), steps=140, seed=0)
        yield folder


def values(log: EvalLog) -> list[dict[str, float]]:
    assert log.status == "success", log.error
    assert len(log.samples or []) == N
    found = []
    for sample in log.samples or []:
        assert sample.scores
        value = sample.scores["rating"].value
        assert isinstance(value, dict)
        found.append({k: float(v) for k, v in value.items()})  # type: ignore[arg-type]
    return found


def assert_as_taught(log: EvalLog, language: str) -> None:
    taught = TAUGHT[language]
    asked = N * 2 * len(taught)
    rated = right = 0
    for value in values(log):
        assert value["asked"] == 2 * len(taught)
        assert value["rated"] + value["refused"] + value["invalid"] == value["asked"]
        for item, expected in taught.items():
            given = [value[item], value[f"{item}_rev"]]
            rated += sum(not math.isnan(v) for v in given)
            right += sum(v == expected for v in given)
    assert rated >= 0.8 * asked
    assert right >= 0.8 * asked


def in_process(checkpoint: Path, folder: Path, **task: Any) -> EvalLog:
    # The task's own temperature of 0 goes to the provider as it is.
    (log,) = inspect_eval(
        likert(n=N, seed=SEED_OF_TEST, **task),
        model="hf/tiny",
        model_args={"model_path": str(checkpoint), "device": "cpu", "do_sample": False},
        log_dir=str(folder),
        display="none",
    )
    return log


def test_the_command_line_rates_with_a_local_model(
    checkpoint: Path, tmp_path: Path, run: Any
) -> None:
    done = run(
        "inspect", "eval", "pluralens/likert", "--model", "hf/tiny",
        "-M", f"model_path={checkpoint}", "-M", "device=cpu", "-M", "do_sample=false",
        "-T", f"n={N}", "-T", f"seed={SEED_OF_TEST}", "-T", f"items={','.join(TAUGHT['de'])}",
        "--log-dir", "logs",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    assert_as_taught(read_eval_log(info), "de")


def test_english(checkpoint: Path, tmp_path: Path) -> None:
    log = in_process(checkpoint, tmp_path, language="en", items=list(TAUGHT["en"]))
    assert_as_taught(log, "en")


def test_expected_ratings_come_from_the_models_own_distribution(
    checkpoint: Path, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    log = in_process(checkpoint, tmp_path, items="g1", orders="normal", elicit="logprobs")
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    wording = likert_wording("de", elicit="logprobs")
    adjective = next(a.adjective for a in load_adjectives("de") if a.id == "g1")
    for sample, value in zip(log.samples or [], values(log), strict=True):
        assert value["asked"] == value["rated"] == 1
        messages = [
            {"role": "system", "content": wording.system},
            {"role": "user", "content": wording.ask(str(sample.input), adjective, None, False)},
        ]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        with torch.no_grad():
            logits = model(**tokenizer(text, return_tensors="pt")).logits[0, -1]
        probability = torch.softmax(logits.double(), dim=-1)
        digits = [float(probability[tokenizer.convert_tokens_to_ids(str(d))]) for d in range(1, 6)]
        expected = sum(d * p for d, p in enumerate(digits, start=1)) / sum(digits)
        # The provider returns the 20 most probable tokens; a digit below them counts as missing.
        assert value["g1_ev"] == pytest.approx(expected, abs=0.01)
        assert value["missing_mass"] == pytest.approx(1 - sum(digits), abs=0.01)
        assert abs(value["g1_ev"] - TAUGHT["de"]["g1"]) < 1
