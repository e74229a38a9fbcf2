"""The values of an attribute and their labels, from the manifest or from a file of values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pluralens._yaml_documents import CsvFile, Folder
from pluralens.personas.manifest import Manifest, Place
from pluralens.personas.schema import IntegerRange, Labels

__all__ = ["ValueList", "integer_values", "read_values"]


@dataclass(frozen=True)
class ValueList:
    """Values in their declared order.

    Attributes:
        values: Whole numbers or strings.
        labels: Language -> labels in the order of `values`.
        file: Where the values stand, if in a file of their own; one row per value.
    """

    values: tuple[str | int, ...]
    labels: Mapping[str, tuple[str, ...]]
    file: CsvFile | None = None

    @property
    def names(self) -> list[str]:
        """The values as text."""
        return [str(value) for value in self.values]


def integer_values(manifest: Manifest, place: Place, spec: IntegerRange) -> ValueList:
    """Whole numbers, labelled by themselves unless they have a label of their own.

    Raises:
        InputError: The range is empty, or a label is incomplete or outside it.
    """
    numbers = range(spec.first, spec.stop)
    if not numbers:
        raise manifest.yaml.error(place, "the range is empty", "let `to` be above `from`")
    for number, labels in spec.labels.items():
        manifest.check_labels((*place, "labels", number), labels)
        if number not in numbers:
            raise manifest.yaml.error(
                (*place, "labels", number), f"{number} is outside the range", "delete the label"
            )
    return ValueList(
        tuple(numbers),
        {
            language: tuple(
                spec.labels[n][language] if n in spec.labels else str(n) for n in numbers
            )
            for language in manifest.languages
        },
    )


def read_values(
    manifest: Manifest, folder: Folder, place: Place, inline: dict[str, Labels] | None, file: str
) -> ValueList:
    """Values from the manifest, or from a file with the columns `value` and `label_<language>`.

    Args:
        manifest: The manifest.
        folder: Where the file is.
        place: Where the attribute stands in the manifest.
        inline: Value -> labels, if they stand in the manifest.
        file: Name of the file if they do not.

    Raises:
        InputError: A value or label is missing, or two are the same.
    """
    if inline is None:
        return _from_file(manifest, folder.read_csv(file))
    if not inline:
        raise manifest.yaml.error((*place, "values"), "there are no values", "add some")
    for value, labels in inline.items():
        manifest.check_labels((*place, "values", value), labels)
    listed = {
        language: tuple(labels[language] for labels in inline.values())
        for language in manifest.languages
    }
    for language, labels_there in listed.items():
        if (twice := _repeated(labels_there)) is not None:
            raise manifest.yaml.error(
                (*place, "values", list(inline)[twice]),
                f"two values have the {language} label {labels_there[twice]!r}",
                "make the labels differ",
            )
    return ValueList(tuple(inline), listed)


def _from_file(manifest: Manifest, table: CsvFile) -> ValueList:
    columns = {language: f"label_{language}" for language in manifest.languages}
    table.require("value", *columns.values())
    if not table.rows:
        raise table.error(table.header_line, "value", "there are no values", "add a row per value")
    for column in ("value", *columns.values()):
        _check_column(table, column)
    return ValueList(
        tuple(row.cells["value"] for row in table.rows),
        {
            language: tuple(row.cells[column] for row in table.rows)
            for language, column in columns.items()
        },
        table,
    )


def _check_column(table: CsvFile, column: str) -> None:
    for row in table.rows:
        if not row.cells[column]:
            kind = "value" if column == "value" else "label"
            raise table.error(row.line, column, f"the {kind} is missing", "fill in the cell")
    cells = [row.cells[column] for row in table.rows]
    if (twice := _repeated(cells)) is not None:
        first = table.rows[cells.index(cells[twice])].line
        raise table.error(
            table.rows[twice].line,
            column,
            f"{cells[twice]!r} stands in line {first} already",
            "make values and labels differ",
        )


def _repeated(items: Sequence[str]) -> int | None:
    """Position of the first item that occurred before."""
    seen: set[str] = set()
    for i, item in enumerate(items):
        if item in seen:
            return i
        seen.add(item)
    return None
