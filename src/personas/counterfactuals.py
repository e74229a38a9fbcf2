"""Minimal pairs: a persona and its twin, who differs in one attribute.

Other attributes stay as they are. The exception are those that the population says must follow
(origin -> migration background): they change only when their old value has become impossible, and
every such change is listed with the pair as forced.

Everything random comes from hashes of (seed, base id, attribute, target), so a pair is the same
whatever else is asked for and in whatever order, and the pairs of `per_attribute=1` are among those
of `per_attribute=2`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import blake2b
from typing import TYPE_CHECKING

from pluralens.errors import InputError
from pluralens.personas.options import whole_number
from pluralens.personas.persona import Persona, Personas

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = [
    "PLACEBO",
    "CounterfactualSet",
    "PairLink",
    "Skipped",
    "counterfactual_pairs",
    "placebo_pairs",
]

PLACEBO = "placebo"


@dataclass(frozen=True, slots=True)
class PairLink:
    """How a twin differs from its base.

    Attributes:
        pair_id: 16 hexadecimal digits.
        base_id: Persona id of the base.
        twin_id: Persona id of the twin.
        attribute: The changed attribute, or `placebo`.
        from_value: Its value in the base; empty for a placebo.
        to_value: Its value in the twin; empty for a placebo.
        forced: What had to follow: (attribute, from, to) in sampling order.
    """

    pair_id: str
    base_id: str
    twin_id: str
    attribute: str
    from_value: str | int
    to_value: str | int
    forced: tuple[tuple[str, str | int, str | int], ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A base that has no twin in an attribute, and why."""

    base_id: str
    attribute: str
    reason: str


@dataclass(frozen=True, slots=True)
class CounterfactualSet:
    """Pairs of one call.

    Attributes:
        twins: One per pair, base by base in the given order.
        links: The pairs, in the order of `twins`.
        skipped: Bases and attributes without a pair.
    """

    twins: list[Persona]
    links: list[PairLink]
    skipped: list[Skipped]


def counterfactual_pairs(
    population: "Population",
    personas: Sequence[Persona] | Personas,
    attributes: Sequence[str],
    *,
    per_attribute: int | None = None,
    seed: int = 0,
) -> CounterfactualSet:
    """Make twins.

    Args:
        population: The population of the personas.
        personas: The bases.
        attributes: What is changed, one attribute per twin.
        per_attribute: Twins per base and attribute, drawn; None for all values (ages: one per bin
            far enough away; origins: one country per subregion, weighted by the population).
        seed: Of targets and forced changes.

    Returns:
        The pairs. A base with fewer possible values than `per_attribute` has all of them; one with
        none is listed as skipped.

    Raises:
        InputError: An attribute is unknown, derived or given twice, a base occurs twice or is of
            another population, or `per_attribute` is below 1.
    """
    from pluralens.personas.twins import TwinMaker

    k = None if per_attribute is None else whole_number("per_attribute", per_attribute, 1)
    maker = TwinMaker(population, whole_number("seed", seed))
    chosen = _checked_attributes(population, attributes)
    bases = personas
    if not isinstance(bases, Personas):
        bases = Personas.from_rows(population, bases)
    elif bases.population.digest != population.digest:
        raise InputError(
            f"the personas are of population {bases.population.id} in other tables than the given "
            f"{population.id}; load the one they were drawn from"
        )
    found = CounterfactualSet([], [], [])
    columns = [bases.codes[name].tolist() for name in population.attributes]
    for base_id, *codes in zip(_unique_ids(bases.ids.tolist()), *columns, strict=True):
        base = dict(zip(population.attributes, codes, strict=True))
        for attribute in chosen:
            twins, reason = maker.twins(base_id, base, attribute, k)
            if not twins:
                found.skipped.append(Skipped(base_id, attribute, reason))
            for twin in twins:
                persona, link = _pair(population, base_id, base, twin, attribute)
                found.twins.append(persona)
                found.links.append(link)
    return found


def _pair(
    population: "Population",
    base_id: str,
    base: Mapping[str, int],
    twin: Mapping[str, int],
    attribute: str,
) -> tuple[Persona, PairLink]:
    """A twin and its link, from the value positions of both sides."""
    old, new = (
        {name: population.drawn[name].values[code] for name, code in side.items()}
        for side in (base, twin)
    )
    forced = tuple(
        (name, old[name], new[name]) for name in old if name != attribute and old[name] != new[name]
    )
    # Forced changes are part of the id, so that one id is one persona whatever the seed; so is the
    # attribute, because two attributes may force each other and end in the same persona.
    content = [x for name, _, value in forced for x in (name, str(value))]
    twin_id = _hash("twin", base_id, attribute, str(new[attribute]), *content)
    link = PairLink(
        _hash("pair", base_id, twin_id),
        base_id,
        twin_id,
        attribute,
        old[attribute],
        new[attribute],
        forced,
    )
    return Persona(twin_id, population.id, new), link


def placebo_pairs(personas: Sequence[Persona] | Personas) -> CounterfactualSet:
    """Give every persona an identical twin: what differs between them is noise.

    Raises:
        InputError: A persona occurs twice.
    """
    found = CounterfactualSet([], [], [])
    for base, base_id in zip(personas, _unique_ids(p.persona_id for p in personas), strict=True):
        twin_id = _hash("twin", base_id, PLACEBO)
        found.twins.append(Persona(twin_id, base.population, base.attributes))
        pair_id = _hash("pair", base_id, twin_id)
        found.links.append(PairLink(pair_id, base_id, twin_id, PLACEBO, "", ""))
    return found


def _checked_attributes(population: "Population", attributes: Sequence[str]) -> list[str]:
    names = [attributes] if isinstance(attributes, str) else list(attributes)
    for name in names:
        if name in population.derived:
            raise InputError(
                f"attributes: {name!r} is derived; change {population.source_of(name)!r}, which "
                "it is read from"
            )
        if name not in population.drawn:
            close = get_close_matches(str(name), population.attributes, n=1)
            hint = f"the closest is {close[0]!r}" if close else ", ".join(population.attributes)
            raise InputError(
                f"attributes: population {population.id} has no attribute {name!r}; {hint}"
            )
        if names.count(name) > 1:
            raise InputError(f"attributes: {name!r} is given twice; name it once")
    return names


def _unique_ids(ids: Iterable[str]) -> Iterable[str]:
    seen: set[str] = set()
    for persona_id in ids:
        if persona_id in seen:
            raise InputError(
                f"persona {persona_id} occurs twice; pairs need every base once, so drop one"
            )
        seen.add(persona_id)
        yield persona_id


def _hash(purpose: str, *parts: str) -> str:
    text = "\x1f".join(parts)
    return blake2b(text.encode(), digest_size=8, person=purpose.encode()).hexdigest()
