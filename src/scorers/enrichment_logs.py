"""From a log of the enrichment task into the store: for texts that were made with another store."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pluralens._log_faults import unreadable
from pluralens.errors import InputError
from pluralens.scorers.enrichment_parsing import check_texts

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample, EvalSampleSummary

    from pluralens.personas.store import EnrichmentRun, Store
    from pluralens.scorers.enrichment_answers import EnrichedPersona

__all__ = ["FromLog", "enrich_from_log"]

TASK = "persona_enrichment"
# Samples in memory at a time; reading them one by one opens the log anew for each.
CHUNK = 200


class FromLog(NamedTuple):
    """What became of a log's personas; samples that ended in an error are none of these.

    Attributes:
        written: Texts that the store did not have.
        kept: Personas whose texts in the store are the log's.
        failed: Personas without texts in log and store; the reason is recorded.
        differing: Personas that the store has other texts of, in the same run; those stay.
    """

    written: int
    kept: int
    failed: int
    differing: int


def enrich_from_log(path: str | Path, store: "Store") -> FromLog:
    """Bring the texts of a finished or interrupted log into a store. Again is no change.

    Args:
        path: The log of `pluralens/persona_enrichment`.
        store: The store, which must hold the selection.

    Raises:
        InputError: The file is no such log or cut off, its personas are not in the store, or the
            store has a run of that name with other settings. Nothing is written then, unless it
            is the file's end that is damaged.
    """
    place = str(path)
    log = _header(place)
    summaries = _summaries(place)
    selection = str((log.eval.metadata or {}).get("selection", ""))
    _refuse_unknown_personas(place, selection, [str(s.id) for s in summaries], store)
    counts = dict.fromkeys(FromLog._fields, 0)
    opened: EnrichmentRun | None = None
    for sample_id, persona in _personas(place, summaries):
        run = _run(place, sample_id, persona.run)
        if opened is None:
            opened = store.open_run(run)
        elif run != opened and store.open_run(run) != opened:
            raise InputError(
                f"{place}: sample {sample_id} is of the run {run.name}, others are of "
                f"{opened.name}; give a log that inspect wrote, unchanged"
            )
        counts[_bring(place, sample_id, persona, opened.name, store)] += 1
    return FromLog(**counts)


def _header(place: str) -> "EvalLog":
    from inspect_ai.log import read_eval_log

    try:
        log = read_eval_log(place, header_only=True)
    except FileNotFoundError:
        raise InputError(f"{place}: no such file; give a log of pluralens/{TASK}") from None
    except unreadable() as error:
        raise InputError(
            f"{place}: is not a complete inspect log ({type(error).__name__}); if the run was "
            "killed, run the same command again, else give another file"
        ) from None
    if log.eval.task.split("/")[-1] != TASK:
        raise InputError(f"{place}: is a log of {log.eval.task}; give one of pluralens/{TASK}")
    if not (log.eval.metadata or {}).get("selection"):
        raise InputError(
            f"{place}: does not name its selection, so it was written by another version of "
            "pluralens; use that version"
        )
    return log


def _summaries(place: str) -> "list[EvalSampleSummary]":
    from inspect_ai.log import read_eval_log_sample_summaries

    try:
        return read_eval_log_sample_summaries(place)
    except unreadable() as error:
        raise _damaged(place, error) from None


def _damaged(place: str, error: Exception) -> InputError:
    return InputError(
        f"{place}: its samples cannot be read ({type(error).__name__}); the file is cut off or "
        "damaged, give a complete copy"
    )


def _refuse_unknown_personas(
    place: str, selection: str, ids: Sequence[str], store: "Store"
) -> None:
    known = set(store.selection(selection).personas.ids.tolist())
    unknown = sorted(set(ids) - known)
    if unknown:
        raise InputError(
            f"{place}: {len(unknown)} of its {len(set(ids))} personas, the first of them "
            f"{unknown[0]}, are not in the selection {selection} of {store.shown}; use the store "
            "that the run was made from, or import its selection under that name"
        )


def _personas(
    place: str, summaries: "Sequence[EvalSampleSummary]"
) -> "Iterator[tuple[str, EnrichedPersona]]":
    """Id and outcome of every sample that came to one, a chunk in memory at a time."""
    from inspect_ai.util import store_from_events_as

    from pluralens.scorers.enrichment_answers import EnrichedPersona

    keys = [(s.id, s.epoch) for s in summaries if not s.error]
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        salvaged: list[tuple[str | int, int]] = []
        for sample in _read(place, chunk):
            persona = sample.store_as(EnrichedPersona)
            if persona.outcome is None:
                salvaged.append((sample.id, sample.epoch))
            else:
                yield str(sample.id), persona
        # After a kill a sample has lost its store, and what was stored is in its events.
        for sample in _read(place, salvaged, resolve_attachments="full") if salvaged else ():
            persona = store_from_events_as(sample.events, EnrichedPersona)
            if persona.outcome is not None:
                yield str(sample.id), persona


def _read(
    place: str, samples: Sequence[tuple[str | int, int]], **options: Any
) -> "list[EvalSample]":
    from inspect_ai.log import read_eval_log_samples_by_id

    try:
        return read_eval_log_samples_by_id(place, samples, **options)
    except unreadable() as error:
        raise _damaged(place, error) from None


def _run(place: str, sample_id: str, record: Mapping[str, Any]) -> "EnrichmentRun":
    from pluralens.personas.store import EnrichmentRun

    try:
        return EnrichmentRun(**record)
    except TypeError:
        raise InputError(
            f"{place}: sample {sample_id} does not say which run it is of; give a log that "
            "inspect wrote, unchanged"
        ) from None


def _bring(place: str, sample_id: str, persona: "EnrichedPersona", run: str, store: "Store") -> str:
    """Record one persona; the name of the count that it belongs to."""
    if persona.outcome == "failed":
        store.record_failure(run, sample_id, persona.reason)
        return "kept" if store.texts(run, [sample_id]) else "failed"
    checked = check_texts(persona.texts, tuple(persona.texts))
    # A log is a file that anyone can edit; texts keep their rules however they come.
    if not checked.texts:
        raise InputError(
            f"{place}: sample {sample_id} has texts that break the rules ({checked.shown}); give "
            "a log that inspect wrote, unchanged"
        )
    if store.record(run, sample_id, checked.texts):
        return "written"
    return "kept" if store.texts(run, [sample_id])[sample_id] == checked.texts else "differing"
