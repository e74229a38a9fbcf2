"""The README is the front door: every command in it is run here, every option in it exists."""

import inspect as introspection
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pluralens.evals.likert import likert

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SIMULATED = "pluralens_sim/likert"


def section(heading: str = "") -> list[list[str]]:
    """The commands of every block from a heading on."""
    text = README[README.index(heading) :]
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    return [
        [c for line in block.splitlines() if (c := re.sub(r"(^|\s)#.*$", "", line).strip())]
        for block in blocks
    ]


def commands() -> list[str]:
    return [command for block in section() for command in block]


def words(command: str) -> list[str]:
    """The command without leading NAME=value settings."""
    parts = shlex.split(command)
    while re.match(r"[A-Z_]+=", parts[0]):
        parts.pop(0)
    return parts


def offline(parts: list[str]) -> list[str]:
    """The same `inspect eval` with the simulated respondent in place of a model we have not."""
    at = parts.index("--model") + 1
    if parts[at] != SIMULATED:
        kept = [*parts[:at], SIMULATED, *parts[at + 1 :]]
        while "-M" in kept:
            del kept[kept.index("-M") : kept.index("-M") + 2]
        # Tasks of other packages need their extra and a hub.
        parts = [p for p in kept if not p.startswith("inspect_evals/")]
    return [*parts, "--limit", "6"] if "--limit" not in parts else parts


# The seven commands are run as a whole, on both databases, by test_seven_commands.
SEVEN = section("## Stored personas, in seven commands")[0]
EVALS = [
    c
    for c in commands()
    if words(c)[:2] in (["inspect", "eval"], ["inspect", "eval-set"]) and c not in SEVEN
]
STORED = [c for c in commands() if words(c)[0] == "pluralens" and c not in SEVEN]


def test_every_command_is_of_a_kind_that_is_run_here() -> None:
    kinds = {tuple(words(c)[:2]) for c in commands()}
    assert kinds == {
        ("inspect", "eval"),
        ("inspect", "eval-set"),
        ("inspect", "view"),
        ("pluralens", "db"),
        ("pluralens", "personas"),
        ("python", "viz/likert.py"),
        ("make", "demo"),
        ("make", "test"),
    }
    assert len(EVALS) >= 9


@pytest.mark.parametrize("command", EVALS)
def test_inspect_commands_run(command: str, run: Any, tmp_path: Path) -> None:
    done = run(*offline(words(command)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.rglob("*.eval"))


def test_the_commands_at_the_size_of_a_study_run(run: Any, tmp_path: Path) -> None:
    assert len(STORED) == 8
    for command in STORED:
        done = run(*words(command), DB_URL=f"sqlite:///{tmp_path}/study.db")
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "balanced-b.parquet").is_file()
    assert len(list((tmp_path / "out" / "balanced-b").glob("*.png"))) == 3


def test_viz_commands_draw_what_the_first_command_logged(run: Any, tmp_path: Path) -> None:
    assert run(*offline(words(EVALS[0]))).returncode == 0
    drawn = [words(c)[1:] for c in dict.fromkeys(commands()) if words(c)[0] == "python"]
    assert len(drawn) == 2
    for program, *arguments in drawn:
        done = run(program, *arguments)
        assert done.returncode == 0, done.stderr
    assert list((tmp_path / "out" / "likert").glob("*.png"))
    assert list((tmp_path / "out" / "likert").glob("*.pdf"))


@pytest.mark.parametrize(
    "target", ["demo", "test", "test-pythons", "test-hf", "test-wheel", "bench"]
)
def test_make_targets_exist(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_named_make_targets_and_files_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([\w-]+)`", README):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
    for place in re.findall(r"`((?:src|viz|tests|datasets|benchmarks)/[\w./-]*)`", README):
        assert (ROOT / place).exists(), place
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file(), picture


def test_the_options_table_is_the_tasks_signature() -> None:
    table = README[README.index("| option (") : README.index("`viz/likert.py` writes")]
    cells = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    named = {n for cell in cells for code in re.findall(r"`([^`]+)`", cell)
             for n in re.findall(r"^([a-z_]+)(?:=|$)", code)}  # fmt: skip
    parameters = set(introspection.signature(likert).parameters)
    assert named <= parameters
    assert parameters - named == {"top_logprobs", "kwargs"}


@pytest.fixture
def viewer(tmp_path: Path, run: Any) -> Iterator[str]:
    assert run(*offline(words(EVALS[0]))).returncode == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    program = str(Path(sys.executable).with_name("inspect"))
    command = [program, "view", "start", "--host", "127.0.0.1", "--port", port]
    server = subprocess.Popen(
        command, cwd=tmp_path, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_inspect_view_lists_the_log(viewer: str) -> None:
    listing = ""
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{viewer}/api/logs", timeout=5) as reply:
                listing = reply.read().decode()
            break
        except OSError:
            time.sleep(0.1)
    assert "likert" in listing
