"""A population whose values are what spreadsheets and parsers trip over."""

import json
from pathlib import Path

from pluralens.personas.population import Population, load_population

__all__ = ["VALUES", "awkward"]

VALUES = (
    "Köln-Mülheim", "NA", "null", "=1+1", "@home", "+49", "-", "'quoted", "'=both", "a, b",
    'say "x"', "50 %", "#hash", "1e5", "true", "日本",
)  # fmt: skip
SOURCE = {"title": "invented", "licence": "CC0"}


def awkward(folder: Path) -> Population:
    """Write and load it: `level` (whole numbers, negative ones too) and `place`."""
    folder.mkdir(exist_ok=True)

    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = ["value,label_en", *(f"{quoted(v)},{quoted('label ' + v)}" for v in VALUES)]
    (folder / "places.csv").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "place.csv").write_text(
        ",".join(map(quoted, VALUES)) + "\n" + ",".join(["1"] * len(VALUES)) + "\n", "utf-8"
    )
    levels = range(-3, 4)
    (folder / "level.csv").write_text(
        ",".join(map(str, levels)) + "\n" + ",".join(["1"] * len(levels)) + "\n", "utf-8"
    )
    attributes = [
        {"name": "level", "range": {"from": -3, "to": 4}, "table": "level.csv"},
        {"name": "place", "values_file": "places.csv", "table": "place.csv"},
    ]
    manifest = {
        "id": "awkward",
        "version": "1",
        "title": {"en": "awkward"},
        "languages": ["en"],
        "attributes": [{**a, "label": {"en": a["name"]}, "source": SOURCE} for a in attributes],
    }
    # JSON is YAML.
    (folder / "population.yaml").write_text(json.dumps(manifest), "utf-8")
    return load_population(folder)
