"""Options that several commands share, and what they mean."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.personas.population import Population
    from pluralens.personas.store import Store

__all__ = [
    "Age",
    "AsJson",
    "AttributeTemperature",
    "Axes",
    "Exclude",
    "MinShare",
    "N",
    "Name",
    "Seed",
    "Temperature",
    "examples",
    "excluded",
    "refuse_taken",
    "temperatures",
]


def _checked_age(text: str) -> str:
    from pluralens._option_values import ages

    ages(text, "--age")
    return text


def _some_axes(text: str | None) -> str | None:
    # Both mean the default where inspect's -T values are read, which nobody writes here.
    if text is not None and text.strip().lower() in ("", "none"):
        raise InputError(f"--axes {text!r} names nothing; leave it out for the default")
    return text


NO_TEMPERATURE = "is not in [0, 1]; 0 draws the real distribution, 1 the uniform one"
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Name = Annotated[str, typer.Option(help="Name of the new selection.", show_default=False)]
N = Annotated[int, typer.Option("--n", help="How many personas.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Same seed, same options: same personas.")]
Temperature = Annotated[
    float,
    typer.Option(help="Flattens all shares, from 0 (as they are) to 1 (uniform)."),
]
Age = Annotated[
    str, typer.Option(help="Youngest and oldest age, both included.", callback=_checked_age)
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ATTRIBUTE=VALUE,...", help="Values that are not drawn. Repeatable.",
        show_default=False,
    ),
]  # fmt: skip
AttributeTemperature = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ATTRIBUTE=T", help="Temperature of one attribute. Repeatable.", show_default=False
    ),
]
Axes = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...", show_default=False, callback=_some_axes,
        help="Attributes to balance. Default: gender, age_bin, origin_subregion, religion, "
        "sexuality, as far as the population has them.",
    ),
]  # fmt: skip
MinShare = Annotated[
    float, typer.Option(help="Subregions with a smaller share are merged into their region.")
]


def examples(*commands: str) -> str:
    """The end of a command's help: commands to copy, in lines that are not wrapped."""
    # The backspace is how click marks such a paragraph.
    return "\n".join(
        ("\b", "Examples:" if commands[1:] else "Example:", *(f"  {c}" for c in commands))
    )


def excluded(population: "Population", given: Sequence[str] | None) -> dict[str, list[str | int]]:
    """Attribute -> values from `religion=jewish,other`.

    Raises:
        InputError: An attribute or a value is unknown, or the form is another.
    """
    found: dict[str, list[str | int]] = {}
    for name, text in _assignments("--exclude", given, "religion=jewish,other"):
        known = {str(value): value for value in population.variable(name).values}
        # A value may have a comma in it.
        for part in [text] if text in known else [part.strip() for part in text.split(",")]:
            # Names the closest value if there is none like it.
            population.code(name, known.get(part, part))
            found.setdefault(name, []).append(known[part])
    return found


def temperatures(
    population: "Population", everywhere: float, given: Sequence[str] | None
) -> float | dict[str, float]:
    """One temperature, or one per attribute where some have their own (`religion=0.5`).

    Raises:
        InputError: An attribute is unknown or there twice, or a temperature is no number in
            [0, 1].
    """
    if not 0 <= everywhere <= 1:
        raise InputError(f"--temperature {everywhere} {NO_TEMPERATURE}")
    own: dict[str, float] = {}
    for name, text in _assignments("--attribute-temperature", given, "religion=0.5"):
        if name not in population.drawn:
            # Derived ones have no temperature of their own.
            source = population.source_of(name)
            raise InputError(f"--attribute-temperature: {name} follows from {source}; name that")
        if name in own:
            raise InputError(f"--attribute-temperature: {name} is given twice; give it once")
        try:
            own[name] = float(text)
        except ValueError:
            raise InputError(
                f"--attribute-temperature {name}={text!r} is no number; write {name}=0.5"
            ) from None
        if not 0 <= own[name] <= 1:
            raise InputError(f"--attribute-temperature {name}={text} {NO_TEMPERATURE}")
    return {**dict.fromkeys(population.attributes, everywhere), **own} if own else everywhere


def refuse_taken(store: "Store", name: str) -> None:
    """Refuse a name that a selection has, or that none can have, before long work.

    Raises:
        InputError: Naming the selection that has it.
    """
    from pluralens.personas.selection import check_name
    from pluralens.personas.store import name_taken

    check_name("selection", name)
    there = next((info for info in store.infos() if info.name == name), None)
    if there is not None:
        raise name_taken(there)


def _assignments(
    option: str, given: Iterable[str] | None, example: str
) -> Iterable[tuple[str, str]]:
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise InputError(f"{option} {text!r} is no ATTRIBUTE=VALUE; write {option} {example}")
        yield name.strip(), value.strip()
