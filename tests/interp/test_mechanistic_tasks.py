"""The mechanistic tasks run by inspect on tiny models, their logs read back."""

import base64
import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from inspect_ai import Task  # noqa: E402
from inspect_ai import eval as inspect_eval  # noqa: E402
from inspect_ai.log import EvalLog, EvalSample, read_eval_log  # noqa: E402
from tiny_language_models import saved, tiny_gpt2, tiny_qwen2, tiny_tokenizer  # noqa: E402

from pluralens.evals import mechanistic, mechanistic_options  # noqa: E402
from pluralens.interp import residuals  # noqa: E402
from pluralens.interp.ablation import scan  # noqa: E402
from pluralens.interp.attribution import BASELINES  # noqa: E402
from pluralens.interp.cache import cache_folder, unpacked  # noqa: E402
from pluralens.interp.checkpoint import load_checkpoint  # noqa: E402
from pluralens.interp.replacement import MODES  # noqa: E402
from pluralens.interp.tokens import tokenise  # noqa: E402
from pluralens.scorers.analysis_results import AnalysisResults  # noqa: E402
from pluralens.sentences.items import builtin_items  # noqa: E402
from pluralens.solvers.analyses import ablation as ablation_room  # noqa: E402
from pluralens.solvers.analysis_settings import ANALYSES  # noqa: E402

pytestmark = pytest.mark.interp

LAYERS, HEADS = 2, 4
# Enough items for every analysis to have groups and twins, few enough to be quick.
SMALL: dict[str, Any] = {"n": 48}
OWN: dict[str, dict[str, Any]] = {"probe": {"folds": 3}, "attribution": {"ig_steps": 2}}
PICTURED = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tiny")
    return saved(tiny_gpt2(layers=LAYERS), tiny_tokenizer(), folder)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("INSPECT_LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setenv("INSPECT_DISPLAY", "none")
    monkeypatch.chdir(tmp_path)


def task(name: str, checkpoint: str, **options: Any) -> Task:
    made: Task = getattr(mechanistic, name)(
        checkpoint=checkpoint, device="cpu", **{**SMALL, **OWN.get(name, {}), **options}
    )
    return made


def run(*tasks: Task, **options: Any) -> list[EvalLog]:
    # The model that someone names beside a companion task must not matter.
    logs = inspect_eval(list(tasks), model="mockllm/model", **options)
    return [read_eval_log(log.location, resolve_attachments=True) for log in logs]


def only(log: EvalLog) -> tuple[EvalSample, AnalysisResults]:
    assert log.status == "success", log.error
    assert log.samples is not None and len(log.samples) == 1
    return log.samples[0], log.samples[0].store_as(AnalysisResults)


def content(results: AnalysisResults) -> dict[str, Any]:
    """All that a rerun must repeat."""
    kept = results.model_dump(exclude={"store", "cache", "instance"})
    # NaN is not itself.
    return json.loads(json.dumps(kept).replace("NaN", '"NaN"'))


@pytest.mark.parametrize("name", ANALYSES)
def test_a_task_leaves_numbers_arrays_picture_and_sidecar(name: str, checkpoint: str) -> None:
    (log,) = run(task(name, checkpoint, export="older"))
    sample, results = only(log)
    assert log.eval.model == "none/none" and log.eval.metadata is not None
    digest = load_checkpoint(checkpoint, device="cpu").digest
    assert log.eval.metadata["parameters_sha256"] == digest == results.about["parameters_sha256"]
    assert sample.id == results.unit == "builtin/gender" and results.analysis == name

    assert sample.scores is not None
    score = sample.scores["analysis"]
    assert isinstance(score.value, dict) and 5 < len(score.value) <= 30
    assert {k: repr(v) for k, v in score.value.items()} == {
        k: repr(v) for k, v in results.numbers.items()
    }
    # Few components have no ten first ones; everything else is a number here.
    assert {k for k, v in score.value.items() if math.isnan(float(v or 0))} <= {
        "stability_jaccard_10"
    }
    assert log.results is not None
    metrics = {k: m.value for k, m in log.results.scores[0].metrics.items()}
    assert {k: repr(v) for k, v in metrics.items()} == {k: repr(v) for k, v in score.value.items()}

    assert results.arrays
    for array in results.arrays.values():
        assert np.array(array.values, dtype=float).ndim == len(array.dims)

    shown, tables = sample.messages[-2:]
    assert "| source | 528 |" in tables.text and "| left out by n | 480 |" in tables.text
    assert 1 <= len(results.top) <= 10 and results.top[0]["component"] in tables.text
    words, picture = shown.content
    assert words.type == "text" and name in words.text and picture.type == "image"
    assert base64.b64decode(picture.image.partition(",")[2]).startswith(PICTURED)
    # What the viewer opens first is the transcript.
    (told,) = [event for event in sample.events if event.event == "info"]
    assert isinstance(told.data, str) and tables.text in told.data
    assert f"![{name}](data:image/png;base64," in told.data

    if results.sidecar is None:
        assert name in ("probe", "faithfulness") and score.metadata == {
            "sidecar": None, "cache": "computed", "exported": results.exported
        }  # fmt: skip
    else:
        assert score.metadata is not None
        assert score.metadata["sidecar"] == results.sidecar.model_dump()
        file = Path(log.location).parent / results.sidecar.file
        data = file.read_bytes()
        assert hashlib.sha256(data).hexdigest() == results.sidecar.sha256
        arrays, about = unpacked(data)
        assert sorted(arrays) == results.sidecar.arrays
        assert about["parameters_sha256"] == digest and len(arrays["ids"]) > 5


EXPORTED = {
    "ablation": {"head_ablations", "mlp_ablations"},
    "attribution": {"attribution_patching"},
    "probe": {"linear_probing"},
}


@pytest.mark.parametrize("name", EXPORTED)
def test_older_files_are_written_on_request(name: str, checkpoint: str, tmp_path: Path) -> None:
    (log,) = run(task(name, checkpoint, export="older"))
    _, results = only(log)
    found = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "older").iterdir()}
    kinds = {f"{kind}_builtin_gender" for kind in EXPORTED[name]}
    summary = "linear_probing_summary" if name == "probe" else "summary"
    assert set(found) == kinds | {summary} and len(results.exported) == len(found)
    if name == "ablation":
        assert found["summary"] == {"builtin_gender": {"baseline": results.numbers["bias"]}}
        heads = np.array(results.arrays["head_mean"].values)
        keys = {f"{i}_{j}" for i in range(LAYERS) for j in range(HEADS)}
        assert set(found["head_ablations_builtin_gender"]) == keys
        assert found["head_ablations_builtin_gender"]["1_2"] == heads[1, 2]
        assert list(found["mlp_ablations_builtin_gender"]) == ["0", "1"]
    if name == "attribution":
        points = ("attn.hook_z", "hook_mlp_out", "hook_resid_post")
        assert set(found["attribution_patching_builtin_gender"]) == {
            f"blocks.{i}.{point}" for i in range(LAYERS) for point in points
        }
    if name == "probe":
        by_layer = found["linear_probing_builtin_gender"]
        assert list(by_layer) == ["0", "1", "2"] and set(by_layer["0"]) == {"accuracy", "auc"}


@pytest.mark.parametrize("mode", MODES)
def test_the_ablation_in_the_log_is_the_scan(mode: str, checkpoint: str) -> None:
    (log,) = run(task("ablation", checkpoint, mode=mode, seed=3))
    _, results = only(log)
    loaded = load_checkpoint(checkpoint, device="cpu")
    assert results.sidecar is not None
    kept, _ = unpacked(Path(results.sidecar.path).read_bytes())
    items = [item for item in builtin_items().items if item.id in set(kept["ids"])]
    found = scan(loaded, tokenise(items, loaded), mode=mode, seed=3)  # type: ignore[arg-type]
    assert list(kept["ids"]) == list(found.ids)
    assert np.array_equal(kept["heads"], found.heads)
    assert np.array_equal(kept["mlps"], found.mlps)
    assert np.array_equal(kept["clean"], found.clean)
    means = found.heads.astype(np.float64).mean(-1)
    assert np.allclose(results.arrays["head_mean"].values, means, atol=1e-12)
    assert results.numbers["bias"] == pytest.approx(found.clean.mean(), abs=1e-6)


@pytest.mark.parametrize("baseline", ["twin", "mean"])
def test_scores_and_exact_values_are_of_the_same_prompts(baseline: str, checkpoint: str) -> None:
    (log,) = run(task("attribution", checkpoint, baseline=baseline))
    _, results = only(log)
    exact = np.array(results.arrays["head_exact"].values)
    for method in ("atp", "ig"):
        scores = np.array(results.arrays[f"head_{method}_sampled"].values)
        # The correlation that the log reports is the one of these two.
        assert np.corrcoef(scores.ravel(), exact.ravel())[0, 1] == pytest.approx(
            results.numbers[f"{method}_fidelity"], abs=1e-5
        )
    assert results.about["baseline"] == baseline
    assert (sum(results.left_out.values()) > 0) == (baseline == "twin")
    assert bool(results.top) == bool(results.numbers["trusted"])


def test_a_rerun_looks_up_and_says_the_same(checkpoint: str) -> None:
    (first,), (second,) = run(task("ablation", checkpoint)), run(task("ablation", checkpoint))
    (sample, one), (again, other) = only(first), only(second)
    assert (one.cache, other.cache) == ("computed", "hit")
    assert content(one) == content(other)
    assert [m.content for m in sample.messages] == [m.content for m in again.messages]


def test_a_damaged_entry_is_computed_again(checkpoint: str) -> None:
    _, one = only(run(task("ablation", checkpoint))[0])
    (entry,) = cache_folder().iterdir()
    data = entry.read_bytes()
    entry.write_bytes(data[:-100] + bytes(100))
    _, other = only(run(task("ablation", checkpoint))[0])
    assert other.cache == "recomputed: the entry was damaged" and content(one) == content(other)
    assert entry.read_bytes() == data


def test_without_a_cache_nothing_is_kept(checkpoint: str) -> None:
    for _ in range(2):
        _, results = only(run(task("ablation", checkpoint, cache=False))[0])
        assert results.cache == "off"
    assert not cache_folder().exists()


def test_other_weights_items_and_options_are_not_looked_up(checkpoint: str, tmp_path: Path) -> None:
    run(task("attribution", checkpoint, baseline="twin"))
    before = set(cache_folder().iterdir())
    # The twins are fewer than the items: zero as a baseline is another result for all of them.
    (log,) = run(task("attribution", checkpoint, baseline="mean"))
    assert only(log)[1].cache == "computed" and len(set(cache_folder().iterdir()) - before) == 3
    for other in (
        task("ablation", checkpoint),
        task("ablation", checkpoint, mode="zero"),
        task("ablation", checkpoint, n=47),
        task("ablation", checkpoint, rows=100),
        task("ablation", saved(tiny_gpt2(layers=2, seed=1), tiny_tokenizer(), tmp_path / "other")),
        # The same weights, split into other heads.
        task("ablation", saved(tiny_gpt2(layers=2, heads=2), tiny_tokenizer(), tmp_path / "two")),
    ):
        assert only(run(other)[0])[1].cache == "computed"


def test_two_analyses_of_one_model_at_once_are_what_they_are_alone(checkpoint: str) -> None:
    names = ("ablation", "attribution", "patching", "probe")
    alone = [content(only(run(task(name, checkpoint, cache=False))[0])[1]) for name in names]
    logs = run(*(task(name, checkpoint, cache=False) for name in names), max_tasks=4)
    together = {log.eval.task.rpartition("/")[2]: content(only(log)[1]) for log in logs}
    assert [together[name] for name in names] == alone


def test_several_data_sets_are_several_samples(checkpoint: str) -> None:
    (log,) = run(
        task("ablation", checkpoint, data="stereoset,builtin", domains="gender,race", n=16)
    )
    assert log.status == "success" and log.samples is not None and log.results is not None
    ids = ["builtin/gender", "stereoset/gender", "stereoset/race"]
    assert sorted(str(sample.id) for sample in log.samples) == ids
    metrics = log.results.scores[0].metrics
    for sample in log.samples:
        results = sample.store_as(AnalysisResults)
        assert metrics[f"bias({sample.id})"].value == results.numbers["bias"]
        # Stereotypes are what StereoSet's own metric is about; pronouns need the contrast.
        along = results.about["estimand"].startswith("along the stereotype")
        assert along == (sample.id == "builtin/gender")


def test_what_cannot_be_used_is_counted_with_its_reason(tmp_path: Path) -> None:
    short = saved(tiny_gpt2(layers=1, n_positions=17), tiny_tokenizer(), tmp_path / "short")
    (log,) = run(task("ablation", short, n=None))
    sample, results = only(log)
    counts = results.counts
    assert counts["source"] == 528 == counts["used"] + counts["unusable"]
    assert 0 < counts["unusable"] == sum(results.reasons.values())
    assert all("tokens, but the model reads 17" in reason for reason in results.reasons)
    assert sample.metadata["unusable"] == counts["unusable"]
    assert f"| used | {counts['used']} |" in sample.messages[-1].text


def test_an_architecture_without_a_fast_engine_goes_through_the_bridge(tmp_path: Path) -> None:
    pytest.importorskip("transformer_lens")
    folder = saved(tiny_qwen2(), tiny_tokenizer(), tmp_path / "qwen")
    (log,) = run(task("ablation", folder, n=16))
    _, results = only(log)
    assert results.about["architecture"] == "qwen2"
    assert np.array(results.arrays["head_effect"].values).shape == (2, 4)
    with pytest.raises(click.ClickException, match="the lens reads GPT-2 and GPT-Neo, not qwen2"):
        task("lens", folder)


def test_the_truth_of_a_trained_toy_is_in_the_header(tmp_path: Path) -> None:
    folder = saved(tiny_gpt2(layers=1), tiny_tokenizer(), tmp_path / "toy")
    (tmp_path / "toy" / "planted.json").write_text('{"shares": {"nurse": 0.1}}')
    made = task("ablation", folder)
    assert made.metadata is not None and made.metadata["planted"] == {"shares": {"nurse": 0.1}}
    (tmp_path / "toy" / "planted.json").write_text("{")
    with pytest.raises(click.ClickException, match="planted.json: this cannot be read"):
        task("ablation", folder)


WRONG = [
    ("ablation", {"device": "cuda:99"}, "device: "),
    ("ablation", {"revision": "main"}, "a folder has no revision"),
    ("faithfulness", {"k": 9}, "k=9: .* has 8 heads; give numbers from 1 to 8"),
    ("faithfulness", {"k": 0}, "give numbers from 1 to 8"),
    ("probe", {"n": 3, "folds": 5}, "3 groups are too few for folds=5"),
    ("patching", {"n": 1, "data": "stereoset:one.jsonl"}, "none of 1 items can be compared"),
    ("ablation", {"n": 1, "mode": "resample"}, "at least two different prompts"),
    ("lens", {"dtype": "bfloat16"}, "dtype=bfloat16: contributions do not add up"),
]


@pytest.mark.parametrize(("name", "options", "message"), WRONG)
def test_wrong_input_is_one_line_before_the_run(
    name: str, options: dict[str, Any], message: str, checkpoint: str, tmp_path: Path
) -> None:
    row = {
        "id": "1", "bias_type": "race", "target": "t", "context": "They are BLANK.",
        "stereotype": "They are kind.", "anti-stereotype": "They are skinny.",
        "unrelated": "They are purple.",
    }  # fmt: skip
    (tmp_path / "one.jsonl").write_text(json.dumps(row))
    with pytest.raises(click.ClickException, match=message) as caught:
        getattr(mechanistic, name)(
            **{"checkpoint": checkpoint, "device": "cpu", **OWN.get(name, {}), **options}
        )
    assert "\n" not in caught.value.message and caught.value.exit_code == 2


def test_what_is_no_checkpoint_is_one_line(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    tiny = BertConfig(
        vocab_size=400, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16,
    )  # fmt: skip
    bert = saved(BertForMaskedLM(tiny), tiny_tokenizer(), tmp_path / "bert")
    for name, message in (
        (bert, "bert is no causal language model"),
        (str(tmp_path / "nothing"), "no such folder"),
    ):
        with pytest.raises(click.ClickException, match=message) as caught:
            task("ablation", name)
        assert "\n" not in caught.value.message and caught.value.exit_code == 2


def test_too_little_memory_in_the_run_is_one_line_in_the_log(
    checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan_too_much(*given: Any, **options: Any) -> None:
        from pluralens.interp.memory import fits_in_memory

        with fits_in_memory(64):
            raise MemoryError

    monkeypatch.setattr(ablation_room, "scan", scan_too_much)
    (log,) = run(task("ablation", checkpoint))
    assert log.status == "error" and log.error is not None
    assert "out of memory with rows=64; try rows=16" in log.error.message


def test_a_run_that_is_cancelled_stops_at_the_next_step(
    checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    def endless(*given: Any, progress: Any, **options: Any) -> None:
        for step in range(600):
            steps.append(step)
            progress(step, 600)
            time.sleep(0.05)

    monkeypatch.setattr(ablation_room, "scan", endless)
    (log,) = run(task("ablation", checkpoint), time_limit=1)
    assert log.samples is not None and log.samples[0].limit is not None
    assert log.samples[0].limit.type == "time" and 2 < len(steps) < 300
    assert log.samples[0].scores is not None
    assert log.samples[0].scores["analysis"].reason == "no_response"


def test_options_are_those_of_the_rooms() -> None:
    assert mechanistic_options.MODES == MODES
    assert mechanistic_options.POSITIONS == residuals.PLACES
    assert mechanistic_options.BASELINES == ("auto", *BASELINES)
