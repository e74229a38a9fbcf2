"""Ten models x 108 prompts in one roster run, killed in the middle and continued."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import list_eval_logs, read_eval_log
from openai_server import OpenAIServer

MODELS = [f"m{number}" for number in range(10)]
COMMAND = (
    "run", "triplets", "--roster", "models.yaml", "--model-role", "grader=pluralens_sim/grader",
    "-T", "paraphrase=0", "--log-dir", "logs",
)  # fmt: skip
pytestmark = pytest.mark.roster


@pytest.fixture
def server(tmp_path: Path) -> Any:
    faults = {"p429": 0.03, "p500": 0.02, "retry_after": 0.05, "latency_ms": 20}
    with OpenAIServer(tmp_path, teller="sycophant", **faults) as running:
        lines = ["models:"]
        for name in MODELS:
            lines += [
                f"  - model: openai-api/local/{name}",
                f"    base_url: {running.base_url}",
                "    concurrency: 4",
            ]
        (tmp_path / "models.yaml").write_text("\n".join(lines) + "\n")
        yield running


def start(folder: Path) -> "subprocess.Popen[bytes]":
    program = str(Path(sys.executable).with_name("pluralens"))
    plain = {
        "INSPECT_DISPLAY": "plain", "NO_COLOR": "1", "LOCAL_API_KEY": "none",
        # inspect keeps samples that are not yet in a log in the user's data folder.
        "XDG_DATA_HOME": str(folder / "data"),
    }  # fmt: skip
    with (folder / "out.txt").open("ab") as out:
        return subprocess.Popen(
            [program, *COMMAND], cwd=folder, env={**os.environ, **plain}, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip


def answered(server: OpenAIServer) -> "Counter[tuple[str, str]]":
    """How often each model answered each prompt."""
    return Counter((r["model"], r["prompt"]) for r in server.requests() if r["outcome"] == "ok")


def test_a_killed_roster_is_continued(server: OpenAIServer, tmp_path: Path, run: Any) -> None:
    killed = start(tmp_path)
    while len(answered(server)) < 400:
        assert killed.poll() is None, (tmp_path / "out.txt").read_text()
        time.sleep(0.2)
    # What was sent in the last moments may not have reached the buffer on disk.
    settled = time.time() - 2.0
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(timeout=30)
    before = [r for r in server.requests() if r["outcome"] == "ok" and r["sent"] < settled]
    done = {(r["model"], r["prompt"]) for r in before}
    again = start(tmp_path)
    assert again.wait(timeout=280) == 0, (tmp_path / "out.txt").read_text()

    counts = answered(server)
    assert len(counts) == len(MODELS) * 108
    assert len(done) > 100
    twice = {question for question, n in counts.items() if n > 1}
    assert not twice & done
    # In flight at the kill: at most what all ten had open or not yet on disk.
    assert all(n <= 2 for n in counts.values())
    logs = [read_eval_log(info) for info in list_eval_logs(str(tmp_path / "logs"))]
    finished = [log for log in logs if log.status == "success"]
    assert sorted(log.eval.model.rpartition("/")[2] for log in finished) == MODELS
    for log in finished:
        assert len({str(s.id) for s in log.samples or []}) == 108

    drawn = run("viz/triplets.py", "--log", "logs", "--out", "out")
    assert drawn.returncode == 0, drawn.stderr
    with (tmp_path / "out" / "summary.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"].rpartition("/")[2] for row in rows] == MODELS
    # Per-model neutral baselines: each model's own, so uplifts grow with the planted lean.
    gaps = [float(row["gap"]) for row in rows]
    for number, (row, gap) in enumerate(zip(rows, gaps, strict=True)):
        assert int(row["n"]) == 108 and float(row["unscored"]) == 0
        assert float(row["landlord_uplift"]) + float(row["tenant_uplift"]) == pytest.approx(gap)
        if number <= 5:
            # Clipping at 1 bends what stronger leans show.
            assert float(row["gap_low"]) - 0.1 < 2 * number / 10 < float(row["gap_high"]) + 0.1
    assert sum(b > a for a, b in zip(gaps, gaps[1:], strict=False)) >= 8
    again_done = run(
        "pluralens", *COMMAND, LOCAL_API_KEY="none", XDG_DATA_HOME=str(tmp_path / "data")
    )
    assert again_done.returncode == 0 and answered(server) == counts
