"""A folder of YAML documents and the tables that belong to them, with the places that errors name.

Populations, scenarios and rosters are read with it. Unlike `pluralens._strict_csv`, whose tables
have a fixed header, the columns here follow from the YAML document beside them (`population.yaml`),
and a cell may be empty where the column allows it.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, TypeVar

from pluralens.errors import InputError

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["CsvFile", "CsvRow", "Folder", "YamlFile"]

# What a cell can be separated by where a comma was meant.
OTHER_DELIMITERS = (";", "\t", "|")
# Levels of lists and mappings; what walks through a document does so by recursion.
DEEPEST = 50
Form = TypeVar("Form", bound="BaseModel")


@dataclass(frozen=True)
class CsvRow:
    """One data row: its line in the file and its stripped cells by column."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class CsvFile:
    """A table with its header; lines that start with `#` are comments, but counted."""

    name: str
    header: tuple[str, ...]
    header_line: int
    rows: tuple[CsvRow, ...]

    def error(self, line: int, column: str, problem: str, remedy: str) -> InputError:
        """The error for a cell."""
        return InputError(f"{self.name}, line {line}, column {column}: {problem}; {remedy}")

    def require(self, *columns: str) -> None:
        """Refuse a header without one of the columns."""
        for column in columns:
            if column not in self.header:
                raise self.error(
                    self.header_line,
                    column,
                    "the column is missing",
                    f"add it to the header ({','.join(self.header)})",
                )


@dataclass(frozen=True)
class YamlFile:
    """A YAML file: its text for the places of errors, and its data."""

    name: str
    text: str
    data: Any

    def error(self, path: Sequence[str | int], problem: str, remedy: str) -> InputError:
        """The error for the node at `path`, or for its deepest ancestor that exists."""
        import yaml

        node = yaml.compose(self.text, Loader=yaml.SafeLoader)
        mark = node.start_mark if node is not None else None
        for step in path:
            if isinstance(node, yaml.MappingNode):
                found = [(k, v) for k, v in node.value if k.value == str(step)]
                if not found:
                    break
                mark, node = found[0][0].start_mark, found[0][1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                if step >= len(node.value):
                    break
                node = node.value[step]
                mark = node.start_mark
            else:
                break
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        where = ".".join(str(step) for step in path)
        return InputError(
            f"{self.name}, line {line}, column {column}{f' ({where})' if where else ''}: "
            f"{problem}; {remedy}"
        )

    def checked(self, form: "type[Form]", remedy: str) -> "Form":
        """The data in a form that pydantic checks.

        Raises:
            InputError: For the first thing that is wrong; `remedy` says what to do.
        """
        from pydantic import ValidationError

        try:
            return form.model_validate(self.data)
        except ValidationError as error:
            first: Any = error.errors(include_url=False)[0]
            # pydantic marks a wrong key of a mapping with a step that the file does not have.
            place = tuple(step for step in first["loc"] if step != "[key]")
            raise self.error(place, str(first["msg"]), remedy) from None


class Folder:
    """A folder of documents; remembers what was read, for the digest.

    Args:
        root: The folder.
        name: How errors call it.
    """

    def __init__(self, root: Traversable, name: str) -> None:
        self.root = root
        self.name = name
        self._texts: dict[str, str] = {}

    def read_yaml(self, file_name: str) -> YamlFile:
        """Read a YAML file.

        Raises:
            InputError: The file is missing, not UTF-8, not YAML, repeats a key, or is nested too
                deeply.
        """
        import yaml

        class UniqueKeys(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
            """YAML itself lets a repeated key silently replace the first."""

        def mapping(loader: Any, node: Any) -> dict[Any, Any]:
            loader.flatten_mapping(node)
            seen: dict[Any, Any] = {}
            for key_node, value_node in node.value:
                key = loader.construct_object(key_node, deep=True)
                if not isinstance(key, (str, int, float, bool)):
                    raise yaml.constructor.ConstructorError(
                        None, None, "a key is not plain text", key_node.start_mark
                    )
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key!r} stands here twice", key_node.start_mark
                    )
                seen[key] = loader.construct_object(value_node, deep=True)
            return seen

        UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
        text = self._text(file_name)
        place = f"{self.name}/{file_name}"
        deep = InputError(
            f"{place}: lists or mappings stand in one another too deeply; remove the brackets or "
            "indentation that are not meant"
        )
        try:
            # libyaml composes by recursion in C, where too many levels end the process; its events
            # come one by one.
            if _nests_deeply(yaml.parse(text, Loader=UniqueKeys)):
                raise deep
            # A subclass of the safe loader: it constructs plain data only.
            data = yaml.load(text, Loader=UniqueKeys)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
            raise InputError(
                f"{place}{where}: not valid YAML ({error.problem}); "
                "check the indentation, colons, brackets and quotes there"
            ) from None
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{place}: not valid YAML ({reason}); remove what is not text"
            ) from None
        if _is_deep(data):
            raise deep
        return YamlFile(place, text, data)

    def read_csv(self, file_name: str) -> CsvFile:
        """Read a table.

        Raises:
            InputError: The file is missing, not UTF-8 or without a header, a column has no name or
                the name of another, or a row has more or fewer cells than the header.
        """
        place = f"{self.name}/{file_name}"
        lines = [
            (number, line)
            for number, line in enumerate(self._text(file_name).split("\n"), start=1)
            if line.strip() and not line.startswith("#")
        ]
        if not lines:
            raise InputError(f"{place}, line 1: the table is empty; give it a header and rows")
        header_line, first = lines[0]
        header = tuple(_cells(place, header_line, first))
        table = CsvFile(place, header, header_line, ())
        for position, column in enumerate(header, start=1):
            if not column:
                raise table.error(header_line, str(position), "no name", "name the column")
            if header.index(column) != position - 1:
                raise table.error(header_line, column, "the column occurs twice", "delete one")
        rows = []
        for number, line in lines[1:]:
            cells = _cells(place, number, line)
            if len(cells) != len(header):
                few = len(cells) < len(header)
                raise table.error(
                    number,
                    header[len(cells)] if few else str(len(header) + 1),
                    f"{len(cells)} cells for {len(header)} columns",
                    "fill in every column" if few else "quote cells that contain a comma",
                )
            rows.append(CsvRow(number, dict(zip(header, cells, strict=True))))
        return CsvFile(place, header, header_line, tuple(rows))

    def digest(self) -> str:
        """Hash of all files read so far, 32 hexadecimal digits; line ends do not count."""
        total = blake2b(digest_size=16, person=b"pluralens.folder")
        for name in sorted(self._texts):
            for part in (name, self._texts[name]):
                data = part.encode()
                total.update(len(data).to_bytes(8, "big") + data)
        return total.hexdigest()

    def _text(self, file_name: str) -> str:
        place = f"{self.name}/{file_name}"
        try:
            raw = self.root.joinpath(file_name).read_bytes()
        except FileNotFoundError:
            raise InputError(
                f"{place}: there is no such file; add it or correct its name in population.yaml"
            ) from None
        except OSError as error:
            raise InputError(
                f"{place}: the file cannot be read ({error.strerror}); check what it is"
            ) from None
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise InputError(
                f"{place}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; save as UTF-8"
            ) from None
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        self._texts[file_name] = text
        return text


def _nests_deeply(events: Iterable[Any]) -> bool:
    """Whether more lists and mappings than `DEEPEST` are open at once."""
    import yaml

    level = 0
    for event in events:
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        if level > DEEPEST:
            return True
    return False


def _is_deep(data: Any) -> bool:
    """Whether aliases make more levels than `DEEPEST`; one of what it stands in has no end."""
    level: list[Any] = [data]
    for _ in range(DEEPEST):
        nested = [one for one in level if isinstance(one, (dict, list))]
        children = (c for one in nested for c in (one.values() if isinstance(one, dict) else one))
        # Once each: aliases of aliases would double with every level.
        level = list({id(child): child for child in children}.values())
    return any(isinstance(one, (dict, list)) for one in level)


def _cells(place: str, number: int, line: str) -> list[str]:
    try:
        cells = [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error:
        raise InputError(
            f"{place}, line {number}: a quotation mark is not closed or stands inside a cell; "
            "quote whole cells, within one line"
        ) from None
    if len(cells) == 1 and any(delimiter in line for delimiter in OTHER_DELIMITERS):
        raise InputError(f"{place}, line {number}: the cells are not separated; use commas")
    return cells
