"""A person as a source gives one: attributes as texts, whatever population or file they are of."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["Person", "describe", "label_of"]


@dataclass(frozen=True)
class Person:
    """A person.

    Attributes:
        id: Key, unlike that of all other people of the source.
        attributes: Read-only; name -> text as shown, in the source's order. What is not known, or
            does not apply, is absent: no text is empty.
        numbers: Read-only; the values of numeric attributes, for ranges and groups.
    """

    id: str
    attributes: Mapping[str, str] = field(hash=False)
    numbers: Mapping[str, float] = field(hash=False, default_factory=dict)

    def __post_init__(self) -> None:
        for name, text in self.attributes.items():
            # A line break would let the rest of a value pass for an attribute of its own.
            if not text or " ".join(text.split()) != text:
                raise ValueError(
                    f"person {self.id}: {name}={text!r} is empty or not one plain line"
                )
        if missing := set(self.numbers) - set(self.attributes):
            raise ValueError(f"person {self.id}: numbers without a text: {sorted(missing)}")
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))
        object.__setattr__(self, "numbers", MappingProxyType(dict(self.numbers)))

    def __reduce__(self) -> tuple[type["Person"], tuple[str, dict[str, str], dict[str, float]]]:
        # The read-only views cannot be pickled or copied by themselves.
        return Person, (self.id, dict(self.attributes), dict(self.numbers))


def label_of(attribute: str) -> str:
    """What an attribute is called where people read it: `household_language` -> its words."""
    words = attribute.replace("_", " ")
    return words[:1].upper() + words[1:]


def describe(person: Person, shown: Collection[str] | None = None) -> str:
    """A person in words: the one place where a person becomes text.

    Args:
        person: The person.
        shown: Names of the attributes to show; default all. The order is the person's.

    Returns:
        One line `label: value` per attribute; empty if nothing is shown.
    """
    return "\n".join(
        f"{label_of(name)}: {text}"
        for name, text in person.attributes.items()
        if shown is None or name in shown
    )
