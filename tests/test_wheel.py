"""The wheel in an empty environment, outside the repository: what `pip install` gives people."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = [pytest.mark.packaging, pytest.mark.timeout(900)]


def call(*command: str, folder: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "INSPECT_DISPLAY": "plain"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--outdir", str(out), str(ROOT), folder=out)
    (found,) = out.glob("*.whl")
    return found


def test_the_wheel_holds_all_data_and_no_tests(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    data = [f for f in (ROOT / "datasets").rglob("*") if f.is_file()]
    assert data and {f"pluralens/datasets/{f.relative_to(ROOT / 'datasets')}" for f in data} <= held
    modules = [f for f in (ROOT / "src").glob("**/*.py")] + [*(ROOT / "viz").rglob("*.py")]
    assert len([n for n in held if n.endswith(".py")]) == len(
        {f.resolve() for f in modules if "__pycache__" not in f.parts}
    )
    assert "pluralens/viz/pluralens.mplstyle" in held and "pluralens/py.typed" in held
    assert not [n for n in held if "/test" in n or n.startswith(("test", "lib/"))]


def test_the_installed_package_runs_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    call(sys.executable, "-m", "venv", str(tmp_path / "env"), folder=tmp_path)
    programs = tmp_path / "env" / "bin"
    python = str(programs / "python")
    call(python, "-m", "pip", "install", "-q", str(wheel), folder=tmp_path)
    inspect = str(programs / "inspect")
    task = ("eval", "pluralens/likert", "--model", "pluralens_sim/likert")
    call(inspect, *task, "--limit", "5", "--log-dir", "logs", folder=tmp_path)
    shown = call(
        python,
        "-c",
        "from inspect_ai.log import *; (i,) = list_eval_logs('logs'); l = read_eval_log(i);"
        "print(l.status, l.eval.task, len(l.samples), sorted(l.eval.packages))",
        folder=tmp_path,
    )
    assert shown.strip() == "success pluralens/likert 5 ['inspect_ai', 'pluralens']"
    drawn = call(python, "-m", "pluralens.viz.likert", "--format", "png", folder=tmp_path)
    assert "wrote out/likert/group_means.png" in drawn
