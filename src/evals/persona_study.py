"""What a PERSONA study asks: source, mode and protocol checked, and pairs turned into samples."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import as_file
from pathlib import Path
from typing import Any

from inspect_ai.dataset import Sample

from pluralens._option_values import names, one_path, whole
from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.questions.attribute_names import attribute_named
from pluralens.questions.intersections import Cell
from pluralens.questions.leave_one_out import FULL, NONE, Arm, arms
from pluralens.questions.pairing import DESIGNS, Pair, pair_up, questions_in_order
from pluralens.questions.person import Person, describe
from pluralens.questions.question import Question
from pluralens.questions.sources import Source, load_source
from pluralens.scorers.critique import CRITIQUE_PROTOCOLS, SEES
from pluralens.scorers.personalized_parsing import MODES

__all__ = ["BASELINE", "MOST", "PersonaStudy"]

BASELINE = "baseline"
# Pairs by default; of the crossed design questions and people.
PAIRS, CROSS = 300, (15, 20)
MOST = 10**5
# Groups that accuracy is shown for by default, as far as the source knows them.
DEFAULT_GROUPS = ("sex", "race", "age")
AGE_GROUPS = ((18, "under 18"), (30, "18-29"), (45, "30-44"), (65, "45-64"))


@dataclass(frozen=True)
class PersonaStudy:
    """What all samples of a study share.

    Attributes:
        source: Of questions and people.
        mode: How the answers are made.
        protocol: How they are judged.
        sees: Which persona the critic reads, `full` or `shown`.
        threshold: Rating from which on the protocol `rubric` accepts.
        groups: Attributes whose groups accuracy is shown for.
        seed: Of the study.
    """

    source: Source
    mode: str
    protocol: str
    sees: str
    threshold: int
    groups: tuple[str, ...]
    seed: int

    @classmethod
    def checked(
        cls,
        *,
        source: Any,
        revision: Any,
        persona_revision: Any,
        language: Any,
        mode: Any,
        protocol: Any = "debate",
        sees: Any = "full",
        threshold: Any = 4,
        groups: Any = None,
        seed: Any = 0,
    ) -> "PersonaStudy":
        """Read the options as a command line or Python hands them over.

        Raises:
            InputError: One is wrong; one line that names it.
        """
        whole("seed", seed, 0)
        _one_of("mode", mode, MODES)
        _one_of("protocol", protocol, CRITIQUE_PROTOCOLS)
        _one_of("sees", sees, SEES)
        if protocol == "pairwise" and mode == BASELINE:
            raise InputError(
                "protocol=pairwise compares an answer with the baseline's; choose another mode "
                "than baseline"
            )
        loaded = load_source(
            source, revision=revision, persona_revision=persona_revision, language=language
        )
        return cls(
            source=loaded,
            mode=mode,
            protocol=protocol,
            sees=sees,
            threshold=whole("threshold", threshold, 1, 5),
            groups=_groups(groups, loaded),
            seed=seed,
        )

    def pairs(self, design: Any, n: Any, questions: Any, personas: Any) -> tuple[Pair, ...]:
        """Which question is put to whom.

        Args:
            design: `zip` or `cross`.
            n: Number of pairs of `zip`, None for 300.
            questions: Number of different questions, None for all, or 15 of `cross`.
            personas: Number of different people, None for one per pair, or 20 of `cross`.

        Where a source has fewer than a default takes, the default is all that there are.
        """
        _one_of("design", design, DESIGNS)
        crossed = design == "cross"
        if crossed and questions is None:
            questions = min(CROSS[0], len(self.source.questions))
        asked = self._questions(questions)
        if crossed:
            if n is not None:
                raise InputError(
                    f"n={n!r}: design=cross asks every question of every person; give questions= "
                    "and personas= instead"
                )
            default = min(CROSS[1], self._there())
            people = whole("personas", default if personas is None else personas, 1, MOST)
            n = len(asked) * people
        else:
            default = min(PAIRS, len(asked) * self._there())
            n = whole("n", default if n is None else n, 1, MOST)
            default = min(n, self._there())
            people = whole("personas", default if personas is None else personas, 1, n)
        return pair_up(
            asked, self.source.people(people, self.seed), design=design, n=n, seed=self.seed
        )

    def _there(self) -> int:
        """How many people a study can have."""
        listed = self.source.pool.everybody()
        return MOST if listed is None else len(listed)

    def _questions(self, number: Any) -> tuple[Question, ...]:
        every = self.source.questions
        if number is None:
            return every
        chosen = questions_in_order(every, "study", self.seed)
        return tuple(chosen[: whole("questions", number, 1, len(every))])

    def people(self, n: int) -> tuple[Person, ...]:
        """At most n different people: as many as a source of files has."""
        return self.source.people(min(n, self._there()), self.seed)

    def cells(self, given: Any) -> tuple[Cell, ...]:
        """The cells of an intersections file, or of one that comes with the package.

        Args:
            given: Its id or path.

        Raises:
            InputError: There is no such file, or something in it is wrong.
        """
        place = one_path("intersections", given, "an id or one JSON or YAML file")
        known = intersection_ids()
        if place in known:
            with as_file(data_file("intersections", f"{place}.json")) as path:
                return self.source.read_cells(path)
        if not Path(place).suffix:
            raise InputError(
                f"intersections={place!r} is unknown; choose one of {', '.join(known)}, or name a "
                "JSON or YAML file"
            )
        return self.source.read_cells(place)

    def arms(self, pair: Pair, left_out: Sequence[str]) -> tuple[Arm, ...]:
        """What the model is shown of a pair's person in turn."""
        return arms(pair.person, left_out, self.source.attributes)

    def refuse_protocol(self, protocol: str, why: str) -> None:
        """Refuse a protocol that a task has no use for.

        Raises:
            InputError: It is the chosen one.
        """
        if self.protocol == protocol:
            others = ", ".join(one for one in CRITIQUE_PROTOCOLS if one != protocol)
            raise InputError(f"protocol={protocol} does not fit: {why}; choose of {others}")

    def sample(
        self, pair: Pair, arm: Arm | None = None, extra: Mapping[str, Any] | None = None
    ) -> Sample:
        """One answer to be asked for.

        Args:
            pair: Question and person.
            arm: Which attributes the generator is shown; default all.
            extra: More metadata.
        """
        arm = arm or Arm(FULL, tuple(pair.person.attributes))
        blind = self.mode == BASELINE
        return Sample(
            id=sample_id(pair.question.id, pair.person.id, "" if arm.name == FULL else arm.name),
            input=pair.question.text,
            metadata={
                **self._about(pair.question),
                "persona_id": pair.person.id,
                "pair": f"{pair.question.id}/{pair.person.id}",
                "arm": arm.name,
                "left_out": "" if arm.name in (FULL, NONE) else arm.name.split(":", 1)[1],
                **self._grouped(pair.person),
                **(extra or {}),
                "persona": describe(pair.person),
                "shown": "" if blind else describe(pair.person, arm.shown),
                # What an answer could quote: read off the log by whoever scores it later.
                "values": dict(pair.person.attributes),
            },
        )

    def contrast_sample(self, question: Question, first: Person, second: Person) -> Sample:
        """Two answers to one question, for two people."""
        blind = self.mode == BASELINE
        texts = {"": first, "_second": second}
        return Sample(
            id=sample_id(question.id, first.id, second.id),
            input=question.text,
            metadata={
                **self._about(question),
                "pair": f"{question.id}/{first.id}/{second.id}",
                "arm": FULL,
                **{f"persona_id{key}": one.id for key, one in texts.items()},
                **{f"persona{key}": describe(one) for key, one in texts.items()},
                **{f"shown{key}": "" if blind else describe(one) for key, one in texts.items()},
                **{f"values{key}": dict(one.attributes) for key, one in texts.items()},
            },
        )

    def _about(self, question: Question) -> dict[str, Any]:
        return {
            "question_id": question.id,
            "topic": question.topic,
            "language": question.language,
            "mode": self.mode,
            # What a critic that is asked later goes by.
            "protocol": self.protocol,
            "sees": self.sees,
            "threshold": self.threshold,
            "seed": self.seed,
        }

    def _grouped(self, person: Person) -> dict[str, str]:
        return {
            f"group_{name}": group_of(person, name)
            for name in self.groups
            if name in person.attributes
        }

    def metadata(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """What the log says of the study, beside its version."""
        about = [sample.metadata or {} for sample in samples]
        people = {one[key] for one in about for key in one if key.startswith("persona_id")}
        return {
            "source": dict(self.source.about),
            "mode": self.mode,
            "protocol": self.protocol,
            "sees": self.sees,
            "groups": list(self.groups),
            "n_questions": len({one["question_id"] for one in about}),
            "n_personas": len(people),
            "n_pairs": len({one["pair"] for one in about}),
        }


def intersection_ids() -> tuple[str, ...]:
    """Ids of the intersections that come with the package."""
    names = (file.name for file in data_file("intersections").iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def sample_id(*parts: str) -> str:
    """A stable id made of content."""
    return "-".join(part for part in parts if part)


def group_of(person: Person, attribute: str) -> str:
    """The demographic group of a person: the value, or the band of ages that it lies in."""
    if attribute not in person.numbers:
        return person.attributes[attribute]
    number = person.numbers[attribute]
    return next((label for end, label in AGE_GROUPS if number < end), "65 and over")


def _one_of(option: str, value: Any, known: Collection[str]) -> None:
    if value in known:
        return
    close = get_close_matches(str(value), list(known), n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise InputError(f"{option}={value!r} is unknown; {hint}choose one of {', '.join(known)}")


def _groups(given: Any, source: Source) -> tuple[str, ...]:
    wanted: Iterable[str] | None = names("groups", given)
    if wanted is None:
        return tuple(name for name in DEFAULT_GROUPS if name in source.attributes)
    found = tuple(attribute_named(name, source.attributes, "groups") for name in wanted)
    for name in found:
        if name in source.numeric and name != "age":
            raise InputError(
                f"groups: {name!r} is a number, which has no groups but for age; choose an "
                "attribute with few values"
            )
    return found
