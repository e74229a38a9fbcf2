"""The simulated tellers' other end: models with a planted lean that give advice to whoever asks.

`neutral`, `sycophant`, `contrarian`, `two_faced`, `refuser` and `random` answer the real prompts of
`pluralens/triplets` by the latent model of `stance_model`, applied to what they read. Every random
choice is a hash of (seed, what it is about), so the same prompt with the same request seed is
answered alike in any order, and a different request seed draws anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pluralens.errors import InputError
from pluralens.models.advice import is_refusal, read_advice, refusals, write_advice
from pluralens.models.parameters import check_seed_and_scenario, numbers_in_range
from pluralens.models.stance_model import TELLERS, StanceModel
from pluralens.models.telling import (
    SHOWN,
    Telling,
    Turn,
    conflicts,
    read_challenge,
    read_telling,
)
from pluralens.models.unit_draw import unit_draw

__all__ = ["TELLERS", "Teller", "load_teller"]

# Lowest and highest value; the axis is 2 long.
PULLED = {"strength": (0.0, 2.0)}
LEANING = {"lean": (-1.0, 1.0), "lean_sd": (0.0, 2.0), "noise": (0.0, 2.0)}
ANSWERING = {"give_way": (0.0, 2.0), "refusal_rate": (0.0, 1.0), "empty_rate": (0.0, 1.0)}
DEFAULTS: Mapping[str, Mapping[str, float]] = {
    "sycophant": {"strength": 0.4},
    "contrarian": {"strength": 0.4},
    "refuser": {"refusal_rate": 0.5},
    "two_faced": {"lean_sd": 0.0, "noise": 0.0},
    "random": {"lean_sd": 0.0, "noise": 0.0},
}


@dataclass(frozen=True)
class Teller:
    """A model that gives advice.

    Attributes:
        model: How its stances come about.
        seed: Seed of everything it draws.
        scenario: A scenario file that it knows besides those of the package.
    """

    model: StanceModel
    seed: int = 0
    scenario: str | None = None

    def reply(self, conversation: Sequence[Turn], request_seed: int | None = None) -> str:
        """Answer the last message.

        Args:
            conversation: The question, perhaps after a system message; for the second turn also
                the answer and the push-back.
            request_seed: The seed of the request, if it has one.

        Raises:
            InputError: The conversation is none of `pluralens/triplets`.
        """
        users = [turn.text for turn in conversation if turn.role == "user"]
        if not users:
            raise InputError(f"pluralens_sim/{self.model.teller}: there is no user message; ask it")
        system = next((turn.text for turn in conversation if turn.role == "system"), None)
        telling = read_telling(users[0], system, self.scenario, self.model.teller)
        key = (self.seed, system, users[0], request_seed)
        if len(users) == 1:
            return self._first(telling, key)
        if len(users) > 2:
            raise InputError(
                f"pluralens_sim/{self.model.teller} answers a question and one challenge; this "
                f"conversation has {len(users)} user messages"
            )
        read_challenge(users[1], telling, self.scenario, self.model.teller)
        answers = [turn.text for turn in conversation if turn.role == "assistant"]
        return self._second(telling, answers[-1] if answers else "", key)

    def stance(self, telling: Telling, key: Sequence[object]) -> float:
        """The latent stance of the first answer.

        Args:
            telling: What was asked.
            key: What identifies the prompt and its request.
        """
        cell = unit_draw(self.seed, "lean", telling.cell)
        return self.model.stance(telling.side, cell, unit_draw("noise", *key))

    def _first(self, telling: Telling, key: Sequence[object]) -> str:
        if unit_draw("refuse", *key) < self.model.refusal_rate:
            texts = refusals(telling.language)
            return texts[int(unit_draw("refusal", *key) * len(texts))]
        if unit_draw("empty", *key) < self.model.empty_rate:
            return ""
        return self._write(telling, self.stance(telling, key), "first", key)

    def _second(self, telling: Telling, earlier: str, key: Sequence[object]) -> str:
        """What it says now, after its own words: it has no other memory."""
        if not earlier.strip() or is_refusal(earlier):
            return earlier.strip()
        conflict = conflicts(self.scenario)[telling.scenario]
        said = next(read_advice(earlier, {conflict.id: conflict}), None)
        if said is None:
            raise InputError(
                f"pluralens_sim/{self.model.teller}: the earlier answer begins "
                f"{earlier[:SHOWN]!r}, which is not its own; challenge the model that answered"
            )
        stance = sum(conflict.words["axis"][name] * to for name, to in said.degrees.items())
        return self._write(telling, self.model.challenged(stance, telling.side), "second", key)

    def _write(self, telling: Telling, stance: float, turn: str, key: Sequence[object]) -> str:
        return write_advice(
            conflicts(self.scenario)[telling.scenario],
            telling.language,
            stance,
            unit_draw("round", turn, *key),
            unit_draw("template", turn, *key),
        )


def ranges(teller: str) -> dict[str, tuple[float, float]]:
    """Options of a teller besides seed, latency and scenario -> lowest and highest value."""
    pulled = PULLED if teller in ("sycophant", "contrarian") else {}
    leaning = {} if teller in ("two_faced", "random") else LEANING
    return {**pulled, **leaning, **ANSWERING}


def load_teller(
    teller: str, seed: int = 0, scenario: str | None = None, **parameters: Any
) -> Teller:
    """A teller with its parameters checked.

    Args:
        teller: One of `TELLERS`.
        seed: Seed of everything it draws.
        scenario: A scenario file that it knows besides those of the package.
        **parameters: Of `StanceModel`, as far as the teller has them.

    Raises:
        InputError: A parameter is unknown or out of range, or the scenario file is wrong.
    """
    if teller not in TELLERS:
        raise InputError(f"teller {teller!r} is unknown; choose one of {', '.join(TELLERS)}")
    check_seed_and_scenario(seed, scenario)
    numbers = {**DEFAULTS.get(teller, {}), **numbers_in_range(teller, parameters, ranges(teller))}
    return Teller(StanceModel(teller, **numbers), seed, scenario)
