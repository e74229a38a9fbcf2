"""Figures of the mechanistic analyses and of StereoSet and Winogender, one set per checkpoint.

python viz/interp.py                             # the newest checkpoint in logs/
python viz/interp.py --log logs/interp           # all checkpoints of a folder
python viz/interp.py --log a.eval --log b.eval --out out/ --format png,svg --theme dark

Takes logs of ablation, patching, attribution, probe, lens, faithfulness, stereoset and winogender.
Those of one checkpoint (the same hash of its parameters) belong together: attribution is held
against ablation where there are logs of both.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens.viz.interp_logs import InterpLog, InterpUnit, losses
from pluralens.viz.interp_studies import InterpStudy, find_interp_logs, read_studies
from pluralens.viz.output import checked_formats, safe_name, write_all
from pluralens.viz.script import (
    Chart,
    Made,
    draw_each,
    make_all,
    run_script,
    script_parser,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["charts", "draw", "main", "make"]

SCRIPT = "viz/interp.py"


def charts(study: InterpStudy) -> list[Chart]:
    """Everything that there are logs for.

    Args:
        study: Logs of one checkpoint.
    """
    made = [chart for log in study.logs for chart in _log_charts(study, log)]
    from pluralens.viz.interp_figures import stability

    if stability.has_any(study):
        title = study.logs[0].title
        made.append(
            Chart(
                "stability", partial(stability.table, study), lambda t: stability.figure(t, title)
            )
        )
    return made


def _log_charts(study: InterpStudy, log: InterpLog) -> Iterator[Chart]:
    if log.task == "stereoset":
        yield _stereoset(log)
    elif log.task == "winogender":
        yield from _winogender(log)
    for unit in log.units:
        yield from _unit_charts(study, log, unit)


def _unit_charts(study: InterpStudy, log: InterpLog, unit: InterpUnit) -> Iterator[Chart]:
    from pluralens.viz.interp_figures import (
        attribution,
        components,
        faithfulness,
        lens,
        positions,
        probes,
    )

    for measure in components.measures(log, unit):
        yield Chart(
            _name(measure.file, unit.id),
            partial(components.table, unit, measure),
            partial(components.figure, log=log, unit=unit, measure=measure),
        )
    others: dict[str, tuple[str, Callable[..., pd.DataFrame], Callable[..., Figure]]] = {
        "patching": ("patching_positions", positions.table, positions.figure),
        "attribution": (
            "attribution_layers",
            attribution.by_layer_table,
            attribution.by_layer_figure,
        ),
        "probe": ("probe", probes.table, probes.figure),
        "lens": ("lens", lens.table, lens.figure),
        "faithfulness": ("faithfulness", faithfulness.table, faithfulness.figure),
    }
    if log.task in others:
        name, table, figure = others[log.task]
        yield Chart(_name(name, unit.id), partial(table, unit), partial(figure, log=log, unit=unit))
    ablated = study.unit("ablation", unit.id) if log.task == "attribution" else None
    if ablated is not None:
        yield Chart(
            _name("attribution_vs_ablation", unit.id),
            partial(attribution.scatter_table, unit, ablated),
            partial(attribution.scatter_figure, log=log, unit=unit),
        )


def _name(figure: str, unit: str) -> str:
    return f"{figure}-{safe_name(unit)}"


def _stereoset(log: InterpLog) -> Chart:
    from pluralens.viz.interp_figures import stereoset

    return Chart(
        _name("stereoset", log.source),
        partial(stereoset.table, log),
        partial(stereoset.figure, log=log),
    )


def _winogender(log: InterpLog) -> Iterator[Chart]:
    from pluralens.viz.interp_figures import winogender

    scores = winogender.scores_table(log)
    yield Chart(
        _name("winogender", log.source),
        partial(winogender.table, log),
        partial(winogender.figure, scores=scores, log=log),
    )
    if winogender.has_planted(log):
        yield Chart(
            _name("winogender_planted", log.source),
            partial(winogender.table, log),
            partial(winogender.planted_figure, log=log),
        )


def make(study: InterpStudy, formats: Sequence[str], theme: str = "light") -> Made:
    """Draw everything of one checkpoint in memory.

    Args:
        study: As `read_studies` gives it.
        formats: Of `FORMATS`.
        theme: `light` or `dark`.
    """
    pictures, tables = make_all(charts(study), formats, theme, f"drawing {study.model}")
    from pluralens.viz.interp_figures import winogender

    for log in study.logs:
        if log.task == "winogender":
            tables[_name("winogender_scores", log.source)] = winogender.scores_table(log)
    return pictures, tables


def draw(study: InterpStudy, out: Path, formats: Sequence[str], theme: str = "light") -> list[Path]:
    """Write every figure of one checkpoint with its CSV; returns the written files."""
    return write_all(*make(study, formats, theme), out)


def _about(study: InterpStudy) -> str:
    return "\n".join([*(losses(log) for log in study.logs), *study.hidden])


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw logs; returns the exit code: 0, or 2 for input that a person can put right."""
    parser = script_parser(
        SCRIPT,
        __doc__,
        "out/interp",
        log="log file, or folder: of each task, data set and checkpoint in it the newest log "
        "(repeatable); default the newest checkpoint in logs/",
    )
    options = parser.parse_args(arguments)

    def work() -> None:
        formats = checked_formats(options.format, options.theme)
        studies = read_studies(find_interp_logs(options.log))
        draw_each(studies, Path(options.out), _about, lambda one: make(one, formats, options.theme))

    return run_script(SCRIPT, work)


if __name__ == "__main__":
    sys.exit(main())
