"""The command that deletes a selection."""

import sys
from typing import Annotated

import typer

from pluralens.commands.options import AsJson
from pluralens.commands.output import plain, show_json, show_line
from pluralens.errors import InputError

__all__ = ["delete"]


def delete(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The selection.")],
    enrichments: Annotated[
        bool, typer.Option("--enrichments", help="Delete its enrichment runs and texts too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a selection.

    Nothing may have been made from it. There is no way back but an earlier export.
    """
    from pluralens.personas.store import Store

    with Store.open() as store:
        # Not only by its name: one whose report is damaged is to be deleted too.
        info = next((i for i in store.infos() if i.name == name), None) or store.info(name)
        pairs = f" and {info.pairs:,} pairs" if info.pairs else ""
        what = f"{info.name}: {info.kind} of {info.n:,} personas{pairs}"
        if not yes:
            if as_json or not sys.stdin.isatty():
                raise InputError(f"{what}: nobody can be asked here; delete it with --yes")
            if not typer.confirm(f"Delete {plain(what)} from {plain(store.shown)}?", err=True):
                show_line("nothing was deleted")
                raise typer.Exit(1)
        hanging = [run.name for run in store.runs() if run.selection == name]
        if hanging and not enrichments:
            raise InputError(
                f"selection {name}: the enrichment runs {', '.join(hanging)} hang on it; give "
                "--enrichments to delete them with it, or keep it"
            )
        store.delete(name, enrichments=enrichments)
    if as_json:
        show_json({"deleted": info.name, "n": info.n, "pairs": info.pairs})
    else:
        show_line(f"deleted {what}")
