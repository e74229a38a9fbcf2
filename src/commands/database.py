"""`pluralens db`: the store that selections and enrichments are kept in."""

import typer

from pluralens.commands.options import AsJson, examples
from pluralens.commands.output import show_facts, show_json, show_line

__all__ = ["app", "info", "migrate"]

app = typer.Typer(
    help="The database of selections: SQLite, or what DB_URL names.", rich_markup_mode=None
)


@app.command(
    epilog=examples(
        "pluralens db migrate",
        "DB_URL=postgresql://me@localhost/pluralens pluralens db migrate",
    )
)
def migrate(as_json: AsJson = False) -> None:
    """Bring the database up to date; again is no change.

    Every command does so by itself; this one says what it did.
    """
    from pluralens.personas.store import Store

    with Store.open() as store:
        before, now = store.schema
        shown = store.shown
    if before == now:
        done = "nothing to do"
    elif before == 0:
        done = "tables made"
    else:
        done = f"migrated from version {before}"
    if as_json:
        show_json({"url": shown, "schema_version": now, "schema_version_before": before})
    else:
        show_line(f"{shown}: schema version {now}, {done}")


@app.command(epilog=examples("pluralens db info --json"))
def info(as_json: AsJson = False) -> None:
    """Say where the database is and what is in it."""
    from pluralens.personas.store import Store

    with Store.open() as store:
        infos, runs = store.infos(), store.runs()
        facts = {
            "url": store.shown,
            "engine": store.shown.partition(":")[0],
            "schema_version": store.schema[1],
            "selections": len(infos),
            "personas": sum(i.n + i.pairs for i in infos),
            "pairs": sum(i.pairs for i in infos),
            "runs": len(runs),
        }
    if as_json:
        show_json(facts)
        return
    counted = {
        "selections": f"{facts['selections']:,}",
        "personas": f"{facts['personas']:,} in all selections together, twins included",
        "pairs": f"{facts['pairs']:,}",
        "runs": f"{facts['runs']:,} enrichment runs",
    }
    show_facts({key.replace("_", " "): counted.get(key, value) for key, value in facts.items()})
