import json
from pathlib import Path
from typing import Any

from pluralens.evals.persona import persona_intersections


def test_cells_differ_in_their_people_alone(tmp_path: Path) -> None:
    women = {"name": "women", "attributes": [{"attribute": "sex", "values": ["Female"]}]}
    old = {
        "name": "old women",
        "attributes": [*women["attributes"], {"attribute": "age", "range": [80, 100]}],
    }

    def asked(*cells: Any) -> dict[str, list[tuple[str, str]]]:
        file = tmp_path / f"{len(cells)}.json"
        file.write_text(json.dumps(cells), encoding="utf-8")
        task = persona_intersections(intersections=str(file), per_cell=8)
        found: dict[str, list[tuple[str, str]]] = {}
        for sample in task.dataset:
            about = sample.metadata or {}
            found.setdefault(about["cells"], []).append(
                (about["question_id"], about["values"]["age"])
            )
        return found

    alone, both = asked(women), asked(women, old)
    # Those who were drawn for another cell would make this one too old.
    assert both["women"] == alone["women"]
    assert [q for q, _ in both["old women"]] == [q for q, _ in both["women"]]
    assert all(int(age) >= 80 for _, age in both["old women"])
