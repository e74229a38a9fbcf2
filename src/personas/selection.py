"""A selection: a named, immutable set of personas, with how it was made and what came out."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.personas.counterfactuals import PairLink
    from pluralens.personas.persona import Personas

__all__ = ["ID", "KINDS", "LONGEST", "Selection", "check_name"]

KINDS = ("pool", "reality", "balanced", "counterfactual", "import")
# Of personas and pairs: a hash of 8 bytes.
ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
# What a shell, a URL, a YAML reader and a file name all leave as it is.
LONGEST = 64
NAME = re.compile(rf"[A-Za-z][A-Za-z0-9._-]{{0,{LONGEST - 1}}}", re.ASCII)
# Bare words that YAML, which reads inspect's -T values, takes for something else.
YAML_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"))


def check_name(what: str, name: object) -> str:
    """The name of a selection or run, if it can be one.

    Args:
        what: What is named, for the message.
        name: The name.

    Raises:
        InputError: It is no text, too long, or has a character that a command line would not keep.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name) or name.lower() in YAML_WORDS:
        raise InputError(
            f"{what} {name!r} is no usable name; start with a letter, go on with letters, digits, "
            f"'.', '_' or '-', at most {LONGEST}, and none of YAML's words such as yes or none"
        )
    return name


@dataclass(frozen=True, eq=False)
class Selection:
    """A named set of personas.

    Attributes:
        name: Its name, unique in a store.
        kind: One of `KINDS`.
        personas: The base personas, in their order, shape (n,).
        seed: Of everything random; None where nothing was.
        parameters: What it was made with; JSON values only.
        report: What came out: balance, skipped pairs; JSON values only.
        parent: Name of the selection it was made from, if any.
        source: Id or absolute folder of the population.
        twins: Counterfactual twins in the order of `links`, shape (m,); None without pairs.
        links: How each twin differs from its base, base by base.
        created: When it was stored; None before.
    """

    name: str
    kind: str
    personas: "Personas"
    seed: int | None
    parameters: Mapping[str, Any]
    source: str
    report: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    twins: "Personas | None" = None
    links: tuple["PairLink", ...] = ()
    created: datetime | None = None

    def __post_init__(self) -> None:
        check_name("selection", self.name)
        if self.kind not in KINDS:
            raise InputError(f"selection {self.name}: kind {self.kind!r} is none of {KINDS}")
        twins = 0 if self.twins is None else len(self.twins)
        if twins != len(self.links):
            raise ValueError(f"selection {self.name}: {twins} twins but {len(self.links)} links")

    def digest(self) -> str:
        """SHA-256 of who is in it: ids, values and links in their order, whatever its name."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        content: list[Any] = []
        for people in (self.personas, self.twins):
            if people is not None:
                content += [people.population.id, people.population.digest]
                content += [[p.persona_id, *p.attributes.values()] for p in people]
        content += [
            [k.pair_id, k.base_id, k.twin_id, k.attribute, k.from_value, k.to_value, k.forced]
            for k in self.links
        ]
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
