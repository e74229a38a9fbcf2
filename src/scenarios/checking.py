"""What a scenario file must be beyond its form: complete, consistent, and silent about roles."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pluralens._yaml_documents import YamlFile
from pluralens.errors import InputError
from pluralens.scenarios.relationship import VIEWS
from pluralens.scenarios.schema import FactorSpec, ScenarioSpec, TellingSpec
from pluralens.scenarios.texts import numbers_in, placeholders, role_word

__all__ = ["Checker"]

Place = tuple[str | int, ...]
NEUTRAL = "neutral"


class Checker:
    """Checks a file of the right form; every error names the place in it.

    Args:
        yaml: The file.
        spec: What it declares.
    """

    def __init__(self, yaml: YamlFile, spec: ScenarioSpec) -> None:
        self.yaml = yaml
        self.spec = spec
        self.perspectives = [*spec.parties, NEUTRAL]
        self.declared: dict[str, Place] = {}

    def check(self) -> None:
        """Check everything.

        Raises:
            InputError: For the first thing that is wrong.
        """
        self._languages()
        self._parties()
        self._axis()
        self._facts()
        for name, factor in self.spec.factors.items():
            self._factor(("factors", name), name, factor)
        self._views()
        self._background()
        self._perspectives()

    def _languages(self) -> None:
        seen = self.spec.languages
        for i, language in enumerate(seen):
            if language in seen[:i]:
                raise self._error(("languages", i), f"{language!r} stands here twice", "delete one")
        self._complete(("label",), self.spec.label)

    def _parties(self) -> None:
        for name, party in self.spec.parties.items():
            place: Place = ("parties", name)
            if name == NEUTRAL:
                raise self._error(place, "this is the name of nobody's side", "rename the party")
            for key in ("noun", "outcome", "role_words"):
                self._complete((*place, key), getattr(party, key))
            for language, words in party.role_words.items():
                here = (*place, "role_words", language)
                if not words:
                    raise self._error(here, "there are no role words", "list at least the noun")
                if role_word(party.noun[language], words) is None:
                    raise self._error(
                        here, f"{party.noun[language]!r} is not a role word", "add the noun"
                    )

    def _axis(self) -> None:
        for name in self.spec.axis:
            self._known(("axis", name), "party", name, list(self.spec.parties))
        if sorted(self.spec.axis.values()) != [-1, 1]:
            raise self._error(
                ("axis",),
                f"the parties stand at {', '.join(map(str, self.spec.axis.values())) or 'nothing'}",
                f"give one of {', '.join(self.spec.parties)} 1 and the other -1",
            )

    def _facts(self) -> None:
        for name, fact in self.spec.facts.items():
            place: Place = ("facts", name)
            if isinstance(fact, dict):
                self._complete(place, fact)
                for language, text in fact.items():
                    if not isinstance(text, str) or not text.strip():
                        raise self._error((*place, language), "this is no text", "quote a text")
                    self._plain((*place, language), text)
            elif isinstance(fact, bool) or not isinstance(fact, int):
                raise self._error(
                    place, f"{fact!r} is no fact", "write a whole number or a text per language"
                )
            self._declare(place, name)

    def _factor(self, place: Place, name: str, factor: FactorSpec) -> None:
        self._complete((*place, "label"), factor.label)
        first_name, first = next(iter(factor.levels.items()))
        if not first.numbers and not first.wording:
            raise self._error(
                (*place, "levels", first_name), "the level says nothing", "add numbers or wording"
            )
        for number in first.numbers:
            self._declare((*place, "levels", first_name, "numbers", number), number)
        if first.wording:
            self._declare(place, name)
        said: dict[Any, str] = {}
        for level_name, level in factor.levels.items():
            here: Place = (*place, "levels", level_name)
            self._complete((*here, "label"), level.label)
            if set(level.numbers) != set(first.numbers):
                raise self._error(
                    (*here, "numbers"),
                    f"the numbers are {_listed(level.numbers)}",
                    f"give the level the numbers of {first_name!r}: {_listed(first.numbers)}",
                )
            if bool(level.wording) != bool(first.wording):
                raise self._error(
                    here,
                    f"only one of {first_name!r} and {level_name!r} has a wording",
                    "word every level of the factor, or none",
                )
            if level.wording:
                self._wording((*here, "wording"), level.wording)
            for perspective in self.perspectives:
                for language in self.spec.languages:
                    text = level.wording.get(language, {}).get(perspective)
                    key = (perspective, language, text, *sorted(level.numbers.items()))
                    if said.setdefault(key, level_name) != level_name:
                        raise self._error(
                            here,
                            f"the level says the same as {said[key]!r}",
                            "delete the duplicate or word it differently",
                        )

    def _wording(self, place: Place, wording: Mapping[str, Mapping[str, str]]) -> None:
        """Sentences of one level: complete, without placeholders, the same numbers everywhere."""
        self._complete(place, wording)
        numbers = None
        for language in self.spec.languages:
            self._complete((*place, language), wording[language], self.perspectives, "perspective")
            for perspective in self.perspectives:
                here = (*place, language, perspective)
                text = wording[language][perspective]
                self._plain(here, text)
                self._roles(here, text, perspective, language)
                found = numbers_in(text)
                if numbers is not None and found != numbers:
                    raise self._error(
                        here,
                        f"the facts differ between perspectives: {_listed(found)} here, "
                        f"{_listed(numbers)} elsewhere",
                        "use the same numbers in every wording of the level",
                    )
                numbers = found

    def _views(self) -> None:
        self._complete(("views",), self.spec.views, list(self.spec.parties), "party")
        factors = list(self.spec.views.values())
        for party, factor in self.spec.views.items():
            place: Place = ("views", party)
            self._known(place, "factor", factor, list(self.spec.factors))
            if factors.count(factor) > 1:
                raise self._error(place, "both parties have the same view", "name two factors")
            for level in self.spec.factors[factor].levels:
                self._known(("factors", factor, "levels", level), "view", level, VIEWS)

    def _background(self) -> None:
        self._complete(("background",), self.spec.background)
        for language, entries in self.spec.background.items():
            together = " ".join(entries.values())
            for key, text in entries.items():
                self._template(("background", language, key), text)
            self._same_facts(("background", language), together)
        self._complete(("case",), self.spec.case)
        for language, text in self.spec.case.items():
            self._template(("case", language), text)
            self._same_facts(("case", language), text)
            if "?" in text:
                raise self._error(
                    ("case", language), "the case asks a question", "tell the facts alone"
                )

    def _perspectives(self) -> None:
        self._complete(("perspectives",), self.spec.perspectives, self.perspectives, "perspective")
        for perspective, tellings in self.spec.perspectives.items():
            self._complete(("perspectives", perspective), tellings)
            for language, telling in tellings.items():
                self._telling(perspective, language, telling)

    def _telling(self, perspective: str, language: str, telling: TellingSpec) -> None:
        place: Place = ("perspectives", perspective, language)
        self._plain((*place, "challenge"), telling.challenge)
        self._no_numbers((*place, "challenge"), telling.challenge)
        self._roles((*place, "challenge"), telling.challenge, perspective, language)
        if len(telling.texts) != len(self.spec.paraphrases):
            raise self._error(
                (*place, "texts"),
                f"{len(telling.texts)} texts for {len(self.spec.paraphrases)} paraphrases",
                "write one per entry of `paraphrases`, in every perspective and language",
            )
        for i, texts in enumerate(telling.texts):
            for affect in ("plain", "emotional"):
                here = (*place, "texts", i, affect)
                text = getattr(texts, affect)
                self._template(here, text)
                self._roles(here, text, perspective, language)
                self._same_facts(here, text)

    def _declare(self, place: Place, name: str) -> None:
        if name in self.declared:
            where = ".".join(map(str, self.declared[name]))
            raise self._error(place, f"{name!r} is declared at {where} already", "rename one")
        self.declared[name] = place

    def _template(self, place: Place, text: str) -> None:
        """Placeholders that exist, and no number written out."""
        for name in self._placeholders(place, text):
            self._known(place, "placeholder", name, list(self.declared))
        self._no_numbers(place, text)

    def _no_numbers(self, place: Place, text: str) -> None:
        if found := numbers_in(text):
            raise self._error(
                place,
                f"the number {min(found)} is written out",
                "declare a fact and use {its_name}",
            )

    def _same_facts(self, place: Place, text: str) -> None:
        missing = [name for name in self.declared if name not in placeholders(text)]
        if missing:
            raise self._error(
                place,
                f"the facts differ: {{{missing[0]}}} is not used here",
                "use every fact, number and worded factor in every text",
            )

    def _plain(self, place: Place, text: str) -> None:
        if names := self._placeholders(place, text):
            raise self._error(place, f"{{{names[0]}}} is not filled in here", "write it out")

    def _placeholders(self, place: Place, text: str) -> list[str]:
        try:
            return placeholders(text)
        except ValueError as error:
            problem, _, remedy = str(error).partition("; ")
            raise self._error(place, problem, remedy) from None

    def _roles(self, place: Place, text: str, perspective: str, language: str) -> None:
        if perspective == NEUTRAL:
            return
        for party in self.spec.parties.values():
            if (word := role_word(text, party.role_words[language])) is not None:
                raise self._error(
                    place,
                    f"the role word {word!r} declares who asks",
                    "let the role follow from what is told, or correct role_words",
                )

    def _complete(
        self,
        place: Place,
        found: Mapping[str, Any],
        wanted: Sequence[str] | None = None,
        kind: str = "language",
    ) -> None:
        """Require exactly the wanted keys; by default the languages of the file."""
        wanted = self.spec.languages if wanted is None else wanted
        for key in wanted:
            if key not in found:
                raise self._error(place, f"the {kind} {key!r} is missing", f"add `{key}: ...`")
        for key in found:
            self._known((*place, key), kind, key, wanted)

    def _known(self, place: Place, kind: str, name: str, known: Sequence[str]) -> None:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            remedy = f"the closest is {close[0]!r}" if close else f"use one of {_listed(known)}"
            raise self._error(place, f"there is no {kind} {name!r}", remedy)

    def _error(self, place: Place, problem: str, remedy: str) -> InputError:
        return self.yaml.error(place, problem, remedy)


def _listed(names: Collection[str]) -> str:
    return ", ".join(names) or "none"
