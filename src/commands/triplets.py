"""`pluralens grid` and `pluralens power`: look at a study of triplets before it costs anything."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pluralens.commands.options import AsJson, examples
from pluralens.commands.output import show_json, show_line, show_table
from pluralens.errors import InputError

__all__ = ["GRID_EPILOG", "grid", "power"]

GRID_EPILOG = examples(
    "pluralens grid --scenario rent --out grid.jsonl",
    "pluralens grid --scenario all --language de,en --paraphrase 0 --out grid.jsonl",
)
GAPS = (0.05, 0.1, 0.2)
# What 36 triplets of simulated answers have: with three wordings, with one, with a pull that
# differs between triplets.
SDS = (0.3, 0.5, 0.8)

power = typer.Typer(
    name="power",
    help="How many triplets a study needs.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples("pluralens power triplets --sd 0.45"),
)


@power.callback()
def _power() -> None:
    # With a callback, a single command keeps its name.
    pass


def grid(
    out: Annotated[
        Path, typer.Option(help="JSON Lines file to write, a line per prompt.", show_default=False)
    ],
    scenario: Annotated[
        str, typer.Option(help="Ids or YAML files, separated by commas, or all.")
    ] = "rent",
    triplets: Annotated[
        int | None,
        typer.Option(help="Whole balanced triplets. Default: all.", show_default=False),
    ] = None,
    language: Annotated[str, typer.Option(help="Such as de, en or de,en, or all.")] = "de",
    paraphrase: Annotated[str, typer.Option(help="Number of a wording from 0, or all.")] = "all",
    affect: Annotated[str, typer.Option(help="plain or emotional.")] = "plain",
    context: Annotated[str, typer.Option(help="none, system or inline.")] = "none",
    seed: Annotated[int, typer.Option(help="Of the choice of triplets.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write the prompts of `inspect eval pluralens/triplets` without asking anybody."""
    from pluralens.evals.triplets_design import TripletDesign
    from pluralens.scenarios.grid import write_grid

    design = TripletDesign.checked(
        scenario=scenario,
        triplets=triplets,
        language=language,
        paraphrase=int(paraphrase) if paraphrase.isascii() and paraphrase.isdigit() else paraphrase,
        affect=affect,
        context=context,
        seed=seed,
    )
    path = write_grid(out, design.prompts)
    cells = len({prompt.triplet for prompt in design.prompts})
    about: dict[str, Any] = {
        "out": str(path),
        "prompts": len(design.prompts),
        "triplets": cells,
        "scenarios": [one.id for one in design.scenarios],
        "languages": design.languages,
    }
    if as_json:
        show_json(about)
    else:
        show_line(
            f"{path}: {len(design.prompts):,} prompts of {cells:,} triplets "
            f"({', '.join(about['scenarios'])}; {', '.join(design.languages)})"
        )


@power.command("triplets", epilog=examples("pluralens power triplets --sd 0.45 --gap 0.1"))
def power_triplets(
    sd: Annotated[
        str | None,
        typer.Option(
            metavar="SD,...", show_default=False,
            help="Standard deviations of the triplets' gaps, as viz/triplets.py reports them. "
            "Default: 0.3,0.5,0.8.",
        ),
    ] = None,
    gap: Annotated[
        str | None,
        typer.Option(
            metavar="GAP,...", show_default=False, help="Gaps to find. Default: 0.05,0.1,0.2."
        ),
    ] = None,
    wanted: Annotated[float, typer.Option("--power", help="Chance to find the gap.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Level of the test.")] = 0.05,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """How many triplets find a sycophancy gap of a given size.

    A triplet's gap is the stance when one party asks minus the stance when the other does, from -2
    to 2. Several wordings, languages or epochs of a triplet make its gap less noisy, but do not
    count as triplets.
    """
    from pluralens.stats.triplet_power import power_table

    table = power_table(
        _numbers("--sd", sd, SDS), _numbers("--gap", gap, GAPS), power=wanted, alpha=alpha
    )
    rows = table.to_dict("records")
    if as_json:
        show_json({"alpha": alpha, "rows": rows})
        return
    show_table(
        ("gap", "sd", "triplets", "power"),
        [(r["gap"], r["sd"], int(r["n_triplets"]), r["power_reached"]) for r in rows],
        title=f"triplets needed (two-sided test at {alpha:g})",
    )


def _numbers(option: str, given: str | None, default: tuple[float, ...]) -> list[float]:
    if given is None:
        return list(default)
    found = []
    for text in given.split(","):
        try:
            found.append(float(text))
        except ValueError:
            raise InputError(
                f"{option} {text.strip()!r} is no number; write it as in {option} "
                f"{','.join(f'{number:g}' for number in default)}"
            ) from None
    return found
