"""The wording of the enrichment task: the one place where these prompts are made."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.scorers.enrichment_parsing import LIMITS, ParsedTexts

__all__ = ["EnrichmentWording", "enrichment_wording"]


@dataclass(frozen=True)
class EnrichmentWording:
    """How a persona's texts are asked for in one language.

    Attributes:
        system: System message.
        task: What to write.
        rules: One line per text, with its limit.
        instruction: The answer form.
        reask_template: Template with `reason` and `instruction`.
        reasons: Reason of an invalid reply -> its wording.
        digest: Hash of the file, 32 hexadecimal digits: texts of one run have one wording.
    """

    system: str
    task: str
    rules: tuple[str, ...]
    instruction: str
    reask_template: str
    reasons: Mapping[str, str]
    digest: str

    def ask(self, description: str) -> str:
        """The user message: persona, task, limits, answer form."""
        lines = "\n".join(f"- {rule}" for rule in self.rules)
        return "\n\n".join([description, self.task, lines, self.instruction])

    def reask(self, parsed: ParsedTexts) -> str:
        """The user message after an invalid reply.

        Raises:
            ValueError: The reply is valid.
        """
        if parsed.reason is None:
            raise ValueError("a valid reply is not asked again")
        reason = self.reasons[parsed.reason].format(
            key=parsed.key, length=parsed.length, limit=LIMITS.get(parsed.key or "")
        )
        return self.reask_template.format(reason=reason, instruction=self.instruction)


@cache
def _languages() -> tuple[str, ...]:
    found = (file.name.split(".") for file in data_file("templates").iterdir())
    return tuple(sorted(parts[1] for parts in found if parts[0] == "enrichment"))


def enrichment_wording(language: str) -> EnrichmentWording:
    """Load the wording.

    Args:
        language: `de` or `en`.

    Raises:
        InputError: There is none in that language.
    """
    # Checked here and not in the cached part, which fails on a list.
    if language not in _languages():
        raise InputError(
            f"language={language!r} is unknown; choose one of {', '.join(_languages())}"
        )
    return _wording(language)


@cache
def _wording(language: str) -> EnrichmentWording:
    import yaml

    text = data_file("templates", f"enrichment.{language}.yaml").read_text(encoding="utf-8")
    wording = yaml.safe_load(text)
    return EnrichmentWording(
        system=wording["system"].strip(),
        task=wording["task"],
        rules=tuple(wording["texts"][key].format(limit=LIMITS[key]) for key in LIMITS),
        instruction=wording["instruction"],
        reask_template=wording["reask"],
        reasons=wording["reasons"],
        digest=hashlib.sha256(text.encode()).hexdigest()[:32],
    )
