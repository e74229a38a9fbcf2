"""A population of two attributes whose distributions can be counted by hand."""

import json
from pathlib import Path

from pluralens.personas.population import Population, load_population

__all__ = ["population_of_two"]

A = {"a0": 0.5, "a1": 0.3, "a2": 0.2}
B = {
    "a0": {"b0": 0.6, "b1": 0.3, "b2": 0.0, "b3": 0.1},
    "a1": {"b0": 0.5, "b1": 0.1, "b2": 0.4, "b3": 0.0},
    "a2": {"b0": 0.2, "b1": 0.2, "b2": 0.1, "b3": 0.5},
}


def population_of_two(folder: Path, language: str = "en") -> Population:
    """Write and load it; b3 says that b does not apply."""
    folder.mkdir()
    (folder / "a.csv").write_text(
        ",".join(A) + "\n" + ",".join(map(str, A.values())) + "\n", "utf-8"
    )
    rows = [f"{a},{','.join(map(str, b.values()))}" for a, b in B.items()]
    (folder / "b.csv").write_text("\n".join(["a,b0,b1,b2,b3", *rows]) + "\n", "utf-8")
    source = {"title": "invented", "licence": "CC0"}

    def values(name: str, keys: list[str]) -> dict[str, dict[str, str]]:
        return {key: {language: f"{name} {key}"} for key in keys}

    manifest = {
        "id": "two",
        "version": "1",
        "title": {language: "two"},
        "languages": [language],
        "attributes": [
            {
                "name": "a",
                "label": {language: "a"},
                "values": values("a", list(A)),
                "table": "a.csv",
                "source": source,
            },
            {
                "name": "b",
                "label": {language: "b"},
                "values": values("b", ["b0", "b1", "b2", "b3"]),
                "not_applicable": ["b3"],
                "parents": {"a": {"match": "exact"}},
                "table": "b.csv",
                "source": source,
            },
        ],
        "forbid": [],
    }
    # JSON is YAML.
    (folder / "population.yaml").write_text(json.dumps(manifest), "utf-8")
    return load_population(folder)
