"""Run one mechanistic analysis per sample: in a thread, one at a time, with the model's lock."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import anyio
import anyio.from_thread
import anyio.to_thread
from inspect_ai.log import transcript
from inspect_ai.model import ChatMessageAssistant, ContentImage, ContentText
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import concurrency

from pluralens.errors import shown_plainly
from pluralens.scorers.analysis_results import AnalysisResults, NamedArray
from pluralens.solvers.analysis_plan import AnalysisPlan, PreparedUnit, plan_for
from pluralens.solvers.analysis_progress import Progress, shown_progress
from pluralens.solvers.analysis_settings import AnalysisSettings
from pluralens.solvers.analysis_transcript import heatmap_uri, written_report
from pluralens.solvers.sidecar import sidecar_folder, write_sidecar

if TYPE_CHECKING:
    from pluralens.solvers.analyses.findings import Findings

__all__ = ["analyse"]


@solver
def analyse(settings: dict[str, Any]) -> Solver:
    """Analyse the sample's data set and domain; the outcome goes into its `AnalysisResults`.

    The checkpoint is loaded here, before the first sample, and released with the solver.

    Args:
        settings: `AnalysisSettings` as JSON.
    """
    with shown_plainly():
        plan = plan_for(AnalysisSettings.from_json(settings))
        check = getattr(_room(plan), "check", None)
        if check is not None:
            check(plan)
        folder, note = sidecar_folder(plan.settings.sidecar, plan.base)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        prepared = plan.unit(state.sample_id)
        progress = Progress(f"{plan.settings.analysis} {prepared.unit.id}")

        def tell(done: int, total: int) -> None:
            anyio.from_thread.check_cancelled()
            progress(done, total)

        def work() -> tuple["Findings", str | None]:
            found = _findings(plan, prepared, tell)
            return found, heatmap_uri(found)

        async with concurrency("gpu", 1), shown_progress(progress):
            found, picture = await anyio.to_thread.run_sync(work)
        store = state.store_as(AnalysisResults)
        _record(store, plan, prepared, found)
        await anyio.to_thread.run_sync(_write_files, store, plan, prepared, found, folder, note)
        _show(state, store, picture)
        return state

    return solve


def _findings(
    plan: AnalysisPlan, prepared: PreparedUnit, progress: Callable[[int, int], None]
) -> "Findings":
    """Run the analysis; what it imports is heavy."""
    from pluralens.interp.cache import ResultCache, cache_folder
    from pluralens.solvers.analyses.findings import Inputs

    run: Callable[[Inputs], Findings] = _room(plan).analyse
    cache = ResultCache(cache_folder() if plan.settings.cache else None)
    with plan.checkpoint.lock:
        return run(Inputs(plan, prepared, cache, progress))


def _show(state: TaskState, store: AnalysisResults, picture: str | None) -> None:
    """Picture and tables, in the transcript and among the messages."""
    heading, tables = written_report(store)
    shown: list[Any] = [ContentText(text=heading)]
    if picture is not None:
        shown.append(ContentImage(image=picture))
    # Two messages: the viewer folds long ones, and what is folded is not seen.
    state.messages.append(ChatMessageAssistant(content=shown, model="none"))
    state.messages.append(ChatMessageAssistant(content=tables, model="none"))
    drawn = "" if picture is None else f"![{store.analysis}]({picture})\n\n"
    transcript().info(f"{heading}\n\n{drawn}{tables}", source="pluralens")
    state.output.completion = store.summary


def _room(plan: AnalysisPlan) -> ModuleType:
    return import_module(f"pluralens.solvers.analyses.{plan.settings.analysis}")


def _record(
    store: AnalysisResults, plan: AnalysisPlan, prepared: PreparedUnit, found: "Findings"
) -> None:
    unit = prepared.unit
    store.analysis, store.unit = plan.settings.analysis, unit.id
    store.about = {
        **plan.checkpoint.about,
        "dataset": unit.dataset,
        "domain": unit.domain,
        "source": unit.source,
        "data": dict(unit.about),
        **found.about,
    }
    store.counts, store.reasons = prepared.counts, dict(prepared.reasons)
    store.left_out = found.left_out
    store.numbers = found.numbers
    store.arrays = {
        name: NamedArray(dims=list(dims), values=values.tolist())
        for name, (dims, values) in found.arrays.items()
    }
    store.top, store.summary, store.cache = found.top, found.summary, found.cache


def _write_files(
    store: AnalysisResults,
    plan: AnalysisPlan,
    prepared: PreparedUnit,
    found: "Findings",
    folder: Path,
    note: str,
) -> None:
    """The sidecar, and the older files if they were asked for."""
    from pluralens.interp.cache import packed
    from pluralens.interp.export import older_name, write_older_files

    unit = prepared.unit
    if found.details:
        about = {"analysis": store.analysis, "unit": unit.id, **plan.checkpoint.about}
        content = packed(found.details, about)
        stem = f"{store.analysis}-{unit.dataset}-{unit.domain}"
        store.sidecar = write_sidecar(folder, note, stem, content, list(found.details))
    if plan.settings.export is not None:
        written = write_older_files(
            plan.base / Path(plan.settings.export).expanduser(),
            older_name(unit.dataset, unit.domain),
            found.export,
            baseline=found.numbers.get("bias"),
            probes=found.probes,
        )
        store.exported = [str(path) for path in written]
