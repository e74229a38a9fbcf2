"""`population.yaml` checked on its own: form, names, labels, order of the attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pluralens._yaml_documents import Folder, YamlFile
from pluralens.errors import InputError
from pluralens.personas.schema import AttributeSpec, DerivedSpec, Labels, PopulationSpec

__all__ = ["Manifest", "Place", "read_manifest"]

MANIFEST = "population.yaml"
# Keys and positions on the way to a node of the file.
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Manifest:
    """The declarations of a population, with the file they stand in."""

    yaml: YamlFile
    spec: PopulationSpec

    @property
    def languages(self) -> list[str]:
        """Languages that every label must have."""
        return self.spec.languages

    def unknown(self, place: Place, kind: str, name: str, known: Sequence[str]) -> InputError:
        """The error for a name that is not declared; it names the closest that is."""
        close = get_close_matches(name, known, n=1)
        remedy = f"the closest is {close[0]!r}" if close else f"use one of {', '.join(known[:12])}"
        return self.yaml.error(place, f"there is no {kind} {name!r}", remedy)

    def two_parts(self, place: Place, error: ValueError) -> InputError:
        """The error for `problem; remedy` from a function that knows no place."""
        problem, _, remedy = str(error).partition("; ")
        return self.yaml.error(place, problem, remedy)

    def check_labels(self, place: Place, labels: Labels) -> None:
        """Require a label per language and no other.

        Raises:
            InputError: Naming the language.
        """
        for language in self.languages:
            if language not in labels:
                raise self.yaml.error(
                    place, f"the label in {language!r} is missing", f"add `{language}: ...`"
                )
        for language in labels:
            if language not in self.languages:
                raise self.yaml.error(
                    (*place, language), f"{language!r} is not in languages", "declare it or delete"
                )


def read_manifest(folder: Folder) -> Manifest:
    """Read and check the manifest of a population.

    Raises:
        InputError: It is missing, not YAML, or of the wrong form; a name is declared twice, a
            label is missing, a parent is unknown, part of a cycle, or drawn too late.
    """
    yaml = folder.read_yaml(MANIFEST)
    spec = yaml.checked(PopulationSpec, "see pluralens.personas.schema for what belongs here")
    manifest = Manifest(yaml, spec)
    manifest.check_labels(("title",), spec.title)
    _check_names(manifest)
    _check_order(manifest)
    return manifest


def _check_names(manifest: Manifest) -> None:
    spec = manifest.spec
    declared: list[tuple[Place, AttributeSpec | DerivedSpec]] = [
        *((("attributes", i), a) for i, a in enumerate(spec.attributes)),
        *((("derived", i), d) for i, d in enumerate(spec.derived)),
    ]
    seen: set[str] = set()
    for place, one in declared:
        if one.name in seen:
            raise manifest.yaml.error(
                (*place, "name"), f"{one.name!r} is declared twice", "rename one of the two"
            )
        seen.add(one.name)
        manifest.check_labels((*place, "label"), one.label)


def _check_order(manifest: Manifest) -> None:
    parents = {a.name: list(a.parents) for a in manifest.spec.attributes}
    names = list(parents)
    for i, name in enumerate(names):
        for parent in parents[name]:
            place = ("attributes", i, "parents", parent)
            if parent not in parents:
                raise manifest.unknown(place, "attribute", parent, names)
            if way := _way(parents, parent, name):
                raise manifest.yaml.error(
                    place, f"cycle: {' -> '.join([name, *way])}", "drop one of these parents"
                )
            if names.index(parent) > i:
                raise manifest.yaml.error(
                    place,
                    f"{parent!r} is drawn after {name!r}",
                    "list attributes after their parents",
                )


def _way(parents: Mapping[str, Sequence[str]], start: str, goal: str) -> list[str]:
    """Attributes from `start` to `goal` along parents; empty when there is no way."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop()
        if way[-1] == goal:
            return way
        for parent in parents.get(way[-1], ()):
            if parent not in seen:
                seen.add(parent)
                ways.append([*way, parent])
    return []
