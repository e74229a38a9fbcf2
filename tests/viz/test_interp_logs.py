"""Reading logs of the mechanistic analyses and the likelihood benchmarks."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspect_ai.log import EvalLog, EvalSampleLimit, read_eval_log, write_eval_log
from interp_evals import DIGEST, NAN, arrays_of, benchmark, evaluate
from undrawable import WRONG_OPTIONS, another, assert_not_drawn, unasked

from pluralens.errors import InputError
from pluralens.viz.interp import main
from pluralens.viz.interp_logs import TASKS, losses, read_interp_log
from pluralens.viz.interp_studies import find_interp_logs, read_studies

STORE = "AnalysisResults:"


@pytest.fixture(scope="module")
def ablation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ablation")
    return Path(evaluate(folder, "ablation", ["builtin/gender", "stereoset/race"]).location)


def edited(source: Path, target: Path, change: Callable[[EvalLog], None]) -> Path:
    log = read_eval_log(str(source))
    change(log)
    write_eval_log(log, str(target))
    return target


def test_arrays_come_back_as_they_were_written(ablation: Path) -> None:
    log = read_interp_log(str(ablation))
    assert [unit.id for unit in log.units] == ["builtin/gender", "stereoset/race"]
    for unit in log.units:
        for name, (_, values) in arrays_of("ablation", unit.id).items():
            np.testing.assert_array_equal(unit.arrays[name], values)
        assert unit.n == 24 and unit.number("groups") == 12 and np.isnan(unit.number("nothing"))


def test_missing_measurements_are_nan(tmp_path: Path) -> None:
    (unit,) = read_interp_log(evaluate(tmp_path, "patching").location).units
    holes = np.isnan(unit.arrays["resid_by_position"])
    assert holes.sum() == 1 and holes[-1, 0]


@pytest.mark.parametrize(
    ("about", "title"),
    [
        ({}, "toy"),
        ({"checkpoint": "EleutherAI/gpt-neo-125M"}, "EleutherAI/gpt-neo-125M"),
        ({"checkpoint": "gpt2", "revision": "a" * 40}, "gpt2@aaaaaaa"),
        ({"checkpoint": "gpt2", "revision": "main"}, "gpt2@main"),
        ({"checkpoint": "/data/own/model"}, "model"),
        ({"planted": {"log_odds": {}}}, "toy (toy)"),
        ({"planted": {"kind": "random weights"}}, "toy (random weights)"),
    ],
)
def test_the_title_says_what_the_checkpoint_is(
    tmp_path: Path, about: dict[str, Any], title: str
) -> None:
    log = read_interp_log(evaluate(tmp_path, "lens", about=about).location)
    assert log.title == title and log.identity == DIGEST


def test_losses_are_told(ablation: Path, tmp_path: Path) -> None:
    told = losses(read_interp_log(str(ablation)))
    assert told.startswith(
        f"{ablation}: toy, ablation, builtin/gender, 24 items (1 unusable); ster"
    )
    value = {"male_sum": NAN, "female_sum": NAN, "neutral_sum": NAN}
    value |= {"male_next": NAN, "female_next": NAN, "neutral_next": NAN}
    about = {"occupation": "cook", "referent": "occupation", "share": 38.0}
    usable = dict.fromkeys(value, -1.0)
    made = benchmark(tmp_path, "winogender", {"a": (about, value), "b": (about, usable)})
    assert "toy, winogender, builtin, 2 items; 1 unusable" in losses(read_interp_log(made.location))


def test_a_sample_that_ended_early_is_counted(ablation: Path, tmp_path: Path) -> None:
    def lose(log: EvalLog) -> None:
        (log.samples or [])[1].store = {}

    log = read_interp_log(str(edited(ablation, tmp_path / "lost.eval", lose)))
    assert len(log.units) == 1 and "; 1 samples without an outcome" in losses(log)


def test_samples_of_a_benchmark_are_rows(tmp_path: Path) -> None:
    about = {"domain": "gender", "target": "nurse"}
    value = {"prefers_stereotype": 1.0, "lm_hits": 0.5, "tied": 0.0, "unusable": 0.0}
    other = {**value, "prefers_stereotype": NAN}
    log = read_interp_log(
        benchmark(tmp_path, "stereoset", {"b": (about, value), "a": (about, other)}).location
    )
    assert log.frame is not None and log.source == "builtin/intrasentence"
    assert log.frame["sample_id"].tolist() == ["a", "b"]
    assert log.frame["prefers_stereotype"].tolist() == pytest.approx([NAN, 1], nan_ok=True)
    assert set(log.frame["target"]) == {"nurse"}


def dated(log: EvalLog, when: str) -> None:
    log.eval.created = when


def test_a_folder_gives_the_newest_of_each_task_and_checkpoint(tmp_path: Path) -> None:
    made = {}
    for name, task, digest, day in (
        ("old", "ablation", "a" * 8, 1),
        ("new", "ablation", "a" * 8, 3),
        ("probe", "probe", "a" * 8, 2),
        ("other", "ablation", "b" * 8, 2),
    ):
        log = evaluate(tmp_path / "made", task, about={"parameters_sha256": digest})
        made[name] = edited(
            Path(log.location),
            tmp_path / "all" / f"2026-01-0{day}T00-00-00-00-00_{task}_{name}.eval",
            lambda one, day=day: dated(one, f"2026-01-0{day}T00:00:00+00:00"),  # type: ignore[misc]
        )
    found = find_interp_logs([str(tmp_path / "all")])
    assert {Path(place).name for place in found} == {
        made[k].name for k in ("new", "probe", "other")
    }
    studies = {study.run: study for study in read_studies(found)}
    assert [log.task for log in studies["a" * 8].logs] == ["ablation", "probe"]
    assert [log.task for log in studies["b" * 8].logs] == ["ablation"]


def test_without_a_place_the_newest_checkpoint_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day, digest in ((1, "a" * 8), (2, "b" * 8)):
        log = evaluate(tmp_path / "made", "lens", about={"parameters_sha256": digest})
        edited(
            Path(log.location),
            tmp_path / "logs" / f"2026-01-0{day}T00-00-00-00-00_lens_{digest}.eval",
            lambda one, day=day: dated(one, f"2026-01-0{day}T00:00:00+00:00"),  # type: ignore[misc]
        )
    monkeypatch.chdir(tmp_path)
    (study,) = read_studies(find_interp_logs([]))
    assert study.run == "b" * 8
    assert study.logs[0].path.startswith("logs" + os.sep)


def test_of_two_logs_of_one_unit_the_newer_is_shown_and_the_other_told(tmp_path: Path) -> None:
    both = evaluate(tmp_path, "lens", ["builtin/gender", "stereoset/race"]).location
    made = evaluate(tmp_path, "lens", ["builtin/gender"]).location
    newer = str(
        edited(
            Path(made), tmp_path / "newer.eval", lambda one: dated(one, "2099-01-01T00:00:00+00:00")
        )
    )
    (study,) = read_studies([both, newer])
    shown = {unit.id: log.path for log, unit in study.units("lens")}
    assert shown == {"builtin/gender": newer, "stereoset/race": both}
    (hidden,) = study.hidden
    assert hidden == f"{both}: lens of builtin/gender is shown from {newer}, newer"


def no_arrays(log: EvalLog) -> None:
    for one in log.samples or []:
        one.store = {}


def stopped(log: EvalLog) -> None:
    no_arrays(log)
    for one in log.samples or []:
        one.limit = EvalSampleLimit(type="time", limit=1)


def old_version(log: EvalLog) -> None:
    for one in log.samples or []:
        del one.store[f"{STORE}arrays"]["mlp_effect_low"]


def ragged(log: EvalLog) -> None:
    for one in log.samples or []:
        one.store[f"{STORE}arrays"]["head_effect"]["values"] = [[1.0], [2.0, 3.0]]


def started(log: EvalLog) -> None:
    log.status = "started"


def no_samples(log: EvalLog) -> None:
    log.samples = []


CHANGES = {
    "no arrays": no_arrays,
    "stopped": stopped,
    "old version": old_version,
    "ragged": ragged,
    "started": started,
    "no samples": no_samples,
}
MESSAGES = {
    "missing": "no such file or folder; run `inspect eval pluralens/ablation` first",
    "nothing": "--log is empty",
    "empty": "holds no inspect log",
    "another task": "not of pluralens/ablation or pluralens/patching",
    "folder of another task": "none of the task ablation or patching",
    "failed": "the run failed; continue it with `inspect eval-retry",
    "cut": "is not a complete inspect log",
    "no scores": "none of its 1 samples has a score pronoun_likelihood; score it with",
    "no arrays": "holds no outcome of ablation (no sample has one); run the task again",
    "stopped": "holds no outcome of ablation (2 of 2 samples ended early)",
    "old version": "lacks the array mlp_effect_low of builtin/gender, so it was written by another",
    "ragged": "lacks readable arrays of builtin/gender, so it was written by another version",
    "started": "the run is not finished",
    "no samples": "holds no outcome of ablation",
}


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory, ablation: Path) -> dict[str, Any]:
    """A place of every kind that cannot be drawn."""
    base = tmp_path_factory.mktemp("wrong")
    (base / "empty").mkdir()
    cut = base / "cut.eval"
    cut.write_bytes(ablation.read_bytes()[: ablation.stat().st_size // 2])
    about = {"occupation": "cook", "referent": "occupation", "share": 38.0}
    unscored = Path(benchmark(base / "b", "winogender", {"a": (about, {"x": 1.0})}).location)

    def lose(log: EvalLog) -> None:
        for one in log.samples or []:
            one.scores = None

    places: dict[str, Any] = {
        "missing": base / "nowhere",
        "nothing": "",
        "empty": base / "empty",
        "another task": unasked(another(), base / "another"),
        "folder of another task": base / "another",
        "failed": evaluate(base / "f", "ablation", {"x/y": {"fails": True}}).location,
        "cut": cut,
        "no scores": edited(unscored, base / "unscored.eval", lose),
    }
    changed = {kind: edited(ablation, base / f"{kind}.eval", how) for kind, how in CHANGES.items()}
    return places | changed


def test_what_cannot_be_drawn_ends_in_one_line_and_writes_nothing(
    wrong: dict[str, Any], ablation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_not_drawn(main, ablation, wrong, MESSAGES, tmp_path / "out", capsys)


def test_an_old_benchmark_log_is_named(tmp_path: Path) -> None:
    about = {"occupation": "cook", "referent": "occupation", "share": 38.0}
    made = benchmark(tmp_path, "winogender", {"a": (about, {"male_sum": 1.0})})
    with pytest.raises(InputError, match="lacks female_sum of sample a, so it was written by"):
        read_interp_log(made.location)


@pytest.mark.parametrize(("arguments", "message"), WRONG_OPTIONS)
def test_wrong_options_are_named(
    ablation: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--log", str(ablation), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_every_task_can_be_read(tmp_path: Path) -> None:
    for task in TASKS[:6]:
        assert read_interp_log(evaluate(tmp_path, task).location).task == task
