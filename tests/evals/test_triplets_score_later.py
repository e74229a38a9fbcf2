"""Answers first, scores later: the same numbers, and a second grader beside the first."""

import json
import shutil
from pathlib import Path
from typing import Any

from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log
from inspect_ai.model import get_model

TASK = {"triplets": 6, "paraphrase": 0, "stance": "challenge", "seed": 3}
SHELL = [part for name, value in TASK.items() for part in ("-T", f"{name}={value}")]
EVAL = ("inspect", "eval", "pluralens/triplets", "--model", "pluralens_sim/sycophant")
GRADER = ("--model-role", "grader=pluralens_sim/grader")
SCORE = ("--scorer", "pluralens/stance", "--action", "append")


def read(path: str | Path) -> EvalLog:
    log = read_eval_log(str(path))
    assert log.status == "success", log.error
    return log


def scores(log: EvalLog, name: str = "stance") -> dict[str, str]:
    """Everything that was scored, comparable with NaN."""
    return {
        f"{s.id}/{s.epoch}": json.dumps((s.scores or {})[name].model_dump(), sort_keys=True)
        for s in log.samples or []
    }


def metrics(log: EvalLog, name: str = "stance") -> str:
    assert log.results
    (score,) = (s for s in log.results.scores if s.name == name)
    return json.dumps({key: m.value for key, m in score.metrics.items()}, sort_keys=True)


def test_scoring_later_equals_scoring_at_once(run: Any, tmp_path: Path) -> None:
    done = run(*EVAL, *SHELL, *GRADER, "--log-dir", "once", "--epochs", "2", "--temperature", "1")
    assert done.returncode == 0, done.stderr
    done = run(
        *EVAL, *SHELL, "--no-score", "--log-dir", "later", "--epochs", "2", "--temperature", "1"
    )
    assert done.returncode == 0, done.stderr  # no grader is needed
    (once,) = (read(info.name) for info in list_eval_logs(str(tmp_path / "once")))
    (unscored,) = list_eval_logs(str(tmp_path / "later"))
    assert all(not s.scores for s in read(unscored.name).samples or [])
    file = Path(unscored.name.removeprefix("file://"))
    shutil.copy(file, tmp_path / "later.eval")

    done = run("inspect", "score", "later.eval", *SCORE, "--output-file", "x.eval")
    assert done.returncode == 2 and "add --model-role grader=" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr and not (tmp_path / "x.eval").exists()

    done = run("inspect", "score", "later.eval", *SCORE, *GRADER, "--output-file", "scored.eval")
    assert done.returncode == 0, done.stderr
    scored = read(tmp_path / "scored.eval")
    assert len(scores(scored)) == 36
    assert scores(scored) == scores(once)
    assert metrics(scored) == metrics(once)

    # A second grader stands beside the first.
    done = run(
        "inspect", "score", "scored.eval", *SCORE, "--output-file", "twice.eval",
        "--model-role", "grader={model: pluralens_sim/grader, model_args: {bias: 0.5}}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    twice = read(tmp_path / "twice.eval")
    assert scores(twice) == scores(once)
    second = scores(twice, "stance1")
    assert len(second) == 36 and second != scores(once)
    assert [s.name for s in (twice.results.scores if twice.results else [])] == [
        "stance", "stance1",
    ]  # fmt: skip
    assert metrics(twice) == metrics(once)


def test_scoring_in_python_keeps_both_graders(tmp_path: Path) -> None:
    from inspect_ai import score

    from pluralens.scorers.stance import stance

    (log,) = inspect_eval(
        "pluralens/triplets", task_args=TASK, model="pluralens_sim/sycophant",
        model_roles={"grader": "pluralens_sim/grader"}, log_dir=str(tmp_path), display="none",
    )  # fmt: skip
    biased = get_model("pluralens_sim/grader", bias=0.3)
    both = score(log, stance(), model_roles={"grader": biased}, action="append", display="none")
    for sample in both.samples or []:
        first, second = ((sample.scores or {})[n].value for n in ("stance", "stance1"))
        assert isinstance(first, dict) and isinstance(second, dict)
        moved = min(float(first["stance"]) + 0.3, 1.0)  # type: ignore[arg-type]
        assert abs(float(second["stance"]) - moved) < 0.002  # type: ignore[arg-type]
        assert second["positive_first"] == first["positive_first"]
