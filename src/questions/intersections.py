"""The cells of a study, read from a file, and which of them share people.

A file is JSON or YAML, a list of cells or `{"disjoint": true, "intersections": [...]}`. A cell is

    {"name": "young men",
     "attributes": [{"attribute": "sex", "values": ["Male"]},
                    {"attribute": "age", "range": [18, 34]}]}

The name may be left out. All of a cell's attributes must hold; `values` are texts as people show
them, a `range` includes both ends and needs an attribute whose values are numbers.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NoReturn

from pluralens._yaml_documents import Folder, YamlFile
from pluralens.errors import InputError
from pluralens.questions.attribute_names import attribute_named, closest
from pluralens.questions.cells import Cell, Condition, may_overlap
from pluralens.questions.json_file import read_json
from pluralens.questions.person import Person

__all__ = ["Cell", "Condition", "overlaps", "read_cells"]

Place = tuple[str | int, ...]
CELLS, DISJOINT = "intersections", "disjoint"
# Stands between the names of the cells that a person is in.
SEPARATOR = "|"
EXAMPLE = '{"attributes": [{"attribute": "sex", "values": ["Male"]}]}'


def read_cells(
    path: str | Path,
    *,
    known: Sequence[str],
    numeric: Collection[str],
    values: Mapping[str, Collection[str]] | None = None,
    people: Sequence[Person] | None = None,
) -> tuple[Cell, ...]:
    """Read and check the cells of a file.

    Args:
        path: A file `.json`, `.yaml` or `.yml`.
        known: All attributes that people can have.
        numeric: Those whose values are numbers.
        values: Attribute -> the values that there are, to catch misspelt ones; case does not
            matter. Where it is a mapping, its keys are the spellings that are accepted and its
            values what people show. Attributes that it lacks take any text.
        people: Everybody there is, to decide with `disjoint: true` whether two cells overlap.
            Without them two cells do unless their conditions exclude each other.

    Returns:
        The cells in the order of the file, each with a name of its own.

    Raises:
        InputError: For the first thing that is wrong, with its line.
    """
    return _CellReader(_document(Path(path)), known, numeric, values or {}).read(people)


def overlaps(cells: Sequence[Cell], people: Iterable[Person]) -> list[tuple[str, str, int]]:
    """Pairs of cells that share people, and how many.

    Args:
        cells: The cells.
        people: Who can be in them; the same person counts once.

    Returns:
        Names of both cells and the number of people in both, in the order of `cells`; pairs that
        share nobody are left out.
    """
    everybody = {person.id: person for person in people}.values()
    inside = [{p.id for p in everybody if cell.holds(p)} for cell in cells]
    return [
        (cells[i].name, cells[j].name, len(inside[i] & inside[j]))
        for i, j in combinations(range(len(cells)), 2)
        if inside[i] & inside[j]
    ]


def _document(path: Path) -> YamlFile:
    if path.suffix.lower() in (".yaml", ".yml"):
        if not path.is_file():
            raise InputError(f"{path}: there is no such file; check the path")
        return Folder(path.parent, str(path.parent)).read_yaml(path.name)
    if path.suffix.lower() != ".json":
        raise InputError(
            f"{path}: cells stand in a file .json, .yaml or .yml; rename or convert it"
        )
    text, data = read_json(path)
    # JSON is YAML but for its tabs, which stand between tokens only: errors find their lines.
    return YamlFile(str(path), text.replace("\t", " "), data)


class _CellReader:
    """Makes cells of a document; every error names the place in it."""

    def __init__(
        self,
        document: YamlFile,
        known: Sequence[str],
        numeric: Collection[str],
        values: Mapping[str, Collection[str]],
    ) -> None:
        self.document = document
        self.known = known
        self.numeric = numeric
        self.values = values

    def read(self, people: Sequence[Person] | None) -> tuple[Cell, ...]:
        data = self.document.data
        place: Place = ()
        disjoint = False
        if isinstance(data, dict):
            self._keys((), data, (CELLS,), (DISJOINT,))
            disjoint = data.get(DISJOINT, False)
            if not isinstance(disjoint, bool):
                self._fail((DISJOINT,), f"{disjoint!r} is no truth value", "write true or false")
            place, data = (CELLS,), data[CELLS]
        if not isinstance(data, list) or not data:
            self._fail(place, "there is no list of cells", f"write [{EXAMPLE}, ...]")
        cells = [self._cell((*place, i), one) for i, one in enumerate(data)]
        names = [cell.name for cell in cells]
        for i, name in enumerate(names):
            if name in names[:i]:
                self._fail((*place, i), f"two cells are called {name!r}", "rename or delete one")
        if disjoint:
            self._refuse_overlap(place, cells, people)
        return tuple(cells)

    def _cell(self, place: Place, data: Any) -> Cell:
        self._keys(place, data, ("attributes",), ("name",))
        conditions = data["attributes"]
        here = (*place, "attributes")
        if not isinstance(conditions, list) or not conditions:
            self._fail(here, "the cell has no list of attributes", f"write {EXAMPLE}")
        found: list[Condition] = []
        for i, one in enumerate(conditions):
            condition = self._condition((*here, i), one)
            if condition.attribute in [other.attribute for other in found]:
                self._fail(
                    (*here, i),
                    f"{condition.attribute!r} stands there twice",
                    "put all its values in one list, or split the cell",
                )
            found.append(condition)
        name = data.get("name", ", ".join(condition.text() for condition in found))
        if not isinstance(name, str) or not name.strip() or SEPARATOR in name or "\n" in name:
            self._fail(
                (*place, "name"),
                f"{name!r} is no name for a cell",
                f"name it in one line without {SEPARATOR!r}",
            )
        return Cell(name.strip(), tuple(found))

    def _condition(self, place: Place, data: Any) -> Condition:
        self._keys(place, data, ("attribute",), ("values", "range"))
        try:
            attribute = attribute_named(data["attribute"], self.known, "attribute")
        except InputError as error:
            problem, _, remedy = str(error).removeprefix("attribute: ").partition("; ")
            self._fail((*place, "attribute"), problem, remedy)
        if ("values" in data) == ("range" in data):
            self._fail(
                place,
                f"{attribute} has {'both' if 'values' in data else 'neither'} values and a range",
                'write "values": ["..."] or "range": [low, high]',
            )
        if "range" in data:
            low, high = self._range((*place, "range"), attribute, data["range"])
            return Condition(attribute, low=low, high=high)
        listed = data["values"]
        here = (*place, "values")
        if not isinstance(listed, list) or not listed:
            self._fail(here, f"{listed!r} is no list of values", 'write ["..."]')
        found = [self._value((*here, i), attribute, one) for i, one in enumerate(listed)]
        for i, text in enumerate(found):
            if text in found[:i]:
                self._fail((*here, i), f"{text!r} stands there twice", "delete one")
        return Condition(attribute, tuple(found))

    def _range(self, place: Place, attribute: str, data: Any) -> tuple[float, float]:
        if attribute not in self.numeric:
            numbers = [one for one in self.known if one in self.numeric]
            self._fail(
                place,
                f"the values of {attribute} are no numbers",
                f'write "values": [...]; ranges are for {", ".join(numbers) or "no attribute"}',
            )
        numbers_given = isinstance(data, list) and all(
            isinstance(n, (int, float)) and not isinstance(n, bool) and math.isfinite(n)
            for n in data
        )
        if not numbers_given or len(data) != 2 or data[0] > data[1]:
            self._fail(place, f"{data!r} is no range", "write [low, high], both included")
        return float(data[0]), float(data[1])

    def _value(self, place: Place, attribute: str, data: Any) -> str:
        if isinstance(data, int) and not isinstance(data, bool):
            data = str(data)
        if not isinstance(data, str) or not data.strip():
            self._fail(place, f"{data!r} is no text", "quote the value")
        text = " ".join(data.split())
        if attribute not in self.values:
            return text
        known = self.values[attribute]
        spellings = dict(known) if isinstance(known, Mapping) else {one: one for one in known}
        if text in spellings:
            return spellings[text]
        folded = {one.casefold(): shown for one, shown in reversed(spellings.items())}
        if text.casefold() not in folded:
            shown = dict.fromkeys(spellings.values())
            self._fail(place, f"no {attribute} is {text!r}", closest(text, shown))
        return folded[text.casefold()]

    def _refuse_overlap(
        self, place: Place, cells: Sequence[Cell], people: Sequence[Person] | None
    ) -> None:
        remedy = f"change one of them, or delete {DISJOINT}: true"
        for i, j in combinations(range(len(cells)), 2):
            if not may_overlap(cells[i], cells[j]):
                continue
            both = f"the cells {cells[i].name!r} and {cells[j].name!r}"
            if people is None:
                self._fail((*place, j), f"{both} do not exclude each other", remedy)
            shared = sum(cells[i].holds(p) and cells[j].holds(p) for p in people)
            if shared:
                who = "one person" if shared == 1 else f"{shared} people"
                self._fail((*place, j), f"{both} share {who}", remedy)

    def _keys(self, place: Place, data: Any, needed: Sequence[str], allowed: Sequence[str]) -> None:
        keys = [*needed, *allowed]
        if not isinstance(data, dict):
            self._fail(place, f"{data!r} is no object", f"give it the keys {', '.join(keys)}")
        for key in data:
            if key not in keys:
                hint = closest(str(key), keys)
                self._fail((*place, str(key)), f"unknown key {key!r}", hint)
        for key in needed:
            if key not in data:
                self._fail(place, f"the key {key!r} is missing", "add it")

    def _fail(self, place: Place, problem: str, remedy: str) -> NoReturn:
        raise self.document.error(place, problem, remedy)
