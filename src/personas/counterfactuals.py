"""Minimal pairs: a persona and its twin, who differs in one attribute, or in two at once.

Other attributes stay as they are. The exception are those that the population says must follow
(origin -> migration background): they change only when their old value has become impossible, and
every such change is listed with the pair as forced.

Everything random comes from hashes of (seed, base id, attribute, target), so a pair is the same
whatever else is asked for and in whatever order, and the pairs of `per_attribute=1` are among those
of `per_attribute=2`.

Twins in two attributes A and B (`order=2`) are made of the targets of the twins in one: base,
A-twin, B-twin and AB-twin are the four corners of a factorial square. What has to follow in the
AB-twin keeps the base's value where that is possible, else takes the A-twin's or B-twin's, so that
the square closes in the forced attributes too; only where neither is possible it is drawn anew.
With `per_attribute=k` the i-th target of A meets the i-th of B, then the next ones over. Where the
rules leave no persona with both (age 24 and retired) the combination is passed over. The AB-twin
that takes its place is still made of values that A-twins and B-twins have, but those twins may be
beyond the first k: with `per_attribute=None` every square is whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import blake2b
from itertools import combinations
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
    "joined_values",
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
        attribute: The changed attribute, two of them (`gender+religion`), or `placebo`.
        from_value: Its value in the base, both values (`female + christian`), or empty for a
            placebo.
        to_value: The same of the twin.
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
    """A base that has no twin in an attribute (or in two at once: `gender+religion`), and why."""

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
    order: int = 1,
) -> CounterfactualSet:
    """Make twins.

    Args:
        population: The population of the personas.
        personas: The bases.
        attributes: What is changed.
        per_attribute: Twins per base and attribute, drawn; None for all values (ages: one per bin
            far enough away; origins: one country per subregion, weighted by the population). With
            `order=2` also per base and two attributes; None for all combinations of the values.
        seed: Of targets and forced changes.
        order: 1 for twins in one attribute; 2 for these and, after them, twins in every two of the
            attributes at once (intersectional), so that one set has all corners of the squares.

    Returns:
        The pairs. A base with fewer possible values than `per_attribute` has all of them; one with
        none is listed as skipped.

    Raises:
        InputError: An attribute is unknown, derived or given twice, a base occurs twice or is of
            another population, `per_attribute` is below 1, or `order` is neither 1 nor 2, or 2
            with less than two attributes.
    """
    from pluralens.personas.twins import TwinMaker

    k = None if per_attribute is None else whole_number("per_attribute", per_attribute, 1)
    maker = TwinMaker(population, whole_number("seed", seed))
    chosen = _checked_attributes(population, attributes)
    changes = _changes(population, chosen, order)
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
        twins_of = maker.of(base_id, base)
        for changed in changes:
            if len(changed) == 1:
                twins, reason = twins_of.single(changed[0], k)
            else:
                twins, reason = twins_of.double(changed[0], changed[1], k)
            if not twins:
                found.skipped.append(Skipped(base_id, "+".join(changed), reason))
            for twin in twins:
                persona, link = _pair(population, base_id, base, twin, changed)
                found.twins.append(persona)
                found.links.append(link)
    return found


def _changes(population: "Population", attributes: list[str], order: int) -> list[tuple[str, ...]]:
    """What twins differ in: every attribute, and with order 2 every two of them.

    Two are named in sampling order: a pair is the same whichever was named first.
    """
    if whole_number("order", order) not in (1, 2):
        raise InputError(
            f"order={order} is not supported; use 1 (one attribute per twin) or 2 (also two at "
            "once)"
        )
    singles: list[tuple[str, ...]] = [(name,) for name in attributes]
    if order == 1:
        return singles
    if len(attributes) < 2:
        raise InputError(
            f"order=2 changes two attributes at once, and attributes={','.join(attributes)} names "
            f"{len(attributes)}; name two or more"
        )
    return [*singles, *combinations(sorted(attributes, key=population.attributes.index), 2)]


def _pair(
    population: "Population",
    base_id: str,
    base: Mapping[str, int],
    twin: Mapping[str, int],
    changed: tuple[str, ...],
) -> tuple[Persona, PairLink]:
    """A twin and its link, from the value positions of both sides."""
    old, new = (
        {name: population.drawn[name].values[code] for name, code in side.items()}
        for side in (base, twin)
    )
    forced = tuple(
        (name, old[name], new[name])
        for name in old
        if old[name] != new[name] and name not in changed
    )
    # Forced changes are part of the id, so that one id is one persona whatever the seed; so are the
    # attributes, because two attributes may force each other and end in the same persona.
    content = [x for name in changed for x in (name, str(new[name]))]
    content += [x for name, _, value in forced for x in (name, str(value))]
    # A hash of its own for two attributes: one with a forced change has the same content.
    order = "" if len(changed) == 1 else str(len(changed))
    twin_id = _hash(f"twin{order}", base_id, *content)
    link = PairLink(
        _hash(f"pair{order}", base_id, twin_id),
        base_id,
        twin_id,
        "+".join(changed),
        joined_values([old[name] for name in changed]),
        joined_values([new[name] for name in changed]),
        forced,
    )
    return Persona(twin_id, population.id, new), link


def joined_values(values: Sequence[str | int]) -> str | int:
    """How a link writes the values of what it changes: as they are, or two as `one + another`."""
    return values[0] if len(values) == 1 else " + ".join(map(str, values))


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
