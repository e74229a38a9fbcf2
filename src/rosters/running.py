"""One run of a task over the models of a roster: inspect's eval set, and how far each model is."""

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError
from pluralens.rosters.roster import Roster, RosterModel
from pluralens.rosters.settings import TRANSPORT

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog
    from inspect_ai.model import GenerateConfig, Model

__all__ = ["RunOptions", "Standing", "run_roster", "task_names"]

# Not what answers depend on; inspect itself leaves these out when it tells tasks apart.
_TRANSPORT = {*TRANSPORT, "max_connections"}


@dataclass(frozen=True)
class RunOptions:
    """How a roster is run.

    Attributes:
        log_dir: Folder or address of the logs of this task over this roster, and of nothing else.
        task_args: Options of the task.
        model_roles: Role -> models.
        limit: Samples per model; None for all.
        max_tasks: Models at work at once; None for all.
        score: Score at once.
        retries: How often samples that failed are tried again within this run.
    """

    log_dir: str
    task_args: Mapping[str, Any]
    model_roles: Mapping[str, Sequence[str]]
    limit: int | None = None
    max_tasks: int | None = None
    score: bool = True
    retries: int = 2


@dataclass(frozen=True)
class Standing:
    """How far a model is.

    Attributes:
        model: The model.
        status: `done`, `incomplete` (some samples failed) or `failed` (no sample is done).
        done: Samples without error.
        total: Samples there are to do.
        log: Newest log, None if there is none.
        error: What went wrong first, in one line; None if all is done.
    """

    model: RosterModel
    status: str
    done: int
    total: int
    log: str | None
    error: str | None


def task_names() -> list[str]:
    """Names of the tasks of pluralens, without `pluralens/`."""
    from inspect_ai.util import registry_info

    from pluralens import _registry

    things = [getattr(_registry, name) for name in _registry.__all__]
    tasks = [t for t in things if getattr(t, "__module__", "").startswith("pluralens.evals")]
    return sorted(registry_info(task).name.removeprefix("pluralens/") for task in tasks)


def run_roster(task: str, roster: Roster, options: RunOptions) -> list[Standing]:
    """Run a task with every model, or complete an earlier run.

    Samples that are done in the logs of `options.log_dir` are not asked again.

    Args:
        task: One of `task_names()`.
        roster: The models.
        options: How.

    Returns:
        How far each model is, in the order of the roster.

    Raises:
        InputError: A model, a role or an option of the task is wrong, or the folder holds logs of
            another run.
    """
    import click
    from inspect_ai import eval_set

    models = [_inspect_model(entry) for entry in roster.models]
    _refuse_shared_pools(roster, models)
    roles = {role: [_role_model(role, m) for m in names]
             for role, names in options.model_roles.items()}  # fmt: skip
    _check_log_dir(options.log_dir)
    with _refusals_in_one_line(options.log_dir), _on_standard_error() as display:
        try:
            _, logs = eval_set(
                f"pluralens/{task}",
                log_dir=options.log_dir,
                model=models,
                model_roles=roles or None,
                task_args=dict(options.task_args),
                limit=options.limit,
                max_tasks=options.max_tasks,
                score=options.score,
                display=display,  # type: ignore[arg-type]
                # A sample that fails takes no others with it, and its model can be completed later.
                continue_on_fail=True,
                retry_attempts=options.retries,
            )
        except click.ClickException as error:
            # How our tasks refuse their options, see `pluralens.errors.shown_plainly`.
            raise InputError(error.format_message()) from None
    return [_standing(*pair, logs) for pair in zip(roster.models, models, strict=True)]


def _inspect_model(entry: RosterModel) -> "Model":
    from inspect_ai.model import GenerateConfig, get_model

    config = GenerateConfig(**entry.config, max_connections=entry.concurrency)
    with _refusals_in_one_line(entry.place):
        try:
            return get_model(
                entry.model,
                config=config,
                base_url=entry.base_url,
                # Two entries never share an object: each has its own settings.
                memoize=False,
                **entry.model_args,
            )
        except (ValueError, TypeError, ImportError) as error:
            raise InputError(
                f"{entry.place}: the model {entry.model!r} cannot be used "
                f"({_one_line(error)}); see inspect's list of providers"
            ) from None


def _role_model(role: str, name: str) -> "Model":
    from inspect_ai.model import get_model

    place = f"--model-role {role}={name}"
    with _refusals_in_one_line(place):
        try:
            return get_model(name)
        except (ValueError, TypeError, ImportError) as error:
            raise InputError(
                f"{place}: the model cannot be used ({_one_line(error)}); "
                "write provider and name, as in grader=openai/gpt-5"
            ) from None


def _refuse_shared_pools(roster: Roster, models: Sequence["Model"]) -> None:
    """Refuse two numbers where inspect keeps one, which would be that of whoever asks first."""
    pools: dict[tuple[type, str], RosterModel] = {}
    for entry, model in zip(roster.models, models, strict=True):
        first = pools.setdefault((type(model.api), model.api.connection_key()), entry)
        if first.concurrency != entry.concurrency:
            raise InputError(
                f"{entry.place}: {entry.label} shares its connections with {first.label}, which "
                f"has concurrency {first.concurrency}, not {entry.concurrency}; give both the "
                "same, which is then that of both together"
            )


def _check_log_dir(log_dir: str) -> None:
    """Refuse a folder that cannot be, or that holds what is no log any more."""
    from inspect_ai.log import list_eval_logs, read_eval_log

    from pluralens._log_faults import unreadable

    if "://" not in log_dir:
        try:
            Path(log_dir).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"--log-dir {log_dir}: no folder can be made there ({error.strerror}); "
                "choose another"
            ) from None
    for info in list_eval_logs(log_dir):
        try:
            read_eval_log(info, header_only=True)
        except unreadable():
            raise InputError(
                f"{_local(info.name)}: this is no readable log; move it out of {log_dir}"
            ) from None


@contextlib.contextmanager
def _refusals_in_one_line(place: str) -> Iterator[None]:
    """Turn inspect's refusals, which are paragraphs in colour, into one line."""
    try:
        yield
    except Exception as error:
        # inspect's class for what a person has to put right has no public name.
        if type(error).__name__ != "PrerequisiteError":
            raise
        message = _one_line(getattr(error, "message", error)).removeprefix("ERROR: ")
        if message.startswith("Existing log file"):
            log = message.split("'")[1]
            raise InputError(
                f"--log-dir {place} holds {log}, the log of another run (another task, model, "
                "option or setting); choose another folder, or repeat the options of that run. "
                "Answers without scores get them from `inspect score`, without asking again"
            ) from None
        raise InputError(f"{place}: {message}") from None


@contextlib.contextmanager
def _on_standard_error() -> Iterator[str | None]:
    """Where inspect shows progress: on a terminal as it likes, else as plain lines, apart.

    Standard output is for the result, so that it can go into a pipe or a file.
    """
    if sys.stdout.isatty():
        yield None
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield os.environ.get("INSPECT_DISPLAY") or "plain"


def _standing(entry: RosterModel, model: "Model", logs: Sequence["EvalLog"]) -> Standing:
    wanted = _key(str(model), model.model_args, model.config)
    for log in logs:
        spec = log.eval
        if _key(spec.model, spec.model_args, spec.model_generate_config) == wanted:
            return _standing_in(entry, log)
    return Standing(entry, "failed", 0, 0, None, "inspect left no log")


def _standing_in(entry: RosterModel, log: "EvalLog") -> Standing:
    from inspect_ai.log import read_eval_log_sample_summaries

    dataset, epochs = log.eval.dataset, log.eval.config.epochs or 1
    total = len(dataset.sample_ids or []) * epochs
    summaries = read_eval_log_sample_summaries(log.location)
    done = sum(s.completed and s.error is None for s in summaries)
    path = _local(log.location)
    if log.status == "success" and done >= total:
        return Standing(entry, "done", done, total, path, None)
    errors = [log.error.message] if log.error is not None else []
    errors += [s.error for s in summaries if s.error is not None]
    reason = _one_line(errors[0]) if errors else f"the log's status is {log.status}"
    return Standing(entry, "incomplete" if done else "failed", done, total, path, reason)


def _key(model: str, args: Mapping[str, Any], config: "GenerateConfig") -> str:
    said = config.model_dump(mode="json", exclude=_TRANSPORT, exclude_none=True)
    return json.dumps([model, dict(args), said], sort_keys=True, default=str)


def _local(location: str) -> str:
    """A path as a person would type it here, if the log is below this folder."""
    from urllib.parse import unquote, urlparse

    if "://" in location and not location.startswith("file://"):
        return location
    path = unquote(urlparse(location).path) if location.startswith("file://") else location
    shorter = os.path.relpath(path)
    return path if shorter.startswith("..") else shorter


def _one_line(message: object) -> str:
    """The text of a message, without inspect's markup."""
    from rich.errors import MarkupError
    from rich.text import Text

    text = str(message)
    with contextlib.suppress(MarkupError):
        text = Text.from_markup(text).plain if isinstance(message, str) else text
    # What tenacity raises after the last attempt; the cause is in its words alone.
    last = re.fullmatch(r"RetryError[\[(]<Future .* raised (\w+)>,?[\])]", text.strip())
    if last is not None:
        return f"{last[1]}, at the last attempt too"
    return " ".join(text.split()).rstrip(".")
