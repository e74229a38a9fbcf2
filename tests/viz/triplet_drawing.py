"""Drawing triplets logs in tests, changed ones among them."""

from collections.abc import Callable
from pathlib import Path

from inspect_ai.log import EvalLog, read_eval_log, write_eval_log

from pluralens.viz.triplets import main

__all__ = ["draw", "edited"]


def draw(out: Path, *places: Path | str, kinds: str = "svg") -> int:
    logs = [part for place in places for part in ("--log", str(place))]
    return main([*logs, "--out", str(out), "--format", kinds])


def edited(source: Path, target: Path, change: Callable[[EvalLog], None]) -> str:
    """A copy of a log, of another model and with a change."""
    log = read_eval_log(str(source))
    log.eval.model = "mockllm/edited"
    change(log)
    write_eval_log(log, str(target))
    return str(target)
