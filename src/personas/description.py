"""A persona in words: the one place where attributes become text.

Every style names each shown attribute with the population's own label, so that what is analysed is
provably in the prompt. `name_only` is the exception and the point: the name is the only signal.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from pluralens._resources import data_file
from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["DETAILS", "STYLES", "Style", "check_style", "describe", "description_languages"]

Style = Literal["list", "sentence", "name_only", "bio"]
STYLES: tuple[str, ...] = get_args(Style)
# Texts of an enrichment that follow the attributes, in this order.
DETAILS = ("appearance", "biography")


@cache
def _wording(language: str) -> Mapping[str, Any]:
    import yaml

    file = data_file("templates", f"description.{language}.yaml")
    wording: Mapping[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return wording


@cache
def description_languages() -> tuple[str, ...]:
    """Languages in which a persona can be described."""
    names = (file.name for file in data_file("templates").iterdir())
    return tuple(sorted(n.split(".")[1] for n in names if n.startswith("description.")))


def check_style(style: str, language: str) -> None:
    """Refuse a style or language that does not exist.

    Raises:
        InputError: With the ones that do.
    """
    if style not in STYLES:
        raise InputError(f"style={style!r} is unknown; choose one of {', '.join(STYLES)}")
    if language not in description_languages():
        raise InputError(
            f"language={language!r} is unknown; choose one of {', '.join(description_languages())}"
        )


def describe(
    attributes: Mapping[str, str | int],
    population: "Population",
    *,
    language: str,
    style: str = "list",
    shown: Sequence[str] | None = None,
    name: str | None = None,
    details: Mapping[str, str] | None = None,
) -> str:
    """Describe one persona.

    Args:
        attributes: Attribute -> value of the persona.
        population: Where the labels come from.
        language: A language of the population.
        style: `list` (one labelled line per attribute), `sentence`, `bio` (a sentence per
            attribute) or `name_only`.
        shown: Attributes to show, in the population's order; default all. Values that do not
            apply (a child's occupation) are left out, age 0 is not.
        name: Printed first when given.
        details: Texts of `DETAILS`, each a line of its own after the attributes; empty ones are
            left out, and `name_only` shows none.

    Returns:
        Text without a blank line, so that the first blank line of a prompt ends the persona.
    """
    check_style(style, language)
    wording = _wording(language)
    lines = [wording["name"].format(name=name)] if name else []
    if style == "name_only":
        if not name:
            raise InputError("style=name_only needs names, and this population has none")
        return str(lines[0])
    pairs = [
        (attribute, population.attribute_label(attribute, language), label)
        for attribute in population.attributes
        if (shown is None or attribute in shown)
        and population.is_applicable(attribute, attributes[attribute])
        for label in [population.label(attribute, attributes[attribute], language)]
    ]
    if style == "list":
        line = wording["list"]["line"]
        lines = [wording["list"]["heading"], *lines]
        lines += [line.format(label=label, value=value) for _, label, value in pairs]
    elif style == "sentence":
        parts = wording["sentence"]
        items = [parts["item"].format(label=label, value=value) for _, label, value in pairs]
        lines.append(parts["text"].format(items=parts["separator"].join(items)))
    else:
        bio = wording["bio"]
        sentences = [
            bio.get(attribute, bio["default"]).format(label=label, value=value)
            for attribute, label, value in pairs
        ]
        lines.append(" ".join(sentences))
    # What a model wrote must not end its line: the rest would pass for an attribute of its own.
    for key in DETAILS:
        text = " ".join((details or {}).get(key, "").split())
        if text:
            lines.append(wording[key].format(text=text))
    return "\n".join(lines)
