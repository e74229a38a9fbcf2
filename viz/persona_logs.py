"""Read the personas of a log: who was interviewed, or whose texts were written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pluralens.errors import InputError
from pluralens.personas.lineage import Design
from pluralens.personas.persona import Persona, Personas
from pluralens.personas.population import Population, load_population
from pluralens.viz.logs import find_logs, finished_log, sample_summaries

__all__ = ["PersonaLog", "find_persona_logs", "read_persona_log"]

TASKS = ("likert", "persona_enrichment")


@dataclass(frozen=True)
class PersonaLog:
    """The base personas of one log.

    Attributes:
        path: Where it is.
        task: `likert` or `persona_enrichment`.
        model: The evaluated model; of no importance for who the personas are.
        run: inspect's id of the eval.
        selection: Name of the selection they are, if the log has it.
        design: How they came about, as far as the log knows.
        personas: In the order of the log, each once.
    """

    path: str
    task: str
    model: str
    run: str
    selection: str
    design: Design
    personas: Personas

    @property
    def title(self) -> str:
        """Which personas these are, in words."""
        of = f"selection {self.selection}" if self.selection else "personas"
        return f"{of} of population {self.personas.population.id} ({self.task} log)"


def find_persona_logs(places: list[str]) -> list[str]:
    """As `find_logs`, for all tasks whose samples are personas."""
    return find_logs(places, *TASKS)


def read_persona_log(place: str, population: str | None = None) -> PersonaLog:
    """Read the base personas of a log from its sample summaries.

    Args:
        place: File or remote location.
        population: Id or folder of the population, where what the log says is not found.

    Raises:
        InputError: The log is cut off, failed, unfinished or of another task; its population is
            not found or its tables have changed; a sample is no persona of it.
    """
    log = finished_log(place, *TASKS)
    metadata = dict(log.eval.metadata or {})
    people = _population(place, metadata, dict(log.eval.task_args or {}), population)
    # Epochs repeat a sample, and twins repeat their base.
    samples = {str(s.id): dict(s.metadata or {}) for s in sample_summaries(place)}
    bases = [about for about in samples.values() if about.get("role", "base") == "base"]
    if not bases:
        raise InputError(f"{place}: holds no base persona; give the log of a whole run")
    try:
        personas = Personas.from_rows(people, [_persona(people, about) for about in bases])
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    selection = metadata.get("selection") or {}
    stored = selection if isinstance(selection, dict) else {"name": selection}
    return PersonaLog(
        path=place,
        task=log.eval.task.split("/")[-1],
        model=log.eval.model,
        run=log.eval.eval_id,
        selection=str(stored.get("name", "")),
        design=Design.from_json(metadata.get("design") or {}),
        personas=personas,
    )


def _population(
    place: str, metadata: Mapping[str, Any], options: Mapping[str, Any], given: str | None
) -> Population:
    """The population of a log, with the very tables that its personas are from."""
    known = metadata.get("population")
    if not isinstance(known, dict) or not {"id", "digest"} <= set(known):
        raise InputError(
            f"{place}: lacks the population in its metadata, so it was written by another version "
            "of pluralens; run the task again or use that version"
        )
    source = given or known.get("source") or options.get("population") or known["id"]
    try:
        people = load_population(str(source))
    except InputError as error:
        if given:
            raise
        raise InputError(
            f"{place}: its population {known['id']} is not found; name its folder with "
            f"--population ({error})"
        ) from None
    if people.digest != known["digest"]:
        raise InputError(
            f"{place}: the tables of population {people.id} at {source} are not those of the run "
            f"(digest {people.digest[:8]}, the run's {str(known['digest'])[:8]}); give the folder "
            "with the run's tables as --population, or run the task again"
        )
    return people


def _persona(people: Population, about: Mapping[str, Any]) -> Persona:
    attributes = {name: about[name] for name in people.attributes if name in about}
    return Persona(str(about.get("persona_id", "")), people.id, attributes)
