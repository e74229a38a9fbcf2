"""Who is interviewed: personas drawn on the spot, or a stored selection with its texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pluralens._option_values import ages, one_path, whole
from pluralens.errors import InputError
from pluralens.evals.likert_options import (
    changed_attributes,
    per_attribute_count,
    population_temperature,
    refuse_reserved_attributes,
)
from pluralens.personas.counterfactuals import PLACEBO
from pluralens.personas.options import AGE

if TYPE_CHECKING:
    from pluralens.personas.counterfactuals import PairLink
    from pluralens.personas.lineage import Design
    from pluralens.personas.persona import Persona, Personas
    from pluralens.personas.population import Population
    from pluralens.personas.selection import Selection
    from pluralens.personas.store import EnrichmentRun, Store

__all__ = ["Cast", "Draw", "Enriched", "interviewed"]

# What an option is that was left out; an empty one arrives as None.
NOT_GIVEN = ""
# The options that say whom to draw, and what they are when nothing else is said.
DRAWN: Mapping[str, Any] = {
    "n": 100,
    "population": "de",
    "population_temperature": 0.0,
    "age": "18-100",
}


class Cast(NamedTuple):
    """The people of an interview.

    Attributes:
        bases: Base personas in their order.
        twins: Base id -> its twins with their links.
        skipped: Bases and attributes without a pair: `base_id`, `attribute`, `reason`.
    """

    bases: "Personas"
    twins: Mapping[str, Sequence[tuple["Persona", "PairLink"]]]
    skipped: list[dict[str, str]]


@dataclass(frozen=True)
class Enriched:
    """Texts of an enrichment run.

    Attributes:
        run: The run.
        texts: Persona id -> `name`, `appearance`, `biography`, as far as there are.
        failed: Personas of the selection whose enrichment failed; they are shown without texts.
    """

    run: "EnrichmentRun"
    texts: Mapping[str, Mapping[str, str]]
    failed: int


@dataclass(frozen=True)
class Draw:
    """Who is interviewed.

    Attributes:
        people: The population.
        source: Its id or folder, as given.
        n: Base personas.
        seed: Seed of everything random.
        changed: Attributes that twins differ in by intention, without the placebo.
        placebo: Whether every base persona gets an identical twin.
        per_attribute: Twins per base and attribute; None for all.
        temperature: Flattening of the shares.
        age: Youngest and oldest age.
        design: How the base personas came about.
        selection: The stored selection whose personas are taken instead of drawing some.
        enriched: Texts that are shown with the personas.
    """

    people: "Population"
    source: str
    n: int
    seed: int
    changed: tuple[str, ...]
    placebo: bool
    per_attribute: int | None
    temperature: float | Mapping[str, float]
    age: tuple[int, int]
    design: "Design"
    selection: "Selection | None" = None
    enriched: Enriched | None = None

    @classmethod
    def checked(
        cls,
        *,
        n: int,
        population: str,
        seed: int,
        counterfactuals: str | Sequence[str] | None,
        per_attribute: str | int,
        temperature: float | Mapping[str, float],
        age: str | Sequence[int],
    ) -> Self:
        """Check parameters as they come from a command line.

        Raises:
            InputError: Naming the parameter and what would be right.
        """
        from pluralens.personas.lineage import Design
        from pluralens.personas.population import load_population

        source = one_path("population", population, "one id or folder of a population")
        people = load_population(source)
        refuse_reserved_attributes(people)
        changed = changed_attributes(people, counterfactuals)
        return cls(
            people=people,
            source=source,
            n=whole("n", n, 1),
            seed=whole("seed", seed, 0),
            changed=tuple(c for c in changed if c != PLACEBO),
            placebo=PLACEBO in changed,
            per_attribute=per_attribute_count(per_attribute),
            temperature=population_temperature(people, temperature),
            age=ages(age),
            # A population without ages has no range of them.
            design=Design(ages=ages(age) if AGE in people.drawn else None),
        )

    @classmethod
    def stored(
        cls,
        selection: "Selection",
        enriched: Enriched | None,
        design: "Design",
        *,
        seed: int,
        counterfactuals: str | Sequence[str] | None,
        per_attribute: str | int,
    ) -> Self:
        """Take the personas of a selection, with its own twins or with new ones.

        Raises:
            InputError: Twins are asked for of a selection that has its own, or a parameter is
                wrong.
        """
        people = selection.personas.population
        refuse_reserved_attributes(people)
        changed = changed_attributes(people, counterfactuals)
        if changed and selection.links:
            raise InputError(
                f"counterfactuals={','.join(changed)}: selection {selection.name} has twins "
                "already; leave counterfactuals out, or take the selection that it was made from"
                + (f" ({selection.parent})" if selection.parent else "")
            )
        if per_attribute_count(per_attribute) is not None and not changed:
            raise InputError(
                f"per_attribute={per_attribute} chooses among new twins, and counterfactuals names "
                f"none; selection {selection.name} is interviewed with the twins that it has"
            )
        by_name = {part for link in selection.links for part in link.attribute.split("+")}
        stored = tuple(name for name in people.attributes if name in by_name)
        return cls(
            people=people,
            source=selection.source,
            n=len(selection.personas),
            seed=whole("seed", seed, 0),
            changed=stored or tuple(c for c in changed if c != PLACEBO),
            placebo=PLACEBO in changed or PLACEBO in by_name,
            per_attribute=per_attribute_count(per_attribute),
            temperature=0.0,
            age=(0, 0),
            design=design,
            selection=selection,
            enriched=enriched,
        )

    def cast(self) -> Cast:
        """The personas and their twins."""
        from dataclasses import asdict

        from pluralens.personas.counterfactuals import counterfactual_pairs, placebo_pairs
        from pluralens.personas.sampling import sample

        twins: dict[str, list[tuple[Persona, PairLink]]] = {}
        if self.selection is not None and self.selection.links:
            assert self.selection.twins is not None
            for twin, link in zip(self.selection.twins, self.selection.links, strict=True):
                twins.setdefault(link.base_id, []).append((twin, link))
            return Cast(
                self.selection.personas, twins, list(self.selection.report.get("skipped", []))
            )
        bases = (
            self.selection.personas
            if self.selection is not None
            else sample(
                self.people, self.n, seed=self.seed, temperature=self.temperature, age=self.age
            )
        )
        sets = []
        if self.changed:
            sets.append(
                counterfactual_pairs(
                    self.people,
                    bases,
                    self.changed,
                    per_attribute=self.per_attribute,
                    seed=self.seed,
                )
            )
        if self.placebo:
            sets.append(placebo_pairs(bases))
        for found in sets:
            for twin, link in zip(found.twins, found.links, strict=True):
                twins.setdefault(link.base_id, []).append((twin, link))
        return Cast(bases, twins, [asdict(s) for found in sets for s in found.skipped])

    def identity(self) -> dict[str, Any]:
        """What decides who is interviewed and what is shown of them; JSON values."""
        if self.selection is None:
            who: dict[str, Any] = {"n": self.n, "temperature": self.temperature, "age": self.age}
        else:
            who = {"selection": self.selection.digest()}
        texts = None if self.enriched is None else self.enriched.texts
        return who | {
            "population": [self.people.id, self.people.digest],
            "changed": [*self.changed, self.placebo, self.per_attribute],
            "texts": texts,
        }


def interviewed(
    *,
    selection: Any,
    enrichment: Any,
    seed: int,
    counterfactuals: str | Sequence[str] | None,
    per_attribute: str | int,
    **drawn: Any,
) -> Draw:
    """Who the task's parameters ask for.

    Args:
        selection: Name of a stored selection, or nothing (`""`) to draw. None, which is what an
            empty `-T selection=` arrives as, is refused.
        enrichment: Name of an enrichment run, or `""`.
        seed: Seed of everything random.
        counterfactuals: Attributes that twins differ in.
        per_attribute: Twins per base and attribute.
        **drawn: The options of `DRAWN`, None where they were left out.

    Raises:
        InputError: A parameter is wrong, two do not go together, or the store has no such thing.
    """
    from pluralens.personas.selection import check_name

    count = per_attribute_count(per_attribute)
    if count is not None and not counterfactuals and selection == NOT_GIVEN:
        raise InputError(
            f"per_attribute={per_attribute} says how many twins there are of each attribute, and "
            "counterfactuals names none; name them, as in counterfactuals=gender"
        )
    if selection == NOT_GIVEN:
        if enrichment != NOT_GIVEN:
            raise InputError(
                f"enrichment={enrichment} belongs to the personas of a stored selection; "
                "name it too (selection=NAME)"
            )
        options = {name: DRAWN[name] if v is None else v for name, v in drawn.items()}
        return Draw.checked(
            n=options["n"],
            population=options["population"],
            seed=seed,
            counterfactuals=counterfactuals,
            per_attribute=per_attribute,
            temperature=options["population_temperature"],
            age=options["age"],
        )
    check_name("selection", selection)
    if enrichment != NOT_GIVEN:
        check_name("enrichment", enrichment)
    for name, value in drawn.items():
        if value is not None:
            raise InputError(
                f"{name}={value} does not go with selection={selection}, which says already who "
                f"is interviewed; leave {name} out (fewer personas: --limit, or a smaller "
                "selection)"
            )
    from pluralens.personas.lineage import Design, lineage
    from pluralens.personas.store import Store

    with Store.open() as store:
        found = store.selection(selection)
        enriched = None if enrichment == NOT_GIVEN else _texts(store, enrichment, found)
        design = Design.of(lineage(store, selection))
    return Draw.stored(
        found,
        enriched,
        design,
        seed=seed,
        counterfactuals=counterfactuals,
        per_attribute=per_attribute,
    )


def _texts(store: "Store", run: str, selection: "Selection") -> Enriched:
    """The texts of a run for every base persona of a selection.

    Raises:
        InputError: The run never came to some of the personas.
    """
    found = store.run(run)
    ids: list[str] = selection.personas.ids.tolist()
    texts = store.texts(run, ids)
    failures = store.failures(run)
    failed = [i for i in ids if i not in texts and i in failures]
    missing = len(ids) - len(texts) - len(failed)
    if missing:
        raise InputError(
            f"enrichment={run} has no texts for {missing} of the {len(ids)} personas of selection "
            f"{selection.name} (it was made for {found.selection}); run `inspect eval "
            f"pluralens/persona_enrichment -T selection={selection.name} -T run=NAME` first"
        )
    return Enriched(found, texts, len(failed))
