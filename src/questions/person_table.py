"""People out of the rows of a table."""

from collections.abc import Collection, Iterable, Sequence

from pluralens.errors import InputError
from pluralens.questions.cells import NUMBER
from pluralens.questions.listed_people import ListedPeople
from pluralens.questions.person import Person
from pluralens.questions.records import Records, content_digest

__all__ = ["people_digest", "people_of"]

# The columns that can hold the key; everything else is an attribute.
KEYS = ("id", "persona_id")


def people_of(records: Records) -> ListedPeople:
    """The people of a table: every column but `id` or `persona_id` is an attribute.

    An attribute is numeric if every cell of it that is not empty is a number.

    Raises:
        InputError: There is no attribute, both columns of ids, a wrong id, or a row without any
            attribute.
    """
    keys = [name for name in KEYS if name in records.columns]
    if len(keys) > 1:
        raise InputError(
            f"{records.source}: the columns {' and '.join(keys)} are both keys; drop one"
        )
    attributes = [name for name in records.columns if name not in KEYS]
    if not attributes:
        raise InputError(f"{records.source}: people have no attributes; give each a column")
    filled = [name for name in attributes if any(row[name] for row in records.rows)]
    numeric = frozenset(name for name in filled if _all_numbers(r[name] for r in records.rows))
    people = []
    for i, (key, row) in enumerate(zip(_ids(records, keys, attributes), records.rows, strict=True)):
        known = {name: row[name] for name in attributes if row[name]}
        if not known:
            raise records.error(i, attributes[0], "the person has no attributes", "delete the row")
        numbers = {name: float(text) for name, text in known.items() if name in numeric}
        people.append(Person(key, known, numbers))
    return ListedPeople(records.source, people, attributes, numeric)


def people_digest(people: Sequence[Person]) -> str:
    """Hash of everything about the people, 32 hexadecimal digits; their order does not count."""
    return content_digest(sorted([p.id, *map(list, p.attributes.items())] for p in people))


def _ids(records: Records, keys: Collection[str], attributes: Sequence[str]) -> list[str]:
    renamed = tuple("id" if name in keys else name for name in records.columns)
    rows = tuple(
        {"id" if name in keys else name: text for name, text in row.items()} for row in records.rows
    )
    return Records(records.source, renamed, rows, records.places).ids("p", sorted(attributes))


def _all_numbers(cells: Iterable[str]) -> bool:
    return all(NUMBER.fullmatch(cell) for cell in cells if cell)
