"""Logs of the Likert task for figures, and the tables that are written beside figures."""

import csv
from pathlib import Path
from typing import Any

from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog

from pluralens.evals.likert import likert

__all__ = ["evaluate", "rows"]


def evaluate(folder: Path, **options: Any) -> EvalLog:
    task = {"n": 14, "items": "g1,g2,g4", "counterfactuals": "gender,placebo", "seed": 3}
    of_eval = {k: options.pop(k) for k in ("epochs", "model_args", "limit") if k in options}
    (log,) = inspect_eval(
        likert(**{**task, **options}),
        model="pluralens_sim/likert",
        temperature=1.0,
        log_dir=str(folder),
        display="none",
        log_realtime=False,
        **of_eval,
    )
    return log


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))
