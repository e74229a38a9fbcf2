"""Commands that bring selections and texts into the store and out of it."""

from pathlib import Path
from typing import Annotated

import typer

from pluralens.commands.options import AsJson, refuse_taken
from pluralens.commands.output import show_json, show_line, working
from pluralens.commands.reports import document

__all__ = ["enrich_from_log", "export", "import_"]


def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The selection.")],
    out: Annotated[Path, typer.Option(help="A .csv or .parquet file.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a selection to a file, loss-free.

    With everything that import needs: twins, pairs, seed, parameters, report. Texts are not in it.
    """
    from pluralens.personas.files import export_selection
    from pluralens.personas.store import Store

    with Store.open() as store, working(f"reading {name}"):
        selection = store.selection(name)
    with working(f"writing {out}"):
        written = export_selection(selection, out, force=force)
    personas, pairs = len(selection.personas), len(selection.links)
    if as_json:
        show_json({"name": name, "file": str(written), "n": personas, "pairs": pairs})
    else:
        show_line(f"{written}: {personas:,} personas, {pairs:,} pairs")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .parquet file.")],
    name: Annotated[
        str | None,
        typer.Option(help="Name of the selection. Default: the one in the file."),
    ] = None,
    population: Annotated[
        str | None,
        typer.Option(help="Id or folder of the population. Default: the one in the file."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a selection from a file.

    Either one that was exported, or a table made by hand: a column per attribute of the population,
    with the values that export writes. Ids are made up unless there is a column persona_id.
    """
    from pluralens.personas.making import make_import
    from pluralens.personas.store import Store

    with Store.open() as store:
        if name is not None:
            refuse_taken(store, name)
        with working(f"reading {file}"):
            selection = make_import(store, file, name=name, population=population)
        refuse_taken(store, selection.name)
        with working(f"storing {len(selection.personas) + len(selection.links):,} personas"):
            info = store.add(selection)
    if as_json:
        show_json(document(info))
        return
    pairs = f" and {info.pairs:,} pairs" if info.pairs else ""
    show_line(f"{info.name}: {info.kind} of {info.n:,} personas{pairs}, from {file}")
    if "original_parent" in info.parameters and info.parent is None:
        parent = info.parameters["original_parent"]
        show_line(
            f"the selection it was made from, {parent}, is not in this store, or cannot be read as "
            "the same one; it is kept as original_parent"
        )


def enrich_from_log(
    log: Annotated[str, typer.Argument(metavar="LOG", help="Log of pluralens/persona_enrichment.")],
    as_json: AsJson = False,
) -> None:
    """Bring texts from a log into the store.

    For runs that had another store, or none; again is no change.
    """
    from pluralens.personas.store import Store
    from pluralens.scorers import enrichment_logs

    with Store.open() as store, working(f"reading {log}"):
        found = enrichment_logs.enrich_from_log(log, store)
    if as_json:
        show_json({"log": log, **found._asdict()})
        return
    show_line(
        f"{log}: {found.written:,} personas with new texts, {found.kept:,} that the store had, "
        f"{found.failed:,} without"
    )
    if found.differing:
        show_line(f"{found.differing:,} have other texts in the store; those stayed")
