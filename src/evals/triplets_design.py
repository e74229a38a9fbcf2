"""What a study of triplets asks: conflicts, wordings and which cells, checked before any call."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pluralens._option_values import names, whole
from pluralens.errors import InputError
from pluralens.scenarios.balance import balanced_triplets
from pluralens.scenarios.prompts import Prompt, prompts
from pluralens.scenarios.scenario import Scenario, load_scenario, scenario_ids
from pluralens.stats.triplet_columns import check_factor_names

__all__ = ["TripletDesign"]

ALL = "all"


@dataclass(frozen=True)
class TripletDesign:
    """The prompts of a study and where they come from.

    Attributes:
        scenarios: The conflicts, in the order in which they were named.
        prompts: Scenario after scenario, language after language; the perspectives of a cell stand
            together.
    """

    scenarios: tuple[Scenario, ...]
    prompts: tuple[Prompt, ...]

    @classmethod
    def checked(
        cls,
        *,
        scenario: Any = "rent",
        triplets: Any = None,
        language: Any = "de",
        paraphrase: Any = ALL,
        affect: Any = "plain",
        context: Any = "none",
        seed: Any = 0,
    ) -> "TripletDesign":
        """Read the options as a command line or Python hands them over.

        Args:
            scenario: Ids or files, separated by commas, or `all` that come with the package.
            triplets: Number of whole triplets, balanced over the levels of factors; None for all.
            language: Languages, separated by commas, or `all` that a scenario has.
            paraphrase: Number of a paraphrase, or `all`.
            affect: `plain` or `emotional`.
            context: `none`, `system` or `inline`.
            seed: Of the choice of triplets.

        Raises:
            InputError: An option is wrong; one line that names it.
        """
        whole("seed", seed, 0)
        chosen = _scenarios(scenario)
        number = None if paraphrase == ALL else _paraphrase(paraphrase)
        asked = [
            prompt
            for one in chosen
            for code in _languages(language, one)
            for prompt in prompts(
                one,
                language=code,
                paraphrase=number,
                affect=_word("affect", affect),
                context=_word("context", context),
            )
        ]
        if triplets is not None:
            factors = {prompt.triplet: prompt.factors for prompt in asked}
            whole("triplets", triplets, 1, len(factors))
            kept = set(balanced_triplets(list(factors), factors, triplets, seed))
            asked = [prompt for prompt in asked if prompt.triplet in kept]
        return cls(tuple(chosen), tuple(asked))

    @property
    def languages(self) -> list[str]:
        """Languages of the prompts."""
        return list(dict.fromkeys(prompt.language for prompt in self.prompts))


def _scenarios(given: Any) -> list[Scenario]:
    if isinstance(given, Path):
        given = [str(given)]
    if given == ALL:
        given = list(scenario_ids())
    wanted: Sequence[str] | None = names("scenario", given)
    if wanted is None:
        raise InputError(
            f"scenario={given!r} names nothing; choose from {', '.join(scenario_ids())}, a YAML "
            "file, or all"
        )
    if ALL in wanted:
        raise InputError("scenario: `all` holds every other id; name it alone")
    found: list[Scenario] = []
    for source in wanted:
        one = load_scenario(source)
        if one.id in [other.id for other in found]:
            raise InputError(
                f"scenario: {source!r} is a second scenario {one.id!r}; rename one of the two"
            )
        check_factor_names(list(one.factors), f"scenario {one.id}")
        found.append(one)
    return found


def _languages(given: Any, scenario: Scenario) -> tuple[str, ...]:
    if given == ALL:
        return scenario.languages
    wanted = names("language", given)
    if wanted is None:
        raise InputError(
            f"language={given!r} names nothing; choose from {', '.join(scenario.languages)}, or all"
        )
    for code in wanted:
        if code not in scenario.languages:
            raise InputError(
                f"language={code!r} is unknown to scenario {scenario.id}; choose from "
                f"{', '.join(scenario.languages)}, or all"
            )
    return wanted


def _paraphrase(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise InputError(f"paraphrase={given!r} must be `all` or a number: 0, 1, 2 ...")
    return given


def _word(option: str, given: Any) -> str:
    if not isinstance(given, str):
        raise InputError(f"{option}={given!r} must be one word")
    return given
