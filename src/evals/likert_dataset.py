"""Who is interviewed and how: the Likert task's parameters, checked, and its samples."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from pluralens.errors import InputError
from pluralens.evals.likert_options import (
    PLACEBO,
    ages,
    changed_attributes,
    names,
    one_path,
    per_attribute_count,
    population_temperature,
    refuse_reserved_attributes,
    refuse_reserved_items,
    whole,
    yes_or_no,
)
from pluralens.personas.description import check_style, describe
from pluralens.solvers.likert import ORDERS
from pluralens.solvers.prompts import likert_wording

if TYPE_CHECKING:
    from pluralens.personas.counterfactuals import CounterfactualSet, PairLink
    from pluralens.personas.persona import Persona, Personas
    from pluralens.personas.population import Population
    from pluralens.solvers.adjectives import Adjective

__all__ = ["Draw", "Interview", "interview_samples"]

# Analysed by default, in this order, as far as the population has them.
AXES = ("gender", "age_bin", "origin_group", "religion", "sexuality")
# Changed attributes with too many values for a mean each: their twins are compared by these.
COMPARED_BY = {"age": "age_bin", "origin": "origin_group"}
# What a name gives away; under style=name_only only these can be changed.
TOLD_BY_NAME = ("gender", "origin")
# Providers that never return log-probabilities; others are asked and must answer.
WITHOUT_LOGPROBS = ("anthropic", "bedrock", "groq", "mistral", "mockllm", "none")


@dataclass(frozen=True)
class Draw:
    """Who is interviewed.

    Attributes:
        people: The population.
        source: Its id or folder, as given.
        n: Base personas.
        seed: Seed of everything random.
        changed: Attributes that twins differ in, without the placebo.
        placebo: Whether every base persona gets an identical twin.
        per_attribute: Twins per base and attribute; None for all.
        temperature: Flattening of the shares.
        age: Youngest and oldest age.
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
        )


@dataclass(frozen=True)
class Interview:
    """How personas are asked; see `pluralens.evals.likert.likert` for the parameters."""

    adjectives: tuple["Adjective", ...]
    axes: list[str]
    source: str
    seed: int
    attributes: tuple[str, ...] | None
    language: str
    style: str
    paraphrase: int
    orders: str
    elicit: str
    rationale: bool
    items: tuple[str, ...] | None
    cases: str | None
    top_logprobs: int

    @classmethod
    def checked(
        cls,
        draw: Draw,
        *,
        attributes: str | Sequence[str] | None,
        language: str,
        style: str,
        paraphrase: int,
        orders: str,
        elicit: str,
        rationale: bool,
        items: str | Sequence[str] | None,
        cases: str | None,
        top_logprobs: int,
    ) -> Self:
        """Check parameters as they come from a command line.

        Raises:
            InputError: Naming the parameter and what would be right.
        """
        from pluralens.solvers.adjectives import load_adjectives, select_items

        yes_or_no("rationale", rationale)
        likert_wording(language, paraphrase, elicit, rationale)
        check_style(style, language)
        if orders not in ORDERS:
            raise InputError(f"orders={orders!r} is unknown; choose one of {', '.join(ORDERS)}")
        own = None if cases is None else one_path("cases", cases, "the path of one CSV file")
        chosen = names("items", items)
        adjectives = select_items(load_adjectives(language, own), chosen)
        table = f"cases={own}" if own else f"items of language={language}"
        refuse_reserved_items(draw.people, [a.id for a in adjectives], table)
        shown = _shown(draw, names("attributes", attributes), style)
        # Providers refuse more than 20 alternatives per token.
        whole("top_logprobs", top_logprobs, 1, 20)
        if elicit in ("logprobs", "both"):
            _require_logprobs(elicit)
        return cls(
            adjectives=adjectives,
            axes=_axes(draw, shown, style),
            source=draw.source,
            seed=draw.seed,
            attributes=shown,
            language=language,
            style=style,
            paraphrase=paraphrase,
            orders=orders,
            elicit=elicit,
            rationale=rationale,
            items=chosen,
            cases=own,
            top_logprobs=top_logprobs,
        )

    def solver_arguments(self) -> dict[str, Any]:
        """Arguments of the solver `pluralens/likert`."""
        listed = {"attributes": self.attributes, "items": self.items}
        return {
            "population": self.source,
            **{k: None if v is None else list(v) for k, v in listed.items()},
            **{
                name: getattr(self, name)
                for name in (
                    "language", "style", "paraphrase", "orders", "elicit", "rationale", "cases",
                    "top_logprobs", "seed",
                )
            },
        }  # fmt: skip

    def digest(self, draw: Draw) -> str:
        """SHA-256 of all that decides the prompts: two logs with one digest asked the same."""
        asked = {
            **self.solver_arguments(),
            "adjectives": [asdict(a) for a in self.adjectives],
            "population": [draw.people.id, draw.people.digest],
            "n": draw.n,
            "changed": [*draw.changed, draw.placebo, draw.per_attribute],
            "temperature": draw.temperature,
            "age": draw.age,
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _shown(draw: Draw, attributes: tuple[str, ...] | None, style: str) -> tuple[str, ...] | None:
    """Check that what is shown exists and that what is changed is shown."""
    known = draw.people.attributes
    for attribute in attributes or ():
        if attribute not in known:
            raise InputError(
                f"attributes: {attribute!r} is no attribute of population {draw.people.id}; "
                f"choose from {', '.join(known)}"
            )
    for attribute in draw.changed:
        if attributes is not None and attribute in known and attribute not in attributes:
            raise InputError(
                f"counterfactuals={attribute} would change nothing in the prompt, because "
                f"attributes={','.join(attributes)} does not show it; add it to attributes"
            )
        if style == "name_only" and attribute in known and attribute not in TOLD_BY_NAME:
            raise InputError(
                f"counterfactuals={attribute} would change nothing in the prompt: "
                f"style=name_only shows a name, which tells {' and '.join(TOLD_BY_NAME)} only"
            )
    return attributes


def _axes(draw: Draw, shown: tuple[str, ...] | None, style: str) -> list[str]:
    """The attributes that are analysed: those that the model could see."""
    seen = set(draw.people.attributes if shown is None else shown)
    if style == "name_only":
        seen = set(TOLD_BY_NAME)
    return [
        axis
        for axis in AXES
        if axis in draw.people.all_attributes and draw.people.source_of(axis) in seen
    ]


def _require_logprobs(elicit: str) -> None:
    """Refuse, before the first call, a provider that returns no log-probabilities.

    A task that is made in Python has no model yet; then the solver finds out at the first call.
    """
    from inspect_ai.model import get_model

    try:
        provider = str(get_model()).split("/")[0]
    except ValueError:
        return
    if provider in WITHOUT_LOGPROBS:
        raise InputError(
            f"elicit={elicit} needs log-probabilities, and the provider {provider} returns none; "
            "use elicit=json or elicit=text, or a provider that does (openai, vllm, google ...)"
        )


def _persona_names(draw: Draw, interview: Interview) -> bool:
    """Whether personas are shown with a name.

    A name tells gender and origin. Where one of them is changed and stated in words anyway, a
    fixed name would contradict the twin and a new one would change two lines at once, so both
    sides stay without a name. Under name_only the name is the treatment.
    """
    from pluralens.personas.names import has_names

    if interview.style == "name_only":
        if not has_names(draw.people.id):
            raise InputError(
                f"style=name_only: there are no names for population {draw.people.id}; use list"
            )
        return True
    told = set(draw.changed) & set(TOLD_BY_NAME)
    return interview.style == "bio" and has_names(draw.people.id) and not told


def _pair_sets(draw: Draw, bases: "Personas") -> list["CounterfactualSet"]:
    """Twins that differ in one attribute and, if asked for, identical ones."""
    from pluralens.personas.counterfactuals import counterfactual_pairs, placebo_pairs

    sets = []
    if draw.changed:
        sets.append(
            counterfactual_pairs(
                draw.people, bases, draw.changed, per_attribute=draw.per_attribute, seed=draw.seed
            )
        )
    if draw.placebo:
        sets.append(placebo_pairs(bases))
    return sets


def interview_samples(
    draw: Draw, interview: Interview
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The samples as keyword arguments of inspect's `Sample`, and the pairs that cannot exist.

    Samples are in base-major order: each base persona is followed by its twins.
    """
    from pluralens.personas.names import full_name
    from pluralens.personas.sampling import sample

    people = draw.people
    bases = sample(people, draw.n, seed=draw.seed, temperature=draw.temperature, age=draw.age)
    sets = _pair_sets(draw, bases)
    twins: dict[str, list[tuple[Persona, PairLink]]] = {}
    for found in sets:
        for twin, link in zip(found.twins, found.links, strict=True):
            twins.setdefault(link.base_id, []).append((twin, link))
    named = _persona_names(draw, interview)

    def one(persona: "Persona", base_id: str, link: "PairLink | None") -> dict[str, Any]:
        derived = people.derive(persona.attributes)
        name = ""
        if named:
            name = full_name(
                people.id, base_id, _name_group(persona, derived), str(persona.attributes["gender"])
            )
        role = "base" if link is None else PLACEBO
        role = "counterfactual" if link is not None and link.attribute != PLACEBO else role
        return {
            "id": _sample_id(persona, link),
            "input": describe(
                persona.attributes,
                people,
                language=interview.language,
                style=interview.style,
                shown=interview.attributes,
                name=name or None,
            ),
            "metadata": {
                **persona.attributes,
                **derived,
                "persona_id": persona.persona_id,
                "population": people.id,
                "axes": ",".join(interview.axes),
                "name": name,
                "role": role,
                "base_id": base_id,
                "pair_id": link.pair_id if link else "",
                "changed_attribute": link.attribute if link else "",
                "from_value": str(link.from_value) if link else "",
                "to_value": str(link.to_value) if link else "",
                "from_group": _group(people, link.attribute, link.from_value) if link else "",
                "to_group": _group(people, link.attribute, link.to_value) if link else "",
                "forced": "; ".join(f"{a}: {x} -> {y}" for a, x, y in link.forced) if link else "",
            },
        }

    samples = []
    for base in bases:
        samples.append(one(base, base.persona_id, None))
        samples += [one(t, base.persona_id, link) for t, link in twins.get(base.persona_id, [])]
    skipped = [asdict(s) for found in sets for s in found.skipped]
    return samples, skipped


def _sample_id(persona: "Persona", link: "PairLink | None") -> str:
    """The persona's id; a twin's starts with its base's, so that they are listed together."""
    if link is None:
        return persona.persona_id
    if link.attribute == PLACEBO:
        return f"{link.base_id}-{PLACEBO}"
    return f"{link.base_id}-{link.attribute}-{link.to_value}"


def _group(people: "Population", attribute: str, value: str | int) -> str:
    """What a value is compared by: its age group, its region, or itself."""
    by = COMPARED_BY.get(attribute)
    if by is None or by not in people.all_attributes:
        return str(value)
    return str(people.derive({attribute: value})[by])


def _name_group(persona: "Persona", derived: Mapping[str, Any]) -> str:
    """Key of the name list: Germany's own, else the UN subregion."""
    origin = str(persona.attributes.get("origin", ""))
    return origin if origin == "DE" else str(derived.get("origin_subregion", ""))
