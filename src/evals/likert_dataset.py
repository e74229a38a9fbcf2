"""How people are interviewed: the Likert task's parameters, checked, and its samples."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from pluralens._option_values import names, one_path, whole, yes_or_no
from pluralens.errors import InputError
from pluralens.evals.likert_options import refuse_reserved_items
from pluralens.personas.counterfactuals import PLACEBO
from pluralens.personas.description import DETAILS, check_style, describe
from pluralens.personas.names import TOLD_BY_NAME
from pluralens.solvers.likert import ORDERS
from pluralens.solvers.prompts import likert_wording

if TYPE_CHECKING:
    from pluralens.evals.likert_people import Cast, Draw
    from pluralens.personas.counterfactuals import PairLink
    from pluralens.personas.persona import Persona
    from pluralens.personas.population import Population
    from pluralens.solvers.adjectives import Adjective

__all__ = ["Interview", "interview_samples", "shown_texts"]

# Analysed by default, in this order, as far as the population has them.
AXES = ("gender", "age_bin", "origin_group", "religion", "sexuality")
# Changed attributes with too many values for a mean each: their twins are compared by these.
COMPARED_BY = {"age": "age_bin", "origin": "origin_group"}
# Providers that never return log-probabilities; others are asked and must answer.
WITHOUT_LOGPROBS = ("anthropic", "bedrock", "groq", "mistral", "mockllm", "none")


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
        draw: "Draw",
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
        _check_texts(draw, language, style)
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

    def digest(self, draw: "Draw") -> str:
        """SHA-256 of all that decides the prompts: two logs with one digest asked the same."""
        asked = {
            **self.solver_arguments(),
            "adjectives": [asdict(a) for a in self.adjectives],
            **draw.identity(),
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _shown(draw: "Draw", attributes: tuple[str, ...] | None, style: str) -> tuple[str, ...] | None:
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


def _axes(draw: "Draw", shown: tuple[str, ...] | None, style: str) -> list[str]:
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


def _check_texts(draw: "Draw", language: str, style: str) -> None:
    """Refuse texts of another language, and names that twins would not share."""
    if draw.enriched is None:
        return
    run = draw.enriched.run
    # Names are the same in every language; what a model wrote about a person is not.
    if run.enricher != "template" and run.language != language:
        raise InputError(
            f"enrichment={run.name} was written in language={run.language}, but "
            f"language={language} is asked; make a run in that language, or ask in the other"
        )
    if style == "name_only" and set(draw.changed) & set(TOLD_BY_NAME):
        raise InputError(
            f"style=name_only with enrichment={run.name}: the run has no names for twins; leave "
            "enrichment out, and names are taken from the population's lists"
        )


def _persona_names(draw: "Draw", interview: Interview, varied: Collection[str]) -> bool:
    """Whether personas are shown with a name from the population's lists.

    A name tells gender and origin. Where one of them is changed and stated in words anyway, a
    fixed name would contradict the twin and a new one would change two lines at once, so both
    sides stay without a name. Under name_only the name is the treatment.
    """
    from pluralens.personas.names import has_names

    if draw.enriched is not None:
        return False
    if interview.style == "name_only":
        if not has_names(draw.people.id):
            raise InputError(
                f"style=name_only: there are no names for population {draw.people.id}; use list"
            )
        return True
    told = set(varied) & set(TOLD_BY_NAME)
    return interview.style == "bio" and has_names(draw.people.id) and not told


def _varied(links: Iterable["PairLink"]) -> set[str]:
    """Attributes in which twins differ from their bases, by intention or because forced."""
    found = set()
    for link in links:
        found |= {*link.attribute.split("+"), *(name for name, _, _ in link.forced)}
    return found - {PLACEBO}


def _texts(
    draw: "Draw", interview: Interview, base_id: str, links: Sequence["PairLink"]
) -> dict[str, str]:
    """The base's texts that both sides of its pairs may share: none that states what differs."""
    if draw.enriched is None:
        return {}
    from pluralens.personas.stated import neutral_keys

    texts = draw.enriched.texts.get(base_id, {})
    language = draw.enriched.run.language
    hidden = neutral_keys(texts, _varied(links), draw.people, language)
    if interview.style == "name_only":
        hidden |= set(texts) - {"name"}
        if "name" not in texts or "name" in hidden:
            raise InputError(
                f"style=name_only: persona {base_id} has no name in enrichment="
                f"{draw.enriched.run.name}; leave enrichment out, or use another style"
            )
    return {key: text for key, text in texts.items() if key not in hidden}


def interview_samples(
    draw: "Draw", interview: Interview
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The samples as keyword arguments of inspect's `Sample`, and the pairs that cannot exist.

    Samples are in base-major order: each base persona is followed by its twins.
    """
    cast = draw.cast()
    one = _sample_maker(draw, interview, cast)
    samples = []
    for base in cast.bases:
        twins = cast.twins.get(base.persona_id, ())
        texts = _texts(draw, interview, base.persona_id, [link for _, link in twins])
        samples.append(one(base, base.persona_id, None, texts))
        samples += [one(twin, base.persona_id, link, texts) for twin, link in twins]
    if draw.enriched is not None and not any(shown_texts(samples).values()):
        raise InputError(
            f"enrichment={draw.enriched.run.name} would show no text of anybody: it has none, or "
            "every one would tell what a twin differs in; leave enrichment out, or change other "
            "attributes"
        )
    return samples, cast.skipped


def shown_texts(samples: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Of how many base personas each text is shown; the rest failed or would tell a difference."""
    about = [sample["metadata"] for sample in samples]
    return {
        key: sum(bool(one.get(key)) for one in about if one["role"] == "base")
        for key in ("name", *DETAILS)
    }


def _sample_maker(
    draw: "Draw", interview: Interview, cast: "Cast"
) -> Callable[["Persona", str, "PairLink | None", dict[str, str]], dict[str, Any]]:
    """What makes one sample of a persona, its base's id, its link and its texts."""
    from pluralens.personas.names import name_of

    people = draw.people
    varied = _varied(link for twins in cast.twins.values() for _, link in twins)
    named = _persona_names(draw, interview, varied)

    def one(
        persona: "Persona", base_id: str, link: "PairLink | None", texts: dict[str, str]
    ) -> dict[str, Any]:
        derived = people.derive(persona.attributes)
        name = texts.get("name", "")
        if named:
            name = name_of(persona.attributes, people, base_id)
        role = "base" if link is None else PLACEBO
        role = "counterfactual" if link is not None and link.attribute != PLACEBO else role
        more = {key: texts.get(key, "") for key in DETAILS} if draw.enriched else {}
        return {
            "id": _sample_id(persona, link),
            "input": describe(
                persona.attributes,
                people,
                language=interview.language,
                style=interview.style,
                shown=interview.attributes,
                name=name or None,
                details=more,
            ),
            "metadata": {
                **persona.attributes,
                **derived,
                "persona_id": persona.persona_id,
                "population": people.id,
                "axes": ",".join(interview.axes),
                "name": name,
                **more,
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

    return one


def _sample_id(persona: "Persona", link: "PairLink | None") -> str:
    """The persona's id; a twin's starts with its base's, so that they are listed together."""
    if link is None:
        return persona.persona_id
    if link.attribute == PLACEBO:
        return f"{link.base_id}-{PLACEBO}"
    # Two values of a pair that differs in two attributes are written "a + b".
    return f"{link.base_id}-{link.attribute}-{link.to_value}".replace(" + ", "+")


def _group(people: "Population", attribute: str, value: str | int) -> str:
    """What a value is compared by: its age group, its region, or itself."""
    if "+" in attribute and attribute not in people.drawn:
        parts = zip(attribute.split("+"), str(value).split(" + "), strict=True)
        return " + ".join(_group(people, name, _typed(people, name, text)) for name, text in parts)
    by = COMPARED_BY.get(attribute)
    if by is None or by not in people.all_attributes:
        return str(value)
    return str(people.derive({attribute: value})[by])


def _typed(people: "Population", attribute: str, text: str) -> str | int:
    """A value of the population from its text."""
    return int(text) if isinstance(people.values(attribute)[0], int) else text
