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
from pluralens.evals.persona import persona_main
from pluralens.evals.triplets import triplets

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SIMULATED = {
    "pluralens/likert": "pluralens_sim/likert",
    "pluralens/triplets": "pluralens_sim/sycophant",
    "pluralens/persona_enrichment": "pluralens_sim/enricher",
}
# Run with a toy in place of the checkpoint by tests/interp/test_readme_interp.py.
INSIDE = "## Inside the network"
GRADER = "grader=pluralens_sim/grader"


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


def offline(parts: list[str], limit: int = 3) -> list[str]:
    """The same `inspect eval` with a simulated model in place of one that we have not."""
    at = parts.index("--model") + 1
    if not parts[at].startswith("pluralens_sim/"):
        asked = next(part for part in parts if part.startswith("pluralens/"))
        kept = [*parts[:at], SIMULATED[asked], *parts[at + 1 :]]
        while "-M" in kept:
            del kept[kept.index("-M") : kept.index("-M") + 2]
        # Tasks of other packages need their extra and a hub.
        parts = [GRADER if p.startswith("grader=") else p for p in kept]
        parts = [p for p in parts if not p.startswith("inspect_evals/")]
    if "--limit" in parts:
        del parts[parts.index("--limit") : parts.index("--limit") + 2]
    return [*parts, "--limit", str(limit)]


# The seven commands are run as a whole, on both databases, by test_seven_commands.
SEVEN = section("## Stored personas, in seven commands")[0]
OF_NETWORKS = [c for block in section(INSIDE)[:2] for c in block]
EVALS = [
    c
    for c in commands()
    if words(c)[:2] in (["inspect", "eval"], ["inspect", "eval-set"])
    and c not in (*SEVEN, *OF_NETWORKS)
]
# Commands that differ only in a model that we have not are one command here.
OFFLINE = {tuple(offline(words(c))): c for c in reversed(EVALS)}
STORED = [c for c in commands() if words(c)[:2] == ["pluralens", "personas"] and c not in SEVEN]
PLAIN = [c for c in commands() if words(c)[:2] in (["pluralens", "grid"], ["pluralens", "power"])]


def test_every_command_is_of_a_kind_that_is_run_here() -> None:
    kinds = {tuple(words(c)[:2]) for c in commands()}
    assert kinds == {
        ("inspect", "eval"),
        ("inspect", "eval-set"),
        ("inspect", "view"),
        ("pluralens", "db"),
        ("pluralens", "personas"),
        ("pluralens", "grid"),
        ("pluralens", "power"),
        ("pluralens", "run"),
        ("python", "viz/interp.py"),
        ("python", "viz/likert.py"),
        ("python", "viz/persona.py"),
        ("python", "viz/visualization_intersection.py"),
        ("python", "viz/visualization_loo.py"),
        ("python", "viz/visualization_pass_at_k.py"),
        ("python", "viz/triplets.py"),
        ("make", "demo"),
        ("make", "demo-interp"),
        ("make", "test"),
    }
    assert len(EVALS) >= 9


@pytest.mark.parametrize("command", [*reversed(OFFLINE.values())])
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


@pytest.mark.parametrize("command", PLAIN)
def test_commands_without_a_model_run(command: str, run: Any) -> None:
    done = run(*words(command))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("key", "model"),
    [
        ("GOOGLE_API_KEY", "google/"),
        ("GROQ_API_KEY", "groq/"),
        ("HF_TOKEN", "hf-inference-providers/"),
        ("CEREBRAS_API_KEY", "openai-api/cerebras/"),
        ("MISTRAL_API_KEY", "mistral/"),
        ("COHERE_API_KEY", "openai-api/cohere/"),
        ("OPENROUTER_API_KEY", "openrouter/"),
    ],
)
def test_every_service_has_its_command(key: str, model: str) -> None:
    # That each reaches its service is tested in tests/models/test_provider_commands.py.
    found = [c for c in EVALS if f"--model {model}" in c]
    assert len(found) == 1 and f"{key}=... " in found[0]


def test_viz_commands_draw_what_the_first_command_logged(run: Any, tmp_path: Path) -> None:
    assert run(*offline(words(EVALS[0]), limit=6)).returncode == 0
    drawn = [words(c)[1:] for c in dict.fromkeys(commands()) if words(c)[0] == "python"]
    drawn = [words for words in drawn if words[0] == "viz/likert.py"]
    assert len(drawn) == 2
    for program, *arguments in drawn:
        done = run(program, *arguments)
        assert done.returncode == 0, done.stderr
    assert list((tmp_path / "out" / "likert").glob("*.png"))
    assert list((tmp_path / "out" / "likert").glob("*.pdf"))


def test_the_first_triplets_are_drawn(run: Any, tmp_path: Path) -> None:
    first = next(c for c in EVALS if "pluralens/triplets" in c)
    assert run(*words(first)).returncode == 0
    done = run("viz/triplets.py")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "triplets" / "summary.csv").is_file()


def test_the_persona_scripts_draw_what_the_persona_commands_logged(
    run: Any, tmp_path: Path
) -> None:
    heading = "## PERSONA"
    first, *_ = section(heading)
    asked = [words(c) for c in first if c.startswith("inspect")]
    assert [parts[2] for parts in asked] == [
        f"pluralens/persona_{name}"
        for name in ("main", "loo", "intersections", "pass_at_k", "comparison")
    ]
    for parts in asked:
        done = run(*parts, "--limit", "14")
        assert done.returncode == 0, done.stdout + done.stderr
    drawn = [words(c)[1:] for c in first if c.startswith("python")]
    assert len(drawn) == 4
    for program, *arguments in drawn:
        done = run(program, *arguments)
        assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").rglob("*.png"))) >= 4


def test_all_modes_of_persona_run(run: Any) -> None:
    (command,) = [c for c in commands() if words(c)[:2] == ["pluralens", "run"]]
    parts = [*words(command), "--limit", "4"]
    done = run(*parts)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("4/4") == 4


def test_the_python_example_runs(run: Any, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    for name, simulated in (("gpt-5-mini", "personaliser"), ("gpt-5", "critic")):
        code = code.replace(f'"openai/{name}"', f'"pluralens_sim/{simulated}"')
    program = tmp_path / "example.py"
    program.write_text(code.replace("n=50", "n=4"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert 0 <= float(done.stdout.split()[-1]) <= 1


@pytest.mark.parametrize(
    "target",
    [
        "demo",
        "demo-interp",
        "test",
        "test-pythons",
        "test-hf",
        "test-interp",
        "test-providers",
        "test-roster",
        "test-wheel",
        "bench",
    ],
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


@pytest.mark.parametrize(
    ("task", "heading", "unnamed"),
    [
        (likert, "## Persona Likert", {"top_logprobs", "kwargs"}),
        (triplets, "## Landlord and tenant", {"kwargs"}),
        (persona_main, "## PERSONA", {"kwargs"}),
    ],
)
def test_the_options_table_is_the_tasks_signature(
    task: Any, heading: str, unnamed: set[str]
) -> None:
    text = README[README.index(heading) :]
    table = text[text.index("| option (") :].split("\n\n", 1)[0]
    cells = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    named = {n for cell in cells for code in re.findall(r"`([^`]+)`", cell)
             for n in re.findall(r"^([a-z_]+)(?:=|$)", code)}  # fmt: skip
    parameters = set(introspection.signature(task).parameters)
    assert named <= parameters
    assert parameters - named == unnamed


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
    for _ in range(1200):
        try:
            with urllib.request.urlopen(f"{viewer}/api/logs", timeout=5) as reply:
                listing = reply.read().decode()
            break
        except OSError:
            time.sleep(0.1)
    assert "likert" in listing
