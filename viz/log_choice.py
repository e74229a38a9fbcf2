"""Which logs of a folder are shown together: the newest of each kind, and whose they are."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pluralens.viz.logs import DEFAULT_FOLDER, folder_logs

__all__ = ["TRANSPORT", "chosen_logs", "model_identity", "moment", "run_of"]

# How requests travel, and not what is answered.
TRANSPORT = {"max_connections", "adaptive_connections", "max_retries", "timeout"}
TRANSPORT |= {"attempt_timeout", "batch", "cache"}


def chosen_logs(
    places: Sequence[str],
    tasks: Sequence[str],
    *,
    kind: Callable[[Any], str],
    together: Callable[[Any], object],
) -> list[str]:
    """Logs to read together: files as given, of each folder the newest of each kind.

    Args:
        places: Files, folders or remote locations; empty for `logs/`, of which only those are
            read that belong together with the newest one.
        tasks: Task names without the package.
        kind: Of a header: what a newer log of takes the place of an older one.
        together: Of a header: what is the same in logs that belong together.

    Raises:
        InputError: A place does not exist or holds no log of the tasks.
    """
    found: list[str] = []
    for place in places or [DEFAULT_FOLDER]:
        logs = folder_logs(place, *tasks)
        if logs is None:
            found.append(place)
            continue
        # inspect lists the newest file first, so that of equals the one written last is kept:
        # a scored copy has the start time of the log that it is a copy of.
        logs.sort(key=lambda log: moment(str(log[1].eval.created)), reverse=True)
        if not places:
            newest = together(logs[0][1])
            logs = [log for log in logs if together(log[1]) == newest]
        kept: dict[str, str] = {}
        for path, header in logs:
            kept.setdefault(kind(header), path)
        found += sorted(kept.values())
    return list(dict.fromkeys(found))


def moment(created: str) -> float:
    """Seconds, so that logs from machines in different time zones compare."""
    return datetime.fromisoformat(created).timestamp()


def run_of(header: Any) -> str:
    """What the logs of one eval set share, or else those of one call of inspect."""
    return str(header.eval.eval_set_id or header.eval.run_id)


def model_identity(header: Any) -> dict[str, Any]:
    """What makes two models of one name different, sorted by key.

    Args:
        header: A log without samples, inspect's `EvalLog`.
    """
    settings = header.eval.model_generate_config.model_dump(exclude_none=True)
    about = {key: value for key, value in settings.items() if key not in TRANSPORT}
    about |= dict(header.eval.model_args)
    if header.eval.model_base_url:
        about["base_url"] = header.eval.model_base_url
    plain = json.loads(json.dumps(about, sort_keys=True, default=str))
    return dict(plain)
