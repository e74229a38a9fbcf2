"""Enrichment: names, appearances and biographies for the personas of a selection.

    inspect eval pluralens/persona_enrichment --model openai/gpt-4o-mini -T selection=pool-a
    inspect eval pluralens/persona_enrichment -T selection=pool-a -T enricher=template   # no model

One sample is one base persona; twins share its texts. Texts go to the persona store as they are
made, and to the log. The same command again asks only for what is missing in the run. Texts that
the model under test has written mix what it invents with how it judges: measure bias with the
names of `enricher=template`.
"""

from inspect import signature
from typing import TYPE_CHECKING, Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import Model
from inspect_ai.solver import Solver

from pluralens._option_values import whole
from pluralens.errors import InputError, shown_plainly
from pluralens.evals.active_model import active_model, greedy_config
from pluralens.evals.unknown_options import refuse_unknown_options
from pluralens.models.simulated import SimulatedAPI
from pluralens.scorers.enrichment import enrichment
from pluralens.solvers.enrich import enrich, name_from_lists, run_by_lists, run_by_model
from pluralens.solvers.enrichment_wording import enrichment_wording

if TYPE_CHECKING:
    from pluralens.personas.lineage import Design
    from pluralens.personas.population import Population
    from pluralens.personas.selection import Selection
    from pluralens.personas.store import Store

__all__ = ["persona_enrichment"]

# N-X: N counts changes after which results are not comparable, X changes of the interface.
VERSION = "1-A"
MAX_TOKENS = 2048
ENRICHERS = ("model", "template")
METADATA = ("persona_id", "population", "selection", "run", "language")
NOT_OPTIONS = {
    "model": "the model that writes is --model",
    "name": "the run of texts is named with -T run=...",
    "n": "all personas of the selection are enriched; --limit takes the first ones",
    "population": "the selection knows its population",
}


@task
def persona_enrichment(
    selection: str | None = None,
    run: str | None = None,
    enricher: str = "model",
    language: str = "de",
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Write name, appearance and biography of every persona of a selection into the store.

    Args:
        selection: Name of the selection in the persona store (`DB_URL`). Required.
        run: Name of the enrichment run; default `<selection>-<enricher>`. Each model, language
            and setting needs a run of its own.
        enricher: `model` writes all texts; `template` takes names from own lists, without a model
            and without other texts.
        language: Language of prompt and texts, `de` or `en`.
        seed: Seed of the requests, where the model samples.
        **kwargs: Refused: there are no other options.
    """
    with shown_plainly():
        known = list(signature(persona_enrichment).parameters)[:-1]
        refuse_unknown_options(kwargs, known, NOT_OPTIONS)
        if enricher not in ENRICHERS:
            raise InputError(f"enricher={enricher!r} is unknown; choose {' or '.join(ENRICHERS)}")
        wording = enrichment_wording(language)
        whole("seed", seed, 0)
        stored, design, name, solver, model = _opened(selection, run, enricher, language, seed)
        people = stored.personas.population
        return Task(
            dataset=MemoryDataset(
                _samples(stored, name, language), name=f"selection-{stored.name}"
            ),
            solver=solver,
            scorer=enrichment(),
            config=greedy_config(model, MAX_TOKENS),
            # Lists need no model, whatever --model says.
            model="none" if enricher == "template" else None,
            version=VERSION,
            metadata={
                "benchmark": "enrichment",
                "version": VERSION,
                "selection": stored.name,
                "selection_sha256": stored.digest(),
                "run": name,
                "enricher": enricher,
                "language": language,
                "wording": wording.digest if enricher == "model" else "",
                "population": {
                    "id": people.id,
                    "version": people.version,
                    "digest": people.digest,
                    "source": stored.source,
                },
                "design": design.to_json(),
            },
        )


def _opened(
    selection: str | None, run: str | None, enricher: str, language: str, seed: int
) -> tuple["Selection", "Design", str, Solver, Model | None]:
    """The selection and its design, the run's name, the solver and the model, if it is known.

    The run is opened here, so that one with other settings is refused before the first call.
    """
    from pluralens.personas.lineage import Design, lineage
    from pluralens.personas.selection import check_name
    from pluralens.personas.store import Store

    with Store.open() as store:
        stored = store.selection(_selection_name(store, selection))
        name = _default_name(stored.name, enricher) if run is None else check_name("run", run)
        design = Design.of(lineage(store, stored.name))
        people = stored.personas.population
        _refuse_reserved(people)
        if enricher == "template":
            store.open_run(run_by_lists(name, stored.name, language, people.id))
            solver = name_from_lists(name, stored.name, language, stored.source)
            return stored, design, name, solver, None
        model = active_model()
        if model is not None:
            _require_writer(model)
            temperature = model.config.temperature or 0.0
            store.open_run(run_by_model(name, stored.name, model, language, seed, temperature))
        return stored, design, name, enrich(name, stored.name, language, seed), model


def _require_writer(model: Model) -> None:
    if str(model).split("/")[0] == "none":
        raise InputError(
            "enricher=model needs a model that writes; give --model, or use -T enricher=template, "
            "which takes names from own lists"
        )
    if isinstance(model.api, SimulatedAPI):
        _ = model.api.writer  # Refuses the simulated respondents that write nothing.


def _selection_name(store: "Store", selection: Any) -> str:
    if isinstance(selection, str) and selection:
        return selection
    names = ", ".join(info.name for info in store.infos()[-5:])
    there = f"the newest are {names}" if names else "make one with `pluralens personas pool`"
    raise InputError(
        f"selection={selection!r} must be the name of a selection in {store.shown}; {there}"
    )


def _refuse_reserved(people: "Population") -> None:
    """Refuse a population whose attribute would be overwritten in the sample's metadata."""
    for name in people.all_attributes:
        if name in METADATA:
            raise InputError(
                f"population {people.id}: the attribute {name!r} has the name of a key of the "
                "results; rename the attribute in its population.yaml"
            )


def _default_name(selection: str, enricher: str) -> str:
    from pluralens.personas.selection import LONGEST

    name = f"{selection}-{enricher}"
    if len(name) > LONGEST:
        raise InputError(
            f"the default name of the run, {name!r}, is longer than {LONGEST} characters; name the "
            "run with -T run=..."
        )
    return name


def _samples(stored: "Selection", run: str, language: str) -> list[Sample]:
    """One sample per base persona, in the selection's order, those with texts included."""
    from pluralens.personas.description import describe

    people = stored.personas.population
    return [
        Sample(
            id=persona.persona_id,
            input=describe(persona.attributes, people, language=language),
            metadata={
                **persona.attributes,
                **people.derive(persona.attributes),
                "persona_id": persona.persona_id,
                "population": people.id,
                "selection": stored.name,
                "run": run,
                "language": language,
            },
        )
        for persona in stored.personas
    ]
