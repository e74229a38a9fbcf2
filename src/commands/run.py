"""`pluralens run`: a task with every model of a roster."""

import shlex
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pluralens.commands.options import AsJson, examples
from pluralens.commands.output import note, show_json, show_line, show_table
from pluralens.commands.persona_modes import (
    PERSONA_TASK,
    ModeStanding,
    chosen_modes,
    mode_document,
    run_modes,
    show_modes,
)
from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.rosters.roster import Roster
    from pluralens.rosters.running import Standing

__all__ = ["EPILOG", "run"]

# The tasks whose answers a grader reads.
GRADED = (
    "triplets", "persona_main", "persona_loo", "persona_intersections", "persona_pass_at_k",
    "persona_comparison",
)  # fmt: skip
ALSO = {"persona": PERSONA_TASK}
CONCURRENCY = 10
EPILOG = "\n\n".join(
    (
        examples(
            "pluralens run triplets --roster models.yaml -T scenario=rent",
            "pluralens run likert --roster models.yaml -T n=200 -T counterfactuals=gender,age",
            "pluralens run triplets --roster models.yaml --model-role grader=openai/gpt-5",
            "pluralens run persona --modes all --model openai/gpt-5-mini --model-role "
            "grader=openai/gpt-5",
        ),
        "\n".join(
            (
                "\b",
                "A roster is a YAML file:",
                "  models:",
                "    - model: openai/gpt-5",
                "      concurrency: 10",
                "    - model: openai-api/local/qwen",
                "      base_url: http://localhost:8000/v1",
                "      concurrency: 16",
                "      label: Qwen here",
                "      config: {temperature: 0.7, max_retries: 5}",
            )
        ),
        "Keys come from the providers' environment variables, such as OPENAI_API_KEY. "
        "Exit code 1: some samples failed, and the same command tries those again.",
    )
)


def run(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Such as triplets or likert.")],
    roster: Annotated[
        Path | None,
        typer.Option(help="File of models, each with its concurrency.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="One model, instead of a roster.", show_default=False),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, help="Most requests at once to --model. Default: 10.",
                     show_default=False),
    ] = None,
    modes: Annotated[
        str | None,
        typer.Option(
            metavar="all|MODE,...", show_default=False,
            help="Of the task persona: baseline, output_only, chain_of_thought, "
            "demographic_summary.",
        ),
    ] = None,
    log_dir: Annotated[
        str | None,
        typer.Option(
            help="Folder for the logs of this run alone. Default: logs/TASK.", show_default=False
        ),
    ] = None,
    task_args: Annotated[
        list[str] | None,
        typer.Option(
            "-T", metavar="NAME=VALUE", help="Option of the task. Repeatable.", show_default=False
        ),
    ] = None,
    model_roles: Annotated[
        list[str] | None,
        typer.Option(
            "--model-role", metavar="ROLE=MODEL,...", show_default=False,
            help="Model of a role, such as grader; several are a panel. Repeatable.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Samples per model. Default: all.", show_default=False),
    ] = None,
    max_tasks: Annotated[
        int | None,
        typer.Option(min=1, help="Models at work at once. Default: all.", show_default=False),
    ] = None,
    retries: Annotated[
        int, typer.Option(min=0, help="How often failed samples are tried again at once.")
    ] = 2,
    no_score: Annotated[
        bool, typer.Option("--no-score", help="Ask only; `inspect score` does the rest later.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Run a task with every model of a roster, or with one model.

    The same command again completes what is missing: what is done is not asked again, even if the
    run was killed.
    """
    models = _models(roster, model, concurrency)
    arguments = _task_args(task_args)
    roles = _model_roles(model_roles)
    # inspect takes seconds to load; what is wrong above is told before.
    import click

    from pluralens.rosters.running import RunOptions, run_roster
    from pluralens.scorers.graders import GRADER_ROLE, NO_GRADER

    name = _task(task)
    asked_modes = None if modes is None else chosen_modes(modes, name)
    if name in GRADED and not no_score and GRADER_ROLE not in roles:
        raise InputError(NO_GRADER)
    folder = log_dir if log_dir is not None else f"logs/{name}"
    again = _command(
        name, _chosen(roster, model, concurrency, modes), folder, task_args, model_roles, limit,
        max_tasks, retries, no_score,
    )  # fmt: skip

    def run_once(place: str, **more: Any) -> "list[Standing]":
        options = RunOptions(
            place, {**arguments, **more}, roles, limit, max_tasks, not no_score, retries
        )
        try:
            return run_roster(name, models, options)
        except click.ClickException as error:
            # How the simulated models refuse; typer brings a click of its own, which is not this.
            raise InputError(error.format_message()) from None

    by_mode: list[ModeStanding] = []
    try:
        if asked_modes is None:
            standings = run_once(folder)
        else:
            if "mode" in arguments:
                raise InputError("-T mode and --modes are both given; give one of them")
            by_mode = run_modes(asked_modes, lambda mode: run_once(f"{folder}/{mode}", mode=mode))
            standings = [one.standing for one in by_mode]
    except KeyboardInterrupt:
        note(f"continue with: {again}")
        raise
    missing = any(s.status != "done" for s in standings)
    if as_json:
        show_json(
            {
                "task": f"pluralens/{name}",
                "roster": None if roster is None else str(roster),
                "log_dir": folder,
                "complete": not missing,
                "models": [_document(s) for s in standings]
                if not by_mode
                else [_document(one.standing) | mode_document(one) for one in by_mode],
                "resume": again if missing else None,
            }
        )
    elif by_mode:
        show_modes(by_mode)
        _show_errors(standings, again if missing else None)
    else:
        _show(standings, again if missing else None)
    if missing:
        raise typer.Exit(1)


def _models(roster: Path | None, model: str | None, concurrency: int | None) -> "Roster":
    from pluralens.rosters.roster import Roster, RosterModel, read_roster

    if (roster is None) == (model is None):
        raise InputError("name either --roster FILE or --model PROVIDER/MODEL")
    if roster is not None:
        if concurrency is not None:
            raise InputError("--concurrency is of --model; a roster has one for each of its models")
        return read_roster(roster)
    assert model is not None
    many = CONCURRENCY if concurrency is None else concurrency
    return Roster(model, (RosterModel(model, many, model, place=f"--model {model}"),))


def _chosen(
    roster: Path | None, model: str | None, concurrency: int | None, modes: str | None
) -> list[str]:
    """The words of the command line that say whom to ask."""
    words = ["--model", str(model)] if roster is None else ["--roster", str(roster)]
    words += [] if concurrency is None else ["--concurrency", str(concurrency)]
    return words + ([] if modes is None else ["--modes", modes])


def _show(standings: "list[Standing]", again: str | None) -> None:
    show_table(
        ("model", "status", "samples", "log"),
        [(s.model.label, s.status, f"{s.done:,}/{s.total:,}", s.log) for s in standings],
    )
    _show_errors(standings, again)


def _show_errors(standings: "list[Standing]", again: str | None) -> None:
    for standing in standings:
        if standing.error is not None:
            show_line(f"{standing.model.label}: {standing.error[:300]}")
    if again is not None:
        show_line(f"complete it with: {again}")


def _document(standing: "Standing") -> dict[str, Any]:
    return {
        "label": standing.model.label,
        "model": standing.model.model,
        "concurrency": standing.model.concurrency,
        "status": standing.status,
        "done": standing.done,
        "total": standing.total,
        "log": standing.log,
        "error": standing.error,
    }


def _task(given: str) -> str:
    from pluralens.rosters.running import task_names

    known = task_names()
    name = given.removeprefix("pluralens/").replace("-", "_")
    name = ALSO.get(name, name)
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"the closest is {close[0]}, and " if close else ""
        raise InputError(f"there is no task {given!r}; {hint}there are {', '.join(known)}")
    return name


def _task_args(given: list[str] | None) -> dict[str, Any]:
    """Options of the task, values read as inspect reads its own `-T`."""
    import yaml

    found: dict[str, Any] = {}
    for text in given or ():
        name, equals, raw = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise InputError(f"-T {text!r} is no NAME=VALUE; write it as in -T n=200")
        if name in found:
            raise InputError(f"-T {name} is given twice; give it once")
        try:
            value = yaml.safe_load(raw)
        except yaml.YAMLError as error:
            reason = " ".join(str(getattr(error, "problem", None) or error).split())
            raise InputError(
                f"-T {name}={raw!r} is no YAML value ({reason}); put it in quotes"
            ) from None
        if isinstance(value, str) and "," in value:
            value = value.split(",")
        found[name] = value
    return found


def _model_roles(given: list[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in given or ():
        role, equals, models = text.partition("=")
        names = [name.strip() for name in models.split(",")]
        if not equals or not role.strip() or not all(names):
            raise InputError(
                f"--model-role {text!r} is no ROLE=MODEL; write it as in grader=openai/gpt-5"
            )
        if role.strip() in found:
            raise InputError(
                f"--model-role {role.strip()} is given twice; write a panel as {role}=A,B"
            )
        found[role.strip()] = names
    return found


def _command(
    task: str,
    chosen: list[str],
    log_dir: str,
    task_args: list[str] | None,
    model_roles: list[str] | None,
    limit: int | None,
    max_tasks: int | None,
    retries: int,
    no_score: bool,
) -> str:
    """The command line that continues this run, for a shell."""
    words = ["pluralens", "run", task, *chosen, "--log-dir", log_dir]
    for option in task_args or ():
        words += ["-T", option]
    for role in model_roles or ():
        words += ["--model-role", role]
    words += [] if limit is None else ["--limit", str(limit)]
    words += [] if max_tasks is None else ["--max-tasks", str(max_tasks)]
    words += [] if retries == 2 else ["--retries", str(retries)]
    words += ["--no-score"] if no_score else []
    return shlex.join(words)
