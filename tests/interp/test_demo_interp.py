"""`make demo-interp`, without the environment that the Makefile makes around it."""

import os
import re
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

pytest.importorskip("torch")

from inspect_ai.log import list_eval_logs, read_eval_log  # noqa: E402

from pluralens import demo_interp  # noqa: E402

pytestmark = pytest.mark.interp

TASKS = {
    "ablation", "attribution", "faithfulness", "lens", "patching", "probe", "stereoset",
    "winogender",
}  # fmt: skip
FIGURES = {
    "ablation", "attribution", "attribution_layers", "attribution_vs_ablation", "faithfulness",
    "lens", "lens_contributions", "patching_denoising", "patching_noising", "patching_positions",
    "probe",
}  # fmt: skip
BENCHMARKS = {"stereoset-builtin-intrasentence", "winogender-builtin", "winogender_planted-builtin"}
NUMBER = r"([+-]?\d+\.\d+)"


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A fresh folder in which it ran, and what it said."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "pluralens.demo_interp"],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_what_was_planted_is_measured(demonstration: tuple[Path, str]) -> None:
    _, said = demonstration
    found = re.search(rf"correlation, 66 occupations\s+{NUMBER}", said)
    assert found and float(found[1]) > 0.95
    kindergarten = re.search(rf"kindergarten teacher\s+{NUMBER}\s+{NUMBER}", said)
    assert kindergarten and float(kindergarten[2]) == -2.94 and float(kindergarten[1]) < -1.5
    lens = re.search(rf"logit lens\s+{NUMBER}\s+{NUMBER}\s+{NUMBER}", said)
    # All prompts end alike, so the embeddings of the last token know nothing of the occupation.
    assert lens and float(lens[1]) == 0 and float(lens[3]) > 1
    left = re.search(rf"bias left\s+{NUMBER}\s+{NUMBER}\s+{NUMBER}", said)
    random = re.search(rf"random heads\s+{NUMBER}\s+{NUMBER}\s+{NUMBER}", said)
    assert left and random and float(left[3]) < float(random[3]) < float(random[1])


def test_every_analysis_has_its_log_and_its_figures(demonstration: tuple[Path, str]) -> None:
    folder = demonstration[0] / "out" / "demo-interp"
    headers = [read_eval_log(one, header_only=True) for one in list_eval_logs(str(folder / "logs"))]
    assert {str(log.eval.task).split("/")[-1] for log in headers} == TASKS
    assert all(log.status == "success" for log in headers)
    kinds = {(log.eval.metadata or {})["planted"]["kind"] for log in headers}
    assert kinds == {"toy with planted bias"}
    names = {f"{name}-builtin-gender" for name in FIGURES} | BENCHMARKS | {"stability"}
    for suffix in ("png", "svg", "csv"):
        written = {path.stem for path in folder.glob(f"*.{suffix}")}
        assert written == names | ({"winogender_scores-builtin"} if suffix == "csv" else set())
    # The effects per prompt lie beside the logs, and nothing was kept anywhere else.
    assert {path.name.split("-")[0] for path in (folder / "logs").glob("*.npz")} == {
        "ablation", "attribution", "lens", "patching",
    }  # fmt: skip
    assert {path.name for path in (demonstration[0]).iterdir()} <= {"out", "cache"}
    assert not list((demonstration[0] / "cache").rglob("pluralens/*"))


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def spec(name: str) -> ModuleSpec | None:
        return None if name == "torch" else ModuleSpec(name, None)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo_interp, "find_spec", spec)
    assert demo_interp.main() == 2
    shown = capsys.readouterr().err
    assert shown == (
        'demo-interp: torch not installed; run `make demo-interp`, or pip install "pluralens'
        '[interp]"\n'
    )
    assert not list(tmp_path.iterdir())
