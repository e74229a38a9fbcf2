"""Populations of a few values, written to a folder, whose distributions can be counted by hand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pluralens.personas.population import Population, load_population

__all__ = ["tiny"]

SOURCE = {"title": "invented", "licence": "CC0"}


def tiny(
    folder: Path,
    tables: Mapping[str, tuple[Sequence[str], Mapping[tuple[str, ...], Sequence[float]]]],
    values: Mapping[str, Sequence[str]],
    forbid: Sequence[Mapping[str, Sequence[str]]] = (),
    **more: object,
) -> Population:
    """Write and load a population.

    `tables`: attribute -> (parents, {parents' values: weights in the order of its values}).
    """
    folder.mkdir(exist_ok=True)
    attributes = []
    for name, (parents, rows) in tables.items():
        lines = [",".join([*parents, *values[name]])]
        lines += [",".join([*key, *(repr(float(w)) for w in row)]) for key, row in rows.items()]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
        attributes.append(
            {
                "name": name,
                "label": {"en": name},
                "values": {value: {"en": f"{name} {value}"} for value in values[name]},
                "parents": {parent: {"match": "exact"} for parent in parents},
                "table": f"{name}.csv",
                "source": SOURCE,
            }
        )
    manifest = {
        "id": "tiny",
        "version": "1",
        "title": {"en": "tiny"},
        "languages": ["en"],
        "attributes": attributes,
        "forbid": list(forbid),
        **more,
    }
    # JSON is YAML.
    (folder / "population.yaml").write_text(json.dumps(manifest), "utf-8")
    return load_population(folder)
