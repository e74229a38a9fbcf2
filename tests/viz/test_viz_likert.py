import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from inspect_ai import eval as inspect_eval
from undrawable import WRONG_OPTIONS, another, assert_not_drawn, unasked
from viz_logs import evaluate, rows

from pluralens.viz.likert import main
from pluralens.viz.logs import find_logs, read_likert_log

FIGURES = [
    "rating_distribution",
    "group_means",
    "contrasts",
    "counterfactual_effects",
    "order_effects",
    "planted_and_recovered",
]


def test_every_figure_is_written_with_its_numbers(finished: Path, tmp_path: Path) -> None:
    assert main(["--log", str(finished), "--out", str(tmp_path)]) == 0
    for name in FIGURES:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (tmp_path / f"{name}.svg").read_text(encoding="utf-8")[:2000]
        assert rows(tmp_path / f"{name}.csv")
    assert rows(tmp_path / "coverage.csv") and rows(tmp_path / "pairs.csv")
    assert not [f for f in tmp_path.iterdir() if f.name.startswith(".")]


def test_a_simulated_log_says_so_in_every_figure(finished: Path, tmp_path: Path) -> None:
    main(["--log", str(finished), "--out", str(tmp_path), "--format", "svg"])
    for name in FIGURES:
        assert "simulated" in (tmp_path / f"{name}.svg").read_text(encoding="utf-8")


def test_the_same_log_gives_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        main(["--log", str(finished), "--out", str(tmp_path / folder)])
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_the_tables_add_up_to_the_log(finished: Path, tmp_path: Path) -> None:
    main(["--log", str(finished), "--out", str(tmp_path), "--format", "png"])
    frame = read_likert_log(str(finished)).frame
    base = frame[frame["role"] == "base"]
    total, *parts = rows(tmp_path / "coverage.csv")
    assert float(total["asked"]) == frame["asked"].sum() == 14 * 4 * 6
    by_role = {r["value"]: float(r["asked"]) for r in parts if r["attribute"] == "role"}
    assert by_role == {"base": 14 * 6, "counterfactual": 14 * 2 * 6, "placebo": 14 * 6}
    changed = [float(r["asked"]) for r in parts if r["attribute"] == "changed"]
    assert sum(changed) == 14 * 2 * 6
    shares = pd.read_csv(tmp_path / "rating_distribution.csv")
    assert shares["count"].sum() == frame["rated"].sum()
    assert shares.groupby("order")["share"].sum().round(9).eq(1).all()
    means = pd.read_csv(tmp_path / "group_means.csv")
    women = means[(means["value"] == "female") & (means["outcome"] == "aligned")].iloc[0]
    assert women["mean"] == pytest.approx(base.loc[base["gender"] == "female", "aligned"].mean())
    effects = pd.read_csv(tmp_path / "counterfactual_effects.csv")
    directions = effects[(effects["level"] == "direction") & (effects["outcome"] == "aligned")]
    assert directions["n_pairs"].sum() == 14 * 2 + 14


def test_planted_effects_are_exactly_what_the_effects_file_says(
    finished: Path, tmp_path: Path
) -> None:
    main(["--log", str(finished), "--out", str(tmp_path), "--format", "png"])
    table = pd.read_csv(tmp_path / "planted_and_recovered.csv").set_index(
        ["attribute", "value", "reference", "outcome"]
    )
    gender = table.loc["gender"]
    found = {
        tuple(sorted(key[:2])): row["planted"] * (1 if key[0] == "female" else -1)
        for key, row in gender.iterrows()
        if key[2] == "aligned_warmth" and "male" in key[:2] and "female" in key[:2]
    }
    assert found == {("female", "male"): pytest.approx(0.30)}


def test_a_folder_gives_its_newest_log_of_the_task(finished: Path, tmp_path: Path) -> None:
    shutil.copy(finished, tmp_path / "2020-01-01T00-00-00-00-00_likert_old.eval")
    shutil.copy(finished, tmp_path / "2026-01-01T00-00-00-00-00_likert_new.eval")
    (found,) = find_logs([str(tmp_path)], "likert")
    assert found.endswith("_new.eval")


def test_several_logs_get_a_folder_each(finished: Path, tmp_path: Path) -> None:
    other = evaluate(tmp_path / "logs", seed=4)
    arguments = ["--log", str(finished), "--log", other.location, "--format", "png"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    folders = sorted(f.name for f in (tmp_path / "out").iterdir())
    assert len(folders) == 2 and all(f.startswith("pluralens_sim-likert-") for f in folders)


def test_epochs_are_averaged_so_that_the_persona_stays_the_unit(tmp_path: Path) -> None:
    log = evaluate(tmp_path, epochs=2, n=6)
    frame = read_likert_log(log.location).frame
    assert len(frame) == 6 * 4 and frame["sample_id"].is_unique
    one = frame["sample_id"].iloc[0]
    both = [
        s.scores["rating"].value["aligned"]  # type: ignore[index, call-overload]
        for s in log.samples or []
        if s.id == one
    ]
    assert frame["aligned"].iloc[0] == pytest.approx(sum(both) / 2)


@pytest.mark.parametrize("options", [{"orders": "normal"}, {"elicit": "logprobs"}, {"n": 1}])
def test_logs_of_every_kind_can_be_drawn(tmp_path: Path, options: dict[str, Any]) -> None:
    log = evaluate(tmp_path / "logs", **options)
    out = tmp_path / "out"
    assert main(["--log", log.location, "--out", str(out), "--format", "png"]) == 0
    assert (out / "order_effects.png").exists() == (options.get("orders") != "normal")


def test_a_log_without_twins_is_drawn_without_pairs(tmp_path: Path) -> None:
    log = evaluate(tmp_path / "logs", counterfactuals=None)
    assert main(["--log", log.location, "--out", str(tmp_path / "out")]) == 0
    assert not (tmp_path / "out" / "counterfactual_effects.png").exists()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_themes(finished: Path, tmp_path: Path, theme: str) -> None:
    arguments = ["--log", str(finished), "--out", str(tmp_path), "--format", "png"]
    assert main([*arguments, "--theme", theme]) == 0


@pytest.fixture
def wrong(tmp_path: Path, finished: Path) -> dict[str, Any]:
    """One place of every kind that cannot be drawn."""
    places: dict[str, Any] = {"missing": tmp_path / "nowhere", "empty": tmp_path / "empty"}
    places["empty"].mkdir()
    places |= {"nothing": "", "unknown protocol": "foo://bar"}
    places["another task"] = unasked(another(), tmp_path / "other")
    places["folder of another task"] = tmp_path / "other"
    (failed,) = inspect_eval(
        "pluralens/likert",
        task_args={"n": 2, "items": "g1", "elicit": "logprobs"},
        model="pluralens_sim/likert",
        model_args={"logprobs": False},
        log_dir=str(tmp_path / "failed"),
        display="none",
    )
    assert failed.status == "error"
    places["failed"] = Path(failed.location)
    whole = finished.read_bytes()
    for share in (0.0, 0.3, 0.9, 0.999):
        cut = tmp_path / f"cut-{share}.eval"
        cut.write_bytes(whole[: int(len(whole) * share)])
        places[f"cut at {share}"] = cut
    places["no log"] = tmp_path / "notes.txt"
    places["no log"].write_text("hello")
    return places


MESSAGES = {
    "missing": "no such file or folder; run `inspect eval pluralens/likert` first",
    "empty": "holds no inspect log; give --log FILE or another folder",
    "another task": "is a log of",
    "folder of another task": "none of the task likert",
    "failed": "the run failed; continue it with `inspect eval-retry",
    "nothing": "--log is empty",
    "unknown protocol": "cannot be listed",
    "cut at 0.0": "is not a complete inspect log",
    "cut at 0.3": "is not a complete inspect log",
    "cut at 0.9": "is not a complete inspect log",
    "cut at 0.999": "is not a complete inspect log",
    "no log": "is not a complete inspect log",
}


def test_what_cannot_be_drawn_ends_in_one_line_and_writes_nothing(
    wrong: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], finished: Path
) -> None:
    assert_not_drawn(main, finished, wrong, MESSAGES, tmp_path / "out", capsys)


@pytest.mark.parametrize(("arguments", "message"), WRONG_OPTIONS)
def test_wrong_options_are_named(
    finished: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--log", str(finished), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_out_that_is_a_file_is_named(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("taken")
    assert main(["--log", str(finished), "--out", str(tmp_path / "out")]) == 2
    assert "cannot be made a folder" in capsys.readouterr().err


def test_the_script_runs_from_the_checkout(run: Any, finished: Path, tmp_path: Path) -> None:
    done = run("viz/likert.py", "--log", str(finished), "--format", "png")
    assert done.returncode == 0, done.stderr
    written = re.findall(r"wrote (\S+)", done.stdout)
    assert written and all((tmp_path / w).exists() for w in written)
    done = run("viz/likert.py", "--log", str(tmp_path / "none"))
    assert done.returncode == 2 and "Traceback" not in done.stderr
