"""PERSONA's logs compared: modes, models and demographic groups.

python viz/persona.py                            # the newest run in logs/
python viz/persona.py --log logs/persona         # every model and mode in a folder
python viz/persona.py --log a.eval --log b.eval --out out/ --format png,svg --theme dark

Takes logs of all five tasks. Models and modes are compared where task, protocol and critics are the
same, over the pairs of question and person that they share. What each task has of its own is drawn
by visualization_loo.py, visualization_intersection.py and visualization_pass_at_k.py.
"""

import sys
from collections.abc import Iterator, Sequence, Set
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens.viz.critique_comparison import Study, find_comparable_logs, read_studies
from pluralens.viz.critique_logs import COMPARISON, losses
from pluralens.viz.output import checked_formats, rendered, safe_name, write_all
from pluralens.viz.progress import steps
from pluralens.viz.script import Chart, make_all, print_written, run_script, script_parser
from pluralens.viz.style import themed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["draw", "main"]

SCRIPT = "viz/persona.py"


def _charts(studies: Sequence[Study]) -> list[Chart]:
    """Everything that there are logs for, but the groups."""
    from pluralens.viz.critique_figures import accuracy, differences, identified, outcomes
    from pluralens.viz.critique_figures.words import titled

    title = titled(studies)
    judged = [study for study in studies if study.task != COMPARISON]
    compared = [study for study in studies if study.task == COMPARISON]
    charts = []
    if judged:
        charts.append(
            Chart(
                "accuracy",
                lambda: accuracy.table(judged),
                lambda table: accuracy.figure(table, titled(judged)),
            )
        )
    if differences.has_any(judged):
        charts.append(
            Chart(
                "differences",
                lambda: differences.table(judged),
                lambda table: differences.figure(table, titled(judged)),
            )
        )
    if compared:
        charts.append(
            Chart(
                "identification",
                lambda: identified.table(compared),
                lambda table: identified.figure(table, titled(compared)),
            )
        )
    outcome = Chart(
        "outcomes",
        lambda: outcomes.table(studies),
        lambda table: outcomes.figure(table, title),
    )
    return [*charts, outcome]


def _parts(studies: Sequence[Study]) -> Iterator[tuple[str, Study]]:
    """Figures of groups: name, and the logs that share it; side by side as far as they fit."""
    from pluralens.viz.critique_figures.groups import MOST_SERIES

    judged = [study for study in studies if study.task != COMPARISON]
    if sum(len(study.logs) for study in judged) <= MOST_SERIES and len(judged) == 1:
        yield "groups", judged[0]
        return
    taken: set[str] = set()
    for study in judged:
        for model in dict.fromkeys(study.labels):
            own = zip(study.logs, study.labels, strict=True)
            logs = [log for log, label in own if label == model]
            for start in range(0, len(logs), MOST_SERIES):
                some = tuple(logs[start : start + MOST_SERIES])
                name = f"groups-{safe_name(model)}"
                name += f"-{study.task.removeprefix('persona_')}" if len(judged) > 1 else ""
                name = _untaken(name, taken)
                taken.add(name)
                yield name, Study(study.name, study.task, some, (model,) * len(some))


def _untaken(name: str, taken: Set[str]) -> str:
    """The name, with a number where another has it."""
    numbers = (f"{name}-{number}" for number in count(2))
    return name if name not in taken else next(one for one in numbers if one not in taken)


def _groups(
    studies: Sequence[Study], formats: Sequence[str], theme: str
) -> "tuple[dict[str, dict[str, bytes]], dict[str, pd.DataFrame]]":
    """The figures of demographic groups and their one table."""
    from pluralens.viz.critique_figures import groups
    from pluralens.viz.critique_figures.words import titled

    if not groups.has_any(studies):
        return {}, {}
    pictures = {}
    for name, part in steps(list(_parts(studies)), "drawing groups"):
        if groups.has_any([part]):
            with themed(theme):
                drawn = groups.figure(groups.table([part]), titled([part]))
                pictures[name] = rendered(drawn, formats)
    return pictures, {"groups": groups.table(studies)}


def draw(
    studies: Sequence[Study], out: Path, formats: Sequence[str], theme: str = "light"
) -> list[Path]:
    """Write every figure with its CSV.

    Args:
        studies: As `read_studies` gives them.
        out: Folder for the files.
        formats: Of `FORMATS`.
        theme: `light` or `dark`.

    Returns:
        The written files.
    """
    pictures, tables = make_all(_charts(studies), formats, theme, "drawing")
    more = _groups(studies, formats, theme)
    return write_all(pictures | more[0], tables | more[1], out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw logs; returns the exit code: 0, or 2 for input that a person can put right."""
    parser = script_parser(
        SCRIPT,
        __doc__,
        "out/persona",
        log="log file, or folder: of each task, model and mode in it the newest log (repeatable); "
        "default the newest run in logs/",
    )
    parser.add_argument("--score", help="score of logs scored more than once; default the first")
    options = parser.parse_args(arguments)

    def work() -> None:
        formats = checked_formats(options.format, options.theme)
        studies = read_studies(find_comparable_logs(options.log), options.score)
        for study in studies:
            for log in study.logs:
                print(losses(log))
        print_written(draw(studies, Path(options.out), formats, options.theme))

    return run_script(SCRIPT, work)


if __name__ == "__main__":
    sys.exit(main())
