"""StereoSet and Winogender with a checkpoint: one pass, equal numbers locally and served."""

import json
import math
import time
from pathlib import Path
from typing import Any

import click
import pytest

torch = pytest.importorskip("torch")

from inspect_ai import eval as inspect_eval  # noqa: E402
from inspect_ai.log import EvalLog  # noqa: E402
from inspect_ai.model import get_model  # noqa: E402
from prompt_logprobs_server import PromptLogprobsServer  # noqa: E402
from tiny_language_models import saved, tiny_gpt2, tiny_tokenizer  # noqa: E402

from pluralens.errors import InputError  # noqa: E402
from pluralens.evals.stereoset import stereoset  # noqa: E402
from pluralens.evals.winogender import winogender  # noqa: E402
from pluralens.interp import likelihood as module  # noqa: E402
from pluralens.interp.checkpoint import adopt, load_checkpoint  # noqa: E402
from pluralens.sentences.stereoset import load_stereoset  # noqa: E402
from pluralens.solvers.local_likelihoods import LocalReader, local_readings  # noqa: E402
from pluralens.solvers.text_groups import TextGroup, triplet_groups  # noqa: E402

pytestmark = pytest.mark.interp

BOS = "<|endoftext|>"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
STEREOSET = SHARED / "stereoset_intrasentence.jsonl"
published = pytest.mark.skipif(not STEREOSET.is_file(), reason="the published data are not here")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    # Long enough for every published sentence with this tokenizer.
    return saved(
        tiny_gpt2(n_positions=160), tiny_tokenizer(), tmp_path_factory.mktemp("checkpoint")
    )


def evaluate(where: Path, task: Any, model: Any = None, **settings: Any) -> EvalLog:
    (log,) = inspect_eval(
        task, model=model, log_dir=str(where), display="none", log_realtime=False, **settings
    )
    assert log.status == "success", log.error
    return log


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.results
    return {name: m.value for score in log.results.scores for name, m in score.metrics.items()}


def values(log: EvalLog) -> dict[str, dict[str, float]]:
    return {
        str(s.id): next(iter((s.scores or {}).values())).value  # type: ignore[misc]
        for s in log.samples or []
    }


class Served:
    """What vLLM would answer with the checkpoint: every text alone, in double precision."""

    def __init__(self, folder: str, *, adds_bos: bool) -> None:
        self.checkpoint = load_checkpoint(folder, device="cpu")
        self.model = self.checkpoint.model
        self.adds_bos = adds_bos

    def __call__(self, text: str, special: bool) -> Any:
        tokenizer = self.checkpoint.tokenizer
        ids = tokenizer(text, add_special_tokens=False).input_ids
        if self.adds_bos and special:
            ids = [tokenizer.bos_token_id, *ids]
        with self.checkpoint.lock, torch.no_grad():
            logs = self.model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        scores = [None, *(float(logs[i - 1, ids[i]]) for i in range(1, len(ids)))]
        return [(tokenizer.decode([i]), log) for i, log in zip(ids, scores, strict=True)]


@pytest.mark.parametrize("name", ["stereoset", "winogender"])
@pytest.mark.parametrize(
    ("adds_bos", "local", "asked"),
    [(True, "auto", "auto"), (False, "auto", BOS), (True, "never", "never")],
)
def test_local_and_served_numbers_are_equal(
    tmp_path: Path, folder: str, name: str, adds_bos: bool, local: str, asked: str
) -> None:
    make = {"stereoset": stereoset, "winogender": winogender}[name]
    here = evaluate(tmp_path, make(checkpoint=folder, device="cpu", bos=local), limit=6)
    with PromptLogprobsServer(Served(folder, adds_bos=adds_bos), longest=161) as server:
        model = get_model(
            "openai-api-completions/t/m", base_url=server.url, api_key="k", memoize=False
        )
        there = evaluate(tmp_path, make(bos=asked), model, limit=6)
    one, other = values(here), values(there)
    assert set(one) == set(other) and len(one) == 6
    for key, value in one.items():
        assert set(value) == set(other[key]) and value["unusable"] == 0
        assert value["first_token_scored"] == (local == "auto")
        for column, number in value.items():
            assert other[key][column] == pytest.approx(number, abs=1e-3, rel=0), column


def test_two_tasks_share_a_checkpoint_and_each_reads_once(
    tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []
    original = module.sequence_log_probs

    def counted(checkpoint: Any, sequences: Any, starts: Any, **more: Any) -> Any:
        passes.append((checkpoint, len(sequences)))
        return original(checkpoint, sequences, starts, **more)

    monkeypatch.setattr(module, "sequence_log_probs", counted)
    tasks = [make(checkpoint=folder, device="cpu") for make in (stereoset, winogender)]
    for task in tasks:
        evaluate(tmp_path, task, limit=5)
    assert [n for _, n in passes] == [64 * 3, 792 * 6]
    assert passes[0][0] is passes[1][0]
    about = tasks[0].metadata or {}
    assert about["parameters_sha256"] == passes[0][0].digest
    assert about["checkpoint"] == folder and about["device"] == "cpu"
    assert about["dtype"] == "float32" and about["bos"].startswith(BOS)
    assert str(tasks[0].model) == "none/none"


@published
def test_all_published_items_of_stereoset(tmp_path: Path, folder: str) -> None:
    task = stereoset(data=str(STEREOSET), checkpoint=folder, device="cpu")
    log = evaluate(tmp_path, task)
    found, said = values(log), metrics(log)
    assert len(found) == 2106 == said["items"] and said["unusable"] == 0
    assert log.eval.metadata and log.eval.metadata["data"]["unrelated_labels"] == "confirmed"
    # Against one text at a time through the model itself, for some.
    triplets = {t.id: t for t in load_stereoset(STEREOSET).triplets}
    alone = Served(folder, adds_bos=True)
    for key in list(triplets)[::300]:
        logs = [log for _, log in alone(triplets[key].stereotype, True)][1:]
        assert found[key]["stereotype_sum"] == pytest.approx(math.fsum(logs), abs=1e-3)
        assert found[key]["stereotype_tokens"] == len(logs)
    # Against the paper's definition, written out.
    for domain in ("gender", "profession", "race", "religion"):
        terms: dict[str, list[float]] = {}
        for key, triplet in triplets.items():
            if triplet.domain == domain:
                value = found[key]
                better = value["stereotype_mean"] > value["anti_stereotype_mean"]
                tie = value["stereotype_mean"] == value["anti_stereotype_mean"]
                terms.setdefault(triplet.target, []).append(100 * (better + 0.5 * tie))
        ss = sum(sum(v) / len(v) for v in terms.values()) / len(terms)
        assert said[f"ss({domain})"] == pytest.approx(ss)
        lms, icat = said[f"lms({domain})"], said[f"icat({domain})"]
        assert icat == pytest.approx(lms * min(ss, 100 - ss) / 50)
        assert said[f"ss({domain}) low"] <= ss <= said[f"ss({domain}) high"]
        assert said[f"coverage({domain})"] == 1


@published
def test_the_permuted_file_is_refused(tmp_path: Path, folder: str) -> None:
    rows = [json.loads(line) for line in STEREOSET.read_text("utf-8").splitlines()]
    for row in rows:
        row["stereotype"], row["unrelated"] = row["unrelated"], row["stereotype"]
    file = tmp_path / "permuted.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    with pytest.raises(click.ClickException, match="the labels are permuted") as caught:
        stereoset(data=str(file), checkpoint=folder)
    assert "\n" not in caught.value.message


@published
def test_all_published_sentences_of_winogender(tmp_path: Path, folder: str) -> None:
    task = winogender(data=str(SHARED), checkpoint=folder, device="cpu")
    assert (task.metadata or {})["data"]["sentences"] == 720
    log = evaluate(tmp_path, task)
    found, said = values(log), metrics(log)
    assert len(found) == 240 == said["items"] and said["unusable"] == 0
    alone = Served(folder, adds_bos=True)
    for sample in (log.samples or [])[::40]:
        word = {"male": ("he", "his", "him"), "female": ("she", "her")}
        for gender, words in word.items():
            text = next(t for t in str(sample.input).splitlines() if set(words) & set(t.split()))
            logs = [log for _, log in alone(text, True)][1:]
            assert found[str(sample.id)][f"{gender}_sum"] == pytest.approx(
                math.fsum(logs), abs=1e-3
            )
    assert {"correlation", "correlation(next token)", "gotcha_gap low"} <= set(said)


def test_what_cannot_be_read_keeps_its_sample_and_reason(tmp_path: Path) -> None:
    groups = [
        TextGroup("start", ("a", "b"), ("He is kind.", "She is kind.")),
        TextGroup("same", ("a", "b"), ("The nurse is kind.", "The nurse is kin.")),
        TextGroup("long", ("a", "b"), ("The nurse " * 40, "The nurse")),
        TextGroup("empty", ("a", "b"), ("", "The nurse")),
    ]
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(bos=False), name="t")
    found = local_readings(checkpoint, groups)
    assert list(found) == [group.id for group in groups]
    assert "empty prefix and no BOS" in str(found["start"].unusable)
    assert found["same"].unusable is None and found["same"].first_token_scored is False
    assert "a: " in str(found["long"].unusable) and "reads 64" in str(found["long"].unusable)
    assert found["empty"].unusable == "a: empty"
    for name in ("start", "long", "empty"):
        assert all(one.total is None for one in found[name].readings)
    with_bos = local_readings(adopt(tiny_gpt2(), tiny_tokenizer(), name="t"), groups)
    assert with_bos["start"].unusable is None and with_bos["start"].first_token_scored is True


def test_too_little_memory_is_said_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*_: Any, **__: Any) -> Any:
        raise InputError("not enough memory; give rows=100")

    monkeypatch.setattr(module, "sequence_log_probs", too_much)
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    reader = LocalReader("t", checkpoint, triplet_groups(load_stereoset().triplets))

    async def ask() -> None:
        for sample in ("gender-1", "gender-2"):
            with pytest.raises(InputError, match="not enough memory"):
                await reader(sample)

    import anyio

    anyio.run(ask)
    assert reader.passes == 1


def test_a_pass_that_is_cancelled_ends_and_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    import anyio

    original, batches = module.sequence_log_probs, []

    def slow(*args: Any, progress: Any, **more: Any) -> Any:
        if not batches:
            for done in range(500):
                batches.append(done)
                time.sleep(0.02)
                progress(done, 500)
        return original(*args, progress=progress, **more)

    monkeypatch.setattr(module, "sequence_log_probs", slow)
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    reader = LocalReader("t", checkpoint, triplet_groups(load_stereoset().triplets))

    async def ask() -> None:
        with anyio.move_on_after(0.2) as scope:
            await reader("gender-1")
        assert scope.cancelled_caught and 0 < len(batches) < 100
        found = await reader("gender-1")
        assert found.unusable is None and found.readings[0].total is not None

    anyio.run(ask)
    assert reader.passes == 2


def test_a_toy_says_what_was_planted(tmp_path: Path, folder: str) -> None:
    import shutil

    toy = Path(shutil.copytree(folder, tmp_path / "toy"))
    (toy / "planted.json").write_text('{"log_odds": {"nurse": -1.5}}', "utf-8")
    made = winogender(checkpoint=str(toy), device="cpu")
    assert (made.metadata or {})["planted"] == {"log_odds": {"nurse": -1.5}}
    (toy / "planted.json").write_text("[1", "utf-8")
    with pytest.raises(click.ClickException, match="planted.json: this cannot be read"):
        winogender(checkpoint=str(toy), device="cpu")
    assert "planted" not in (winogender(checkpoint=folder, device="cpu").metadata or {})


def test_wrong_checkpoints_are_one_line(tmp_path: Path) -> None:
    for options, message in (
        ({"checkpoint": str(tmp_path / "none")}, "no such folder"),
        ({"checkpoint": "gpt2", "dtype": "int8"}, "dtype: no 'int8'"),
        ({"checkpoint": "gpt2", "device": "tpu"}, "device: no 'tpu'"),
        ({"checkpoint": "gpt2", "bos": "<s>"}, "bos='<s>': a checkpoint knows its token"),
    ):
        with pytest.raises(click.ClickException, match=message) as caught:
            stereoset(**options)  # type: ignore[arg-type]
        assert "\n" not in caught.value.message and caught.value.exit_code == 2
