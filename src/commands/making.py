"""Commands that make selections; see `pluralens.personas.making` for the same in Python."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pluralens.commands.options import (
    Age,
    AsJson,
    AttributeTemperature,
    Axes,
    Exclude,
    MinShare,
    N,
    Name,
    Seed,
    Temperature,
    excluded,
    refuse_taken,
    temperatures,
)
from pluralens.commands.output import show_json, show_line, working
from pluralens.commands.reports import document, show_balance, show_pairs
from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.personas.selection import Selection
    from pluralens.personas.store import SelectionInfo, Store

__all__ = ["balanced", "counterfactual", "pool", "reality"]

From = Annotated[str, typer.Option("--from", help="Selection to choose from.", show_default=False)]
ADULTS = "18-100"


def pool(
    n: N,
    name: Name,
    population: Annotated[str, typer.Option(help="Id of a population, or a folder with one.")] = (
        "de"
    ),
    seed: Seed = 0,
    temperature: Temperature = 0.0,
    attribute_temperature: AttributeTemperature = None,
    age: Age = ADULTS,
    exclude: Exclude = None,
    as_json: AsJson = False,
) -> None:
    """Draw personas from a population.

    Same options, same seed, same tables: same personas, on every machine.
    """
    from pluralens.personas.making import make_pool
    from pluralens.personas.store import Store

    options = _drawing(population, temperature, attribute_temperature, age, exclude)
    with Store.open() as store:
        refuse_taken(store, name)
        with working(f"drawing {n:,} personas"):
            made = make_pool(name, population=population, n=n, seed=seed, **options)
        stored = _add(store, made)
    _done(stored, as_json)


def reality(from_: From, n: N, name: Name, seed: Seed = 0, as_json: AsJson = False) -> None:
    """Choose from a pool at random.

    The set is distributed as the pool is; nobody is in it twice.
    """
    from pluralens.personas.making import make_reality
    from pluralens.personas.store import Store

    with Store.open() as store:
        refuse_taken(store, name)
        source = _read(store, from_)
        stored = _add(store, make_reality(source, name, n=n, seed=seed))
    _done(stored, as_json)


def balanced(
    n: N,
    name: Name,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="Selection to choose from.", show_default=False),
    ] = None,
    population: Annotated[
        str | None,
        typer.Option(
            help="Population to draw from instead, rare combinations included.", show_default=False
        ),
    ] = None,
    seed: Seed = 0,
    axes: Axes = None,
    min_share: MinShare = 0.01,
    temperature: Annotated[
        float | None, typer.Option(help="As in pool; only with --population.", show_default=False)
    ] = None,
    attribute_temperature: AttributeTemperature = None,
    age: Annotated[
        str | None, typer.Option(help="As in pool; only with --population.", show_default=False)
    ] = None,
    exclude: Exclude = None,
    as_json: AsJson = False,
) -> None:
    """Make a set with near-uniform axes.

    With --from it is chosen from a pool, with --population drawn from the population's own tables,
    where rare combinations exist too. Axes are not associated with each other more than they have
    to be: the report says how much is left, and how much there was in the pool.
    """
    from pluralens._option_values import names
    from pluralens.personas.making import make_balanced_from, make_balanced_of
    from pluralens.personas.store import Store

    if (from_ is None) == (population is None):
        raise InputError(
            "balanced needs either --from, a selection to choose from, or --population, to draw "
            "from its tables; give exactly one of them"
        )
    balance: dict[str, Any] = {
        "n": n,
        "seed": seed,
        "axes": names("--axes", axes),
        "min_share": min_share,
    }
    if population is None:
        for option, given in (
            ("--temperature", temperature),
            ("--attribute-temperature", attribute_temperature),
            ("--age", age),
            ("--exclude", exclude),
        ):
            if given is not None:
                raise InputError(
                    f"{option} says how personas are drawn, and those of --from {from_} are drawn "
                    f"already; leave it out, or give it when the pool is made"
                )
    with Store.open() as store:
        refuse_taken(store, name)
        if population is None:
            source = _read(store, str(from_))
            with working(f"choosing {n:,} of {len(source.personas):,} personas"):
                made = make_balanced_from(source, name, **balance)
        else:
            drawing = _drawing(
                population, temperature or 0.0, attribute_temperature, age or ADULTS, exclude
            )
            with working(f"drawing {n:,} personas, stratum by stratum"):
                made = make_balanced_of(name, population=population, **balance, **drawing)
        stored = _add(store, made)
    _done(stored, as_json)


def counterfactual(
    from_: From,
    attributes: Annotated[
        str,
        typer.Option(
            metavar="A,B,...",
            help="What twins differ in; placebo gives everyone an identical twin.",
            show_default=False,
        ),
    ],
    name: Name,
    per_attribute: Annotated[
        str, typer.Option(metavar="all|K", help="Twins per persona and attribute.")
    ] = "all",
    order: Annotated[
        int, typer.Option(help="2: twins in every two attributes at once as well.")
    ] = 1,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Give everyone twins: minimal pairs.

    Base and twin differ in one attribute, or in two at once as well with --order 2.

    What has to follow (a foreign origin means a migration background) is listed with the pair as
    forced; personas without a possible twin are listed as skipped, with the reason.
    """
    from pluralens._option_values import names
    from pluralens.personas.making import make_counterfactual
    from pluralens.personas.store import Store

    changed = names("--attributes", attributes) or ()
    if not changed:
        raise InputError(
            f"--attributes {attributes!r} names nothing; name what twins differ in, as in gender"
        )
    count = _twins_per_attribute(per_attribute)
    with Store.open() as store:
        refuse_taken(store, name)
        source = _read(store, from_)
        with working(f"pairing {len(source.personas):,} personas"):
            made = make_counterfactual(
                source, name, changed, per_attribute=count, order=order, seed=seed
            )
        stored = _add(store, made)
    _done(stored, as_json)


def _twins_per_attribute(text: str) -> int | None:
    if text == "all":
        return None
    # Python itself refuses to read thousands of digits.
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= 1):
        raise InputError(
            f"--per-attribute {text[:20]!r} is neither 'all' nor a number of twins, from 1 on"
        )
    return int(text)


def _drawing(
    population: str,
    temperature: float,
    attribute_temperature: list[str] | None,
    age: str,
    exclude: list[str] | None,
) -> dict[str, Any]:
    """Options of drawing as Python has them."""
    from pluralens._option_values import ages
    from pluralens.personas.population import load_population

    people = load_population(population)
    return {
        "temperature": temperatures(people, temperature, attribute_temperature),
        "age": ages(age, "--age"),
        "exclude": excluded(people, exclude),
    }


def _read(store: "Store", name: str) -> "Selection":
    with working(f"reading {name}"):
        return store.selection(name)


def _add(store: "Store", selection: "Selection") -> "SelectionInfo":
    size = len(selection.personas) + len(selection.links)
    with working(f"storing {size:,} personas"):
        return store.add(selection)


def _done(info: "SelectionInfo", as_json: bool) -> None:
    if as_json:
        show_json(document(info))
        return
    pairs = f" and {info.pairs:,} pairs" if info.pairs else ""
    show_line(f"{info.name}: {info.kind} of {info.n:,} personas{pairs}")
    if info.kind == "balanced":
        show_balance(info.report)
    if info.kind == "counterfactual":
        show_pairs(info.report)
