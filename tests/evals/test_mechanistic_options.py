"""Options of the mechanistic tasks and the data they name; nothing here needs torch."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from shell_options import from_shell

from pluralens.errors import InputError
from pluralens.evals import mechanistic
from pluralens.evals.mechanistic_options import checked_settings
from pluralens.sentences.items import builtin_items
from pluralens.solvers.analysis_data import load_units
from pluralens.solvers.analysis_settings import ANALYSES, AnalysisSettings
from pluralens.solvers.sidecar import sidecar_folder, write_sidecar

WRONG = [
    ("ablation", "checkpoint=''", "checkpoint: which one? give a Hugging Face id"),
    ("ablation", "checkpoint=null", "checkpoint: which one?"),
    ("ablation", "checkpoint=5", "checkpoint=5 must be a Hugging Face id or a folder"),
    ("ablation", "data=stereset", "data: 'stereset' is unknown; use builtin, winogender"),
    ("ablation", "data=stereoset:", "must be names, separated by commas"),
    ("ablation", "data=hub", "data: 'hub' is unknown; use builtin"),
    ("ablation", "data=''", "data='' names nothing"),
    ("ablation", "data=builtin,builtin", "data: 'builtin' is named twice"),
    ("ablation", "data=stereoset:no.jsonl", "no.jsonl: there is no such file"),
    ("ablation", "data=winogender:nowhere", "nowhere: there is no such folder"),
    ("ablation", "domains=sex", "domains: 'sex' is unknown; use gender, race"),
    ("ablation", "domains=race", "domains=race: there is nothing of that in builtin"),
    ("ablation", "mode=median", "mode='median' is unknown; choose one of mean, zero, resample"),
    ("faithfulness", "mode=resample", "choose mean or zero here"),
    ("attribution", "ig_steps=0", "ig_steps=0 must be a whole number from 1 to 1000"),
    ("attribution", "baseline=other", "baseline='other' is unknown; choose one of auto, twin"),
    ("attribution", "mode=zero", "there is no option mode='zero'"),
    ("probe", "position=first", "position: 'first' is unknown; choose from last, mean, target"),
    ("probe", "position=''", "position='' names nothing"),
    ("probe", "folds=1", "folds=1 must be a whole number from 2 to 100"),
    ("faithfulness", "k=1,x", "k='x' must be a whole number of at least 0"),
    ("faithfulness", "k=2,2", "names a number twice"),
    ("ablation", "k=2", "there is no option k=2"),
    *[("lens", f"n={v}", f"n={v} must be a whole number") for v in ("0", "2.5")],
    ("lens", "n=true", "n=True must be a whole number"),
    ("lens", "seed=-1", "seed=-1 must be a whole number"),
    ("lens", "dtype=float16", "dtype='float16' is unknown; choose one of float32, bfloat16"),
    ("lens", "bos=maybe", "bos='maybe' is unknown; choose one of auto, always, never"),
    ("lens", "threads=0", "threads=0 must be a whole number"),
    ("lens", "rows=many", "rows='many' must be `auto` or a whole number"),
    ("lens", "rows=0", "rows=0 must be `auto`"),
    ("lens", "cache=1", "cache=1 must be true or false"),
    ("lens", "device=0", "device=0 must be one of auto, cpu, cuda"),
    ("lens", "revision=1234567", "revision=1234567 must be text"),
    ("lens", "export=5", "export=5 must be a folder"),
    (
        "lens",
        "checkpiont=gpt2",
        "there is no option checkpiont='gpt2'; the closest is 'checkpoint'",
    ),
    ("lens", "model=gpt2", "the model is -T checkpoint="),
    ("lens", "datasets=builtin", "data sets are -T data="),
    ("lens", "batch_size=8", "tokens computed at once are -T rows="),
]


@pytest.mark.parametrize(("task", "option", "message"), WRONG)
def test_a_wrong_value_is_one_line_that_names_the_option(
    task: str, option: str, message: str
) -> None:
    with pytest.raises(click.ClickException) as caught:
        getattr(mechanistic, task)(**{"checkpoint": "no/such-checkpoint", **from_shell(option)})
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2


def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for option in ("export", "sidecar"):
        with pytest.raises(InputError, match=f"{option}=.*: this is a file; name a folder"):
            checked_settings("lens", {"checkpoint": "gpt2"}, {option: str(file)})


def test_options_arrive_as_they_were_given() -> None:
    found = checked_settings(
        "faithfulness",
        {"checkpoint": "gpt2", "data": ["builtin", "winogender"], "k": ["1", 5, 3], "mode": "zero"},
        {"rows": 64, "cache": False},
    )
    assert found == AnalysisSettings(
        analysis="faithfulness",
        checkpoint="gpt2",
        data=("builtin", "winogender"),
        k=(1, 3, 5),
        mode="zero",
        rows=64,
        cache=False,
    )
    assert AnalysisSettings.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_every_analysis_has_a_task() -> None:
    assert set(mechanistic.__all__) == set(ANALYSES) == set(mechanistic.TITLES)


def units(*data: str, **options: Any) -> dict[str, Any]:
    given = {"domains": None, "n": None, "seed": 0, "base": Path.cwd(), **options}
    return {unit.id: unit for unit in load_units(data, given.pop("domains"), **given)}


def test_a_unit_is_a_data_set_and_a_domain() -> None:
    found = units("builtin", "winogender", "stereoset")
    assert list(found) == [
        "builtin/gender",
        "winogender/all",
        *(f"stereoset/{name}" for name in ("gender", "profession", "race", "religion")),
    ]
    assert [item.id for item in found["builtin/gender"].items] == [
        item.id for item in builtin_items().items
    ]
    assert list(units("stereoset", domains=("race", "gender"))) == [
        "stereoset/gender",
        "stereoset/race",
    ]


def test_n_draws_items_by_seed_alone_and_counts_the_rest() -> None:
    whole = units("builtin")["builtin/gender"]
    some, more, other = (
        units("builtin", n=n, seed=seed)["builtin/gender"]
        for n, seed in ((20, 0), (40, 0), (20, 1))
    )
    names = [item.id for item in some.items]
    assert len(names) == 20 and some.left_out == len(whole.items) - 20
    # A larger draw holds the smaller one, and both keep the order of the source.
    order = [item.id for item in whole.items]
    assert names == sorted(names, key=order.index)
    assert set(names) < {item.id for item in more.items}
    assert names != [item.id for item in other.items]
    assert units("builtin", n=10_000)["builtin/gender"].left_out == 0


def test_relative_paths_start_where_they_were_typed(tmp_path: Path) -> None:
    row = {
        "id": "1", "bias_type": "race", "target": "t", "context": "They are BLANK.",
        "stereotype": "They are mean.", "anti-stereotype": "They are nice.",
        "unrelated": "They are purple.",
    }  # fmt: skip
    (tmp_path / "own.jsonl").write_text(json.dumps(row) + "\n")
    found = units("stereoset:own.jsonl", base=tmp_path)
    assert list(found) == ["stereoset/race"]
    with pytest.raises(InputError, match="both hold stereoset/race; name one"):
        units("stereoset:own.jsonl", "stereoset", base=tmp_path)


def test_a_sidecar_lies_beside_the_log_or_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INSPECT_LOG_DIR", raising=False)
    assert sidecar_folder(None, tmp_path) == (tmp_path / "logs", "")
    assert sidecar_folder("mine", tmp_path)[0] == tmp_path / "mine"
    monkeypatch.setenv("INSPECT_LOG_DIR", "s3://bucket/logs")
    folder, note = sidecar_folder(None, tmp_path)
    assert folder.is_absolute() and "s3://bucket/logs, which is no folder of this machine" in note
    command = click.Command("eval", params=[click.Option(["--log-dir"])])
    with command.make_context("eval", ["--log-dir", "there"]):
        assert sidecar_folder(None, tmp_path) == (tmp_path / "there", "")


def test_a_sidecars_name_is_its_contents(tmp_path: Path) -> None:
    first = write_sidecar(tmp_path, "", "ablation-a/b", b"content", ["x"])
    again = write_sidecar(tmp_path, "", "ablation-a/b", b"content", ["x"])
    other = write_sidecar(tmp_path, "", "ablation-a/b", b"other", ["x"])
    assert first == again and first.file != other.file and "/" not in first.file
    assert (tmp_path / first.file).read_bytes() == b"content"
    # sha256 of "content", from coreutils.
    assert first.sha256.startswith("ed7002b439e9ac84")


def test_importing_the_tasks_imports_nothing_heavy() -> None:
    heavy = ("numpy", "torch", "transformers", "pandas", "scipy", "matplotlib", "sklearn")
    code = (
        "import sys; import pluralens.evals.mechanistic; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert said.stdout.strip() == "[]"
