"""Commands that look at what is stored and change nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pluralens.commands.options import AsJson
from pluralens.commands.output import show_facts, show_json, show_line, show_table, working
from pluralens.commands.reports import document, show_balance, show_pairs

if TYPE_CHECKING:
    from pluralens.personas.store import EnrichmentRun, Store

__all__ = ["check", "list_selections", "runs", "show"]

FIRST = 5
Selected = Annotated[str, typer.Argument(metavar="NAME", help="The selection.")]


def list_selections(as_json: AsJson = False) -> None:
    """List the selections, oldest first."""
    from pluralens.personas.store import Store

    with Store.open() as store:
        infos, shown = store.infos(), store.shown
    if as_json:
        # What came out of each can be long; `show` tells it.
        show_json([{k: v for k, v in document(i).items() if k != "report"} for i in infos])
        return
    if not infos:
        show_line(f"{shown} holds no selections; make one with: pluralens personas pool")
        return
    # What fits a terminal of 80 columns; `show` tells the rest.
    show_table(
        ("name", "kind", "personas", "pairs", "population", "parent", "created"),
        [
            (i.name, i.kind, i.n, i.pairs, i.population, i.parent, f"{i.created:%Y-%m-%d}")
            for i in infos
        ],
    )


def show(name: Selected, as_json: AsJson = False) -> None:
    """Show how a selection was made.

    With what came out, what hangs on it, and its first personas.
    """
    from pluralens.personas.store import Store

    with Store.open() as store:
        info = store.info(name)
        with working(f"reading {name}"):
            selection = store.selection(name)
        children = [i.name for i in store.infos() if i.parent == name]
        hanging = [run.name for run in store.runs() if run.selection == name]
    first = selection.personas[:FIRST]
    if as_json:
        people = [{"persona_id": p.persona_id, **p.attributes} for p in first]
        show_json({**document(info), "children": children, "runs": hanging, "first": people})
        return
    facts = {
        "name": info.name,
        "kind": info.kind,
        "personas": f"{info.n:,}",
        "pairs": f"{info.pairs:,}",
        "population": f"{info.population} ({info.source})",
        "seed": _text(info.seed),
        "made from": _text(info.parent),
        "made of it": ", ".join(children) or "-",
        "enrichments": ", ".join(hanging) or "-",
        "created": f"{info.created:%Y-%m-%d %H:%M:%S} UTC",
        "digest": info.digest,
        **{f"  {key}": value for key, value in info.parameters.items()},
    }
    show_facts(facts)
    if info.kind == "balanced":
        show_balance(info.report)
    if info.kind == "counterfactual":
        show_pairs(info.report)
    columns = ("persona_id", *selection.personas.population.attributes)
    rows = [[p.persona_id, *map(str, p.attributes.values())] for p in first]
    show_table(columns, rows, title=f"the first {len(rows)} of {info.n:,} personas")


def check(
    name: Selected,
    out: Annotated[Path, typer.Option(help="Folder for figures and tables.")] = Path("out"),
    formats: Annotated[
        str, typer.Option("--format", metavar="png,svg,pdf", help="Formats of the figures.")
    ] = "png",
    theme: Annotated[str, typer.Option(metavar="light|dark", help="Of the figures.")] = "light",
    as_json: AsJson = False,
) -> None:
    """Draw who is in a selection.

    Age pyramid, shares beside the official ones and associations, each as a figure and a CSV table.
    """
    from pluralens.commands.figures import check_options, draw_selection
    from pluralens.personas.lineage import lineage
    from pluralens.personas.store import Store

    kinds = check_options(out, formats, theme)
    with Store.open() as store:
        found = lineage(store, name)
        with working(f"reading {name}"):
            selection = store.selection(name)
    written = [str(path) for path in draw_selection(selection, found, out, kinds, theme)]
    if as_json:
        show_json({"name": name, "files": written})
    else:
        for path in written:
            show_line(path)


def runs(as_json: AsJson = False) -> None:
    """List the enrichment runs and how far they are."""
    from pluralens.personas.store import Store

    with Store.open() as store:
        listed = store.runs()
        with working(f"counting {len(listed)} runs"):
            found = [_run(store, run) for run in listed]
        shown = store.shown
    if as_json:
        show_json(found)
        return
    if not found:
        show_line(f"{shown} holds no enrichment runs")
        return
    columns = ("name", "selection", "enricher", "model", "language", "enriched", "failed", "of")
    show_table(columns, [[run[column] for column in columns] for run in found])


def _run(store: "Store", run: "EnrichmentRun") -> dict[str, Any]:
    info = store.info(run.selection)
    enriched, failed = store.counts(run.name)
    return {
        **run.to_json(),
        "created": None if run.created is None else run.created.isoformat(),
        "enriched": enriched,
        "failed": failed,
        # Twins share the texts of their base and are never asked about.
        "of": info.n,
    }


def _text(value: object) -> str:
    return "-" if value is None else str(value)
