"""`pluralens personas`: which function is which command, and examples to copy."""

import typer

from pluralens.commands import looking, making, moving, removing
from pluralens.commands.options import examples

__all__ = ["COMMANDS", "app"]

app = typer.Typer(
    help="Draw personas, choose from them, pair them, and look at what is stored.",
    rich_markup_mode=None,
)
# The examples can be run one after the other.
COMMANDS = (
    (
        "pool",
        making.pool,
        "pool --population de --n 20000 --temperature 0.1 --seed 42 --name pool-a",
        "pool --population de --n 500 --age 18-29 --exclude religion=jewish,other --name young",
        "pool --population de --n 500 --attribute-temperature religion=0.5 --name varied",
    ),
    ("reality", making.reality, "reality --from pool-a --n 500 --seed 42 --name r-a"),
    (
        "balanced",
        making.balanced,
        "balanced --from pool-a --n 2000 --seed 42 --name balanced-a",
        "balanced --population de --n 2000 --axes gender,religion --name balanced-b",
    ),
    (
        "counterfactual",
        making.counterfactual,
        "counterfactual --from balanced-a --attributes gender,religion --name cf-a",
        "counterfactual --from r-a --attributes age,origin,placebo --per-attribute 1 --name cf-b",
        "counterfactual --from r-a --attributes gender,religion --order 2 --name squares",
    ),
    ("list", looking.list_selections, "list"),
    ("show", looking.show, "show balanced-a", "show balanced-a --json"),
    ("check", looking.check, "check balanced-a --out out/balanced-a --format png,svg"),
    (
        "export",
        moving.export,
        "export cf-a --out cf-a.parquet",
        "export balanced-a --out balanced-a.csv",
    ),
    (
        "import",
        moving.import_,
        "import cf-a.parquet --name cf-again",
        "import respondents.csv --population de --name respondents",
    ),
    ("runs", looking.runs, "runs"),
    (
        "enrich-from-log",
        moving.enrich_from_log,
        "enrich-from-log logs/2026-01-31_persona-enrichment.eval",
    ),
    ("delete", removing.delete, "delete cf-again --yes"),
)
for name, command, *lines in COMMANDS:
    epilog = examples(*(f"pluralens personas {line}" for line in lines))
    app.command(name, epilog=epilog)(command)
