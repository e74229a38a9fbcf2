"""What a twin of the German population may and must be like, apart from the package's own rules."""

from collections.abc import Mapping
from typing import Any

from pluralens.personas.counterfactuals import CounterfactualSet
from pluralens.personas.persona import Persona
from pluralens.personas.population import Population

__all__ = [
    "FOLLOWERS",
    "Attributes",
    "by_pair",
    "documented_base",
    "implausible",
    "probability",
]

# What may have to follow when an attribute is changed.
FOLLOWERS = {
    "age": {"education", "marital_status", "occupation", "sexuality"},
    "education": {"occupation"},
    "migration": {"origin"},
    "origin": {"migration"},
}
Attributes = Mapping[str, str | int]


def probability(de: Population, attributes: Attributes, name: str) -> float:
    """The table's share of a persona's value given its parents."""
    table = de.drawn[name].table
    at = tuple(de.code(n, attributes[n]) for n in (*table.parents, name))
    return float(table.weights[at])


def implausible(a: Attributes) -> bool:
    """Common sense, written down apart from the population's rules."""
    age, job, school = int(a["age"]), a["occupation"], a["education"]
    return (
        (age < 18 and a["marital_status"] != "single")
        or (age < 6) != (job == "below_school_age")
        or (6 <= age < 15 and job != "pupil_student")
        or (age < 50 and job == "retired")
        or (age < 15) != (school == "not_applicable")
        or (age < 40 and school == "polytechnic_gdr")
        or (school == "in_school" and job != "pupil_student")
        or (age < 16) != (a["sexuality"] == "not_applicable")
        or (a["origin"] == "DE") != (a["migration"] == "none")
    )


def documented_base(de: Population) -> Persona:
    """The persona whose twins the documentation shows."""
    values = (87, "male", "realschule", "none", "DE", "christian", "married", "retired")
    attributes = dict(zip(de.attributes, values, strict=False), sexuality="heterosexual")
    return Persona("0123456789abcdef", "de", attributes)


def by_pair(found: CounterfactualSet) -> dict[str, Any]:
    return {link.pair_id: (link, twin) for link, twin in zip(found.links, found.twins, strict=True)}
