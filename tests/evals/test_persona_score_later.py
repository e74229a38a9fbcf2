"""Answers first and verdicts later, from a shell: the same numbers as at once."""

import json
from pathlib import Path
from typing import Any

from inspect_ai import score as inspect_score
from inspect_ai.log import list_eval_logs, read_eval_log
from persona_runs import CRITIC, PERSONALISER, by_id, content, evaluate, metrics

from pluralens.scorers.critique import critique

EVAL = ("inspect", "eval", "pluralens/persona_loo", "--model", PERSONALISER)
TASK = ("-M", "invalid_rate=0.3", "-T", "n=5", "-T", "attributes=religion,age")
GRADER = ("--model-role", f"grader={CRITIC}")


def test_leaving_out_is_scored_later_with_its_importances(run: Any, tmp_path: Path) -> None:
    done = run(*EVAL, *TASK, *GRADER, "--log-dir", "once")
    assert done.returncode == 0, done.stderr
    # Nobody is needed who judges.
    done = run(*EVAL, *TASK, "--no-score", "--log-dir", "later")
    assert done.returncode == 0, done.stderr
    (once,) = (read_eval_log(info) for info in list_eval_logs(str(tmp_path / "once")))
    (unscored,) = list_eval_logs(str(tmp_path / "later"))
    assert all(not s.scores for s in read_eval_log(unscored).samples or [])

    score = ("inspect", "score", unscored.name, "--scorer", "pluralens/critique")
    done = run(*score, "--output-file", "x.eval")
    assert done.returncode == 2 and "add --model-role grader=" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr and not (tmp_path / "x.eval").exists()
    done = run(*score, *GRADER, "--output-file", "scored.eval", "--action", "append")
    assert done.returncode == 0, done.stderr
    scored = read_eval_log(str(tmp_path / "scored.eval"))

    first, second = (
        {id: json.dumps((s.scores or {})["critique"].model_dump(), sort_keys=True)
         for id, s in by_id(log).items()}
        for log in (once, scored)
    )  # fmt: skip
    assert len(first) == 20 and second == first
    found = metrics(scored)
    assert json.dumps(found, sort_keys=True) == json.dumps(metrics(once), sort_keys=True)
    assert found["importance(religion)"] > 0 and "importance(age) p holm" in found


def test_the_critic_goes_by_the_options_of_the_run(tmp_path: Path) -> None:
    """What the task was given need not be said again."""
    options: dict[str, Any] = {
        "n": 3, "attributes": "age", "protocol": "rubric", "threshold": 3, "sees": "shown",
    }  # fmt: skip
    once = evaluate(tmp_path / "once", "loo", **options)
    asked_only = evaluate(tmp_path / "later", "loo", grader=None, score=False, **options)
    scored = inspect_score(
        asked_only, critique(), model=PERSONALISER, model_roles={"grader": CRITIC}, display="none"
    )
    assert content(scored) == content(once)
    (kept,) = {
        tuple((s.scores or {})["critique"].metadata[name] for name in ("protocol", "sees"))  # type: ignore[index]
        for s in scored.samples or []
    }
    assert kept == ("rubric", "shown")
