"""The latent model behind the simulated personaliser: what each attribute is worth, exactly.

An answer suits its reader with the chance

    p = base * product over planted attributes that are not shown of (1 - weight)
             * product over shown values with a group factor of that factor
             * hard_factor, if the question is hard

and is accepted if it also comes, declines nothing and quotes nothing. All of these are factors from
0 to 1, so that no chance is ever clipped and every expected value is a product. With all attributes
shown, leaving out the planted attribute a costs the share weight_a of the accuracy, less what its
group factors took: who is not known to belong to a group is not treated as one of it.

For identification an answer tells with the chance `skill` for whom it was written. A critic that
looks for the sign of one reader is right where it stands, and guesses where it does not.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError
from pluralens.models.personal_advice import CUES

if TYPE_CHECKING:
    from numpy.random import PCG64
    from numpy.typing import NDArray

__all__ = [
    "MOST_ATTEMPTS",
    "RATES",
    "PersonalisingModel",
    "latent_accepted",
    "latent_identified",
    "plain_name",
]

MOST_ATTEMPTS = 16
"""Up to which k `planted` knows pass@k."""


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """An attribute's name whatever its case: `Household language` is `household_language`."""
    return "_".join(name.casefold().split())


@lru_cache(maxsize=4096)
def plain_value(value: str) -> str:
    """A value whatever its case and white space."""
    return " ".join(str(value).casefold().split())


@dataclass(frozen=True)
class PersonalisingModel:
    """How a personaliser's answers come about.

    Attributes:
        base: Chance that an answer suits its reader with every planted attribute shown.
        weights: Attribute -> share of the chance that is lost where it is not shown.
        groups: Attribute -> value as shown -> factor where it is shown; others have 1. Case does
            not count.
        skill: Share of the answers that tell for whom they were written, if anything is shown.
        hard_share: Share of the questions that are hard.
        hard_factor: Factor of their answers.
        leak_rate: Share of the answers that quote a shown value.
        refusal_rate: Share of the prompts that are refused, in the required form.
        invalid_rate: Share of the prompts whose first reply is unreadable.
        stubborn_rate: Share of those whose second reply is unreadable as well.

    Raises:
        InputError: A number is not from 0 to 1.
    """

    base: float = 0.9
    weights: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    skill: float = 0.8
    hard_share: float = 0.0
    hard_factor: float = 0.3
    leak_rate: float = 0.0
    refusal_rate: float = 0.0
    invalid_rate: float = 0.0
    stubborn_rate: float = 0.0

    def __post_init__(self) -> None:
        numbers = {name: getattr(self, name) for name in RATES}
        numbers |= {f"weights.{name}": weight for name, weight in self.weights.items()}
        numbers |= {
            f"groups.{name}.{value}": factor
            for name, values in self.groups.items()
            for value, factor in values.items()
        }
        for name, number in numbers.items():
            if not 0 <= number <= 1:  # NaN is not either
                raise InputError(f"{name}={number!r} must be a number from 0 to 1")

    def fitting(self, shown: Mapping[str, str], hard: bool = False) -> float:
        """Chance that an answer suits its reader.

        Args:
            shown: Attribute -> value as shown; names and values in whatever case.
            hard: Whether the question is hard.
        """
        known = {plain_name(name): value for name, value in shown.items()}
        own = (self.factors(name, known.get(name)) for name in self.attributes)
        return self.base * (self.hard_factor if hard else 1.0) * math.prod(own)

    def factors(self, attribute: str, value: str | None) -> float:
        """What one attribute contributes to the chance.

        Args:
            attribute: Its plain name.
            value: As shown, or None if it is not shown.
        """
        if value is None:
            weights = (w for name, w in self.weights.items() if plain_name(name) == attribute)
            return math.prod(1.0 - weight for weight in weights)
        own = (values for name, values in self.groups.items() if plain_name(name) == attribute)
        factors = ((plain_value(one), factor) for values in own for one, factor in values.items())
        return math.prod(factor for one, factor in factors if one == plain_value(value))

    @property
    def attributes(self) -> tuple[str, ...]:
        """Plain names of all attributes that matter."""
        return tuple(dict.fromkeys(map(plain_name, (*self.weights, *self.groups))))

    def delivered(self, person_shown: bool = True) -> float:
        """Chance that an answer that suits is accepted: it is readable, and declines nothing.

        Args:
            person_shown: Whether there is anything that it could quote.
        """
        leaks = self.leak_rate if person_shown else 0.0
        lost = self.invalid_rate * self.stubborn_rate
        return (1 - lost) * (1 - self.refusal_rate) * (1 - leaks)

    def accepted(self, shown: Mapping[str, str], attempts: int = 1) -> float:
        """Chance that at least one of several independent attempts is accepted.

        Args:
            shown: Attribute -> value as shown.
            attempts: How many; hard questions are hard in all of them.
        """
        return self._over_questions(shown, lambda chance: 1 - (1 - chance) ** attempts)

    def all_accepted(self, shown: Mapping[str, str], attempts: int) -> float:
        """Chance that every one of several independent attempts is accepted."""
        return self._over_questions(shown, lambda chance: chance**attempts)

    def _over_questions(self, shown: Mapping[str, str], value: Any) -> float:
        delivered = self.delivered(bool(shown))
        easy, hard = (value(self.fitting(shown, h) * delivered) for h in (False, True))
        return float((1 - self.hard_share) * easy + self.hard_share * hard)

    def identification(self, position_bias: float = 0.0) -> tuple[float, float]:
        """Chance of a right choice if the right answer stands first, and if it stands second.

        Args:
            position_bias: Of the critic, -1 to 1: its chance of choosing the first answer where
                nothing tells the two apart is (1 + position_bias) / 2.
        """
        # An answer of other people may carry the same cue, which then tells nothing; a reply that
        # declines or is unreadable carries none.
        tells = self.skill * (1 - self.refusal_rate)
        right = tells * (1 - tells / CUES)
        wrong = (1 - tells) * tells / CUES
        guess = (1 - right - wrong) / 2
        return right + guess * (1 + position_bias), right + guess * (1 - position_bias)

    def planted(self, people: Sequence[Mapping[str, str]] | None = None) -> dict[str, Any]:
        """The parameters and the truth, for logs and tests.

        Args:
            people: The people of a study, one per pair, attribute -> value as shown. None stands
                for somebody with every planted attribute, in groups without a factor.

        Returns:
            The fields, and what is to be expected of a critic without errors: `accuracy` with all
            shown; `importance` per planted attribute, over the people who have it; `none` with no
            planted attribute shown and `none_gap`; `baseline` with no persona and `win_rate`
            against it, ties half (of readable answers); `pass_at_k` and `pass_all_k` for 1 to 16;
            `identification`; `group_accuracy` per attribute and value; `invalid`, `leaks`,
            `refused`: shares of the samples.
        """
        reference = dict.fromkeys(self.weights, "-")
        study = [dict(person) for person in people] if people is not None else [reference]
        if not study:
            raise ValueError("planted() needs at least one person, or None")

        def mean(values: Sequence[float]) -> float:
            return math.fsum(values) / len(values) if values else math.nan

        full = [self.accepted(person) for person in study]
        none = [self.accepted(_without(person, self.weights)) for person in study]
        accuracy, baseline = mean(full), self.accepted({})
        readable = 1 - self.invalid_rate * self.stubborn_rate
        k_range = range(1, MOST_ATTEMPTS + 1)
        return {
            **asdict(self),
            "accuracy": accuracy,
            "importance": {
                name: mean(
                    [
                        full[k] - self.accepted(_without(person, [name]))
                        for k, person in enumerate(study)
                        if plain_name(name) in map(plain_name, person)
                    ]
                )
                for name in self.weights
            },
            "none": mean(none),
            "none_gap": accuracy - mean(none),
            "baseline": baseline,
            "win_rate": 0.5 + (accuracy - baseline) / readable / 2 if readable else math.nan,
            "pass_at_k": {str(k): mean([self.accepted(p, k) for p in study]) for k in k_range},
            "pass_all_k": {str(k): mean([self.all_accepted(p, k) for p in study]) for k in k_range},
            "identification": self.identification()[0],
            "group_accuracy": self._group_accuracy(study, full, reference, people is None),
            "invalid": 1 - readable,
            "refused": readable * self.refusal_rate,
            "leaks": readable * (1 - self.refusal_rate) * self.leak_rate,
        }

    def _group_accuracy(
        self,
        study: Sequence[Mapping[str, str]],
        full: Sequence[float],
        reference: Mapping[str, str],
        invented: bool,
    ) -> dict[str, dict[str, float]]:
        if invented:
            return {
                name: {value: self.accepted({**reference, name: value}) for value in values}
                for name, values in self.groups.items()
            }
        found: dict[str, dict[str, list[float]]] = {}
        for person, chance in zip(study, full, strict=True):
            for name, value in person.items():
                if plain_name(name) in map(plain_name, self.groups):
                    found.setdefault(name, {}).setdefault(value, []).append(chance)
        return {
            name: {value: math.fsum(own) / len(own) for value, own in values.items()}
            for name, values in found.items()
        }


RATES: tuple[str, ...] = tuple(
    one.name for one in fields(PersonalisingModel) if one.name not in ("weights", "groups")
)
"""The parameters that are one number each, all from 0 to 1."""


def _without(person: Mapping[str, str], left_out: Collection[str]) -> dict[str, str]:
    gone = {plain_name(name) for name in left_out}
    return {name: value for name, value in person.items() if plain_name(name) not in gone}


def _chances(stream: "PCG64", *size: int) -> "NDArray[Any]":
    import numpy as np

    raw = np.asarray(stream.random_raw(math.prod(size)), dtype=np.uint64).reshape(size)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _arm_chances(
    model: PersonalisingModel,
    people: Sequence[Mapping[str, str]],
    arms: Sequence[Collection[str]],
) -> list[list[float]]:
    """Chance of acceptance without hard questions, shape [people, arms]."""
    gone = [{plain_name(name) for name in arm} for arm in arms]
    hidden = {name: model.factors(name, None) for name in model.attributes}
    delivered = [model.delivered(False), model.delivered(True)]
    shown_factor = lru_cache(maxsize=None)(model.factors)
    chances = []
    for person in people:
        known = {plain_name(name): value for name, value in person.items()}
        shown = {name: shown_factor(name, known.get(name)) for name in hidden}
        chances.append(
            [
                model.base
                * math.prod(hidden[n] if n in left_out else shown[n] for n in hidden)
                * delivered[not known.keys() <= left_out]
                for left_out in gone
            ]
        )
    return chances


def latent_accepted(
    model: PersonalisingModel,
    people: Sequence[Mapping[str, str]],
    arms: Sequence[Collection[str]],
    stream: "PCG64",
    *,
    attempts: int = 1,
    questions: Sequence[int] | None = None,
) -> "NDArray[Any]":
    """Draw whole studies at once, by the same model that answers prompts.

    Args:
        model: Of the personaliser.
        people: One per pair, attribute -> value as shown with everything shown.
        arms: Attributes that are left out, arm by arm; `()` is the full persona.
        stream: Source of all randomness; only its raw numbers are used.
        attempts: Answers per pair and arm.
        questions: Number of the question of each pair, from 0; pairs of one question are hard
            together. None: every pair has a question of its own.

    Returns:
        1 for accepted answers, else 0; shape [pairs, arms, attempts].
    """
    import numpy as np

    asked = np.arange(len(people)) if questions is None else np.asarray(questions)
    hard_ones = _chances(stream, int(asked.max(initial=-1)) + 1) < model.hard_share
    hard = np.where(hard_ones[asked], model.hard_factor, 1.0)
    chance = np.array(_arm_chances(model, people, arms)).reshape(len(people), len(arms))
    drawn = _chances(stream, len(people), len(arms), attempts)
    return (drawn < (chance * hard[:, None])[:, :, None]).astype(np.float64)


def latent_identified(
    model: PersonalisingModel,
    contrasts: int,
    stream: "PCG64",
    *,
    position_bias: float = 0.0,
    noise: float = 0.0,
) -> "NDArray[Any]":
    """Draw the verdicts of whole comparison studies at once; collisions of cues are left out.

    Args:
        model: Of the personaliser.
        contrasts: Pairs of people, each with two answers.
        stream: Source of all randomness; only its raw numbers are used.
        position_bias: Of the critic, -1 to 1.
        noise: Share of its clear verdicts that it turns round.

    Returns:
        1 for right choices, else 0; shape [contrasts, 2, 2]: whose answer is looked for, and
        whether the right answer stood first or second.
    """
    import numpy as np

    tells = _chances(stream, contrasts, 2) < model.skill * (1 - model.refusal_rate)
    flipped = _chances(stream, contrasts, 2, 2) < noise
    first = _chances(stream, contrasts, 2, 2) < (1 + position_bias) / 2
    guessed = np.stack([first[..., 0], ~first[..., 1]], axis=-1)
    return np.where(tells[..., None], ~flipped, guessed).astype(np.float64)
