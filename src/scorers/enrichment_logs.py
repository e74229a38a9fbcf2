"""From a log of the enrichment task into the store: for texts that were made with another store."""

from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pluralens._log_faults import unreadable
from pluralens.errors import InputError
from pluralens.scorers.enrichment_parsing import LIMITS, check_texts

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

    All samples are read and checked before the first is written.

    Args:
        path: The log of `pluralens/persona_enrichment`.
        store: The store, which must hold the selection.

    Raises:
        InputError: The file is no such log or cut off, a sample breaks the rules, its personas are
            not in the store, or the store has a run of that name with other settings. Nothing is
            written then.
    """
    place = str(path)
    log = _header(place)
    _refuse_altered(place)
    summaries = _summaries(place)
    selection = str((log.eval.metadata or {}).get("selection", ""))
    _refuse_unknown_personas(place, selection, [str(s.id) for s in summaries], store)
    run: EnrichmentRun | None = None
    texts: list[tuple[str, Mapping[str, str]]] = []
    failures: list[tuple[str, str]] = []
    for sample_id, persona in _personas(place, summaries):
        own = _run(place, sample_id, persona.run)
        run = run or own
        if own != run:
            raise InputError(
                f"{place}: sample {sample_id} is of the run {own.name} or of other settings than "
                f"those before it, which are of {run.name}; give a log that inspect wrote, "
                "unchanged"
            )
        if persona.outcome == "failed":
            failures.append((sample_id, persona.reason))
        else:
            texts.append((sample_id, _texts(place, sample_id, persona)))
    if run is None:
        return FromLog(0, 0, 0, 0)
    new = store.record_many(run, texts, failures)
    return _counts(texts, failures, new, store.texts(run.name))


def _counts(
    texts: Sequence[tuple[str, Mapping[str, str]]],
    failures: Sequence[tuple[str, str]],
    new: Set[str],
    stored: Mapping[str, Mapping[str, str]],
) -> FromLog:
    """What became of every persona, from what the store has afterwards."""
    kept = sum(one not in new and stored[one] == written for one, written in texts)
    differing = sum(one not in new and stored[one] != written for one, written in texts)
    failed = sum(one not in stored for one, _ in failures)
    return FromLog(len(new), kept + len(failures) - failed, failed, differing)


def _header(place: str) -> "EvalLog":
    from inspect_ai.log import read_eval_log

    missing = InputError(f"{place or repr(place)}: no such file; give a log of pluralens/{TASK}")
    # Of a name without a log's ending inspect says only that it is no log.
    local = "://" not in place
    if local and not (place and Path(place).exists()):
        raise missing
    if local and Path(place).is_dir():
        raise InputError(f"{place}: this is a folder; name a log in it")
    try:
        log = read_eval_log(place, header_only=True)
    except FileNotFoundError:
        raise missing from None
    except unreadable() as error:
        raise InputError(
            f"{place}: is no inspect log, or not a complete one ({type(error).__name__}); if its "
            "run was killed, run the same command again, else give another file"
        ) from None
    if log.eval.task.split("/")[-1] != TASK:
        raise InputError(f"{place}: is a log of {log.eval.task}; give one of pluralens/{TASK}")
    if not (log.eval.metadata or {}).get("selection"):
        raise InputError(
            f"{place}: does not name its selection, so it was written by another version of "
            "pluralens; use that version"
        )
    return log


def _refuse_altered(place: str) -> None:
    """Refuse a local log whose entries are not what was written.

    inspect does not compare the checksums, and a damaged entry can decompress to other words.
    """
    import zipfile

    if "://" in place or not zipfile.is_zipfile(place):
        return
    try:
        with zipfile.ZipFile(place) as archive:
            entry = archive.testzip()
    except unreadable() as error:
        raise _damaged(place, error) from None
    if entry is not None:
        raise _damaged(place, zipfile.BadZipFile(entry))


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


def _texts(place: str, sample_id: str, persona: "EnrichedPersona") -> Mapping[str, str]:
    # Which keys a run asked for is its own choice; the template writes names alone.
    checked = check_texts(persona.texts, tuple(key for key in LIMITS if key in persona.texts))
    # A log is a file that anyone can edit; texts keep their rules however they come.
    if not checked.texts:
        raise InputError(
            f"{place}: sample {sample_id} has texts that break the rules ({checked.shown}); give "
            "a log that inspect wrote, unchanged"
        )
    return checked.texts
