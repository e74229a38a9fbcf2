"""PERSONA: can a model answer a contested question so that it suits a given person?

    inspect eval pluralens/persona_main --model openai/gpt-5-mini --model-role grader=openai/gpt-5
    inspect eval pluralens/persona_loo --model pluralens_sim/personaliser \
        --model-role grader=pluralens_sim/critic     # offline, with a planted truth

One sample is one answer (of `persona_comparison`: two). A critic in the role `grader` judges it
against the full persona. Figures: `python viz/persona.py` and `viz/visualization_*.py`.
"""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from inspect_ai import Epochs, Task, task

from pluralens._option_values import whole
from pluralens.errors import InputError, shown_plainly
from pluralens.evals.persona_cells import people_of_cells
from pluralens.evals.persona_study import BASELINE, MOST, PersonaStudy
from pluralens.evals.persona_tasks import critique_task, identification_task
from pluralens.evals.unknown_options import refuse_unknown_options
from pluralens.questions.leave_one_out import read_attributes
from pluralens.scorers.metrics.critique import (
    critique_accuracy,
    critique_cells,
    critique_importance,
    critique_pass_at_k,
)

__all__ = [
    "persona_comparison",
    "persona_intersections",
    "persona_loo",
    "persona_main",
    "persona_pass_at_k",
]

# Attributes that people disagree along; more of them cost one answer per pair each.
LEFT_OUT = (
    "age", "sex", "race", "education", "employment_status", "income", "marital_status",
    "religion", "ideology", "political_views",
)  # fmt: skip

MOST_ATTEMPTS = 1000
# Everybody is compared with everybody; beyond them people come again, with other questions.
MOST_COMPARED = 600

NOT_OPTIONS = {
    "epochs": "several answers per pair are --epochs",
    "grader": "the critic is --model-role grader=...",
    "critic": "the critic is --model-role grader=...",
    "temperature": "the model's own temperature is --temperature",
    "modes": "one run has one mode; `pluralens run persona --modes all` runs them all",
}


@task
def persona_main(
    source: str | list[str] = "builtin",
    mode: str = "output_only",
    design: str = "zip",
    n: int | None = None,
    questions: int | None = None,
    personas: int | None = None,
    protocol: str = "debate",
    sees: str = "full",
    threshold: int = 4,
    groups: str | list[str] | None = None,
    language: str = "en",
    revision: str | None = None,
    persona_revision: str | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Answer contested questions, each for one person, and let a critic judge whether it suits.

    Args:
        source: `builtin`, `hf` (gated sets of the PERSONA paper), or files of questions and people.
        mode: `baseline` (sees no persona), `output_only`, `chain_of_thought` (reasons first) or
            `demographic_summary` (says first which parts of the persona matter).
        design: `zip`, question i with person i, or `cross`, every question with every person.
        n: Number of pairs; default 300.
        questions: Number of different questions; default all, with `cross` 15.
        personas: Number of different people; default one per pair, with `cross` 20.
        protocol: How the critic judges: `debate`, `rubric` (four ratings) or `pairwise` (against
            the baseline answer, both orders).
        sees: Which persona the critic reads: `full`, or `shown` as the model was.
        threshold: Rating from 1 to 5 from which on `rubric` accepts.
        groups: Attributes whose groups accuracy is shown for; default sex, race and age.
        language: Of the built-in questions.
        revision: Of the questions of `hf`.
        persona_revision: Of the people of `hf`.
        seed: Of pairs, people, prompts and seals.
        **kwargs: Refused: there are no other options.
    """
    with shown_plainly():
        _refuse_unknown(persona_main, kwargs)
        study = PersonaStudy.checked(
            source=source, revision=revision, persona_revision=persona_revision, language=language,
            mode=mode, protocol=protocol, sees=sees, threshold=threshold, groups=groups, seed=seed,
        )  # fmt: skip
        pairs = study.pairs(design, n, questions, personas)
        return critique_task(
            "persona_main",
            study,
            [study.sample(pair) for pair in pairs],
            metrics=[critique_accuracy()],
            about={"design": design},
        )


@task
def persona_loo(
    attributes: str | list[str] | None = None,
    source: str | list[str] = "builtin",
    mode: str = "output_only",
    n: int = 300,
    personas: int | None = None,
    protocol: str = "debate",
    sees: str = "full",
    threshold: int = 4,
    groups: str | list[str] | None = None,
    language: str = "en",
    revision: str | None = None,
    persona_revision: str | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Leave one attribute of the persona out at a time: which of them does the model make use of?

    Args:
        attributes: Names, separated by commas, or a JSON file (`{"attributes": [...]}`); default
            ten that people disagree along.
        source: As in `persona_main`.
        mode: As there, without `baseline`.
        n: Number of pairs, each answered in full, without each attribute and without all of them.
        personas: Number of different people; default one per pair.
        protocol: `debate` or `rubric`.
        sees: Which persona the critic reads: `full`, or `shown` as the model was.
        threshold: As there.
        groups: As there.
        language: As there.
        revision: As there.
        persona_revision: As there.
        seed: As there.
        **kwargs: Refused: there are no other options.
    """
    with shown_plainly():
        _refuse_unknown(persona_loo, kwargs)
        study = PersonaStudy.checked(
            source=source, revision=revision, persona_revision=persona_revision, language=language,
            mode=mode, protocol=protocol, sees=sees, threshold=threshold, groups=groups, seed=seed,
        )  # fmt: skip
        study.refuse_protocol("pairwise", "an arm's answer is compared with the full persona's")
        if study.mode == BASELINE:
            raise InputError(
                "mode=baseline shows no persona, so nothing can be left out of it; choose another "
                "mode"
            )
        known = study.source.attributes
        if attributes is None:
            left_out = tuple(name for name in LEFT_OUT if name in known)
        else:
            left_out = read_attributes(attributes, known)
        pairs = study.pairs("zip", n, None, personas)
        missing = {
            name: sum(name not in pair.person.attributes for pair in pairs) for name in left_out
        }
        return critique_task(
            "persona_loo",
            study,
            [study.sample(pair, arm) for pair in pairs for arm in study.arms(pair, left_out)],
            metrics=[critique_importance(), critique_accuracy()],
            headline="leave_all_out_gap",
            about={"attributes": list(left_out), "missing": missing},
        )


@task
def persona_intersections(
    intersections: str = "sex_age",
    per_cell: int = 30,
    source: str | list[str] = "builtin",
    mode: str = "output_only",
    protocol: str = "debate",
    sees: str = "full",
    threshold: int = 4,
    language: str = "en",
    revision: str | None = None,
    persona_revision: str | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Whom does the model suit less well? Groups that several attributes define together.

    Args:
        intersections: `sex_age`, `sex_race`, or a JSON or YAML file with the cells, such as
            `[{"attributes": [{"attribute": "sex", "values": ["Male"]}, {"attribute": "age",
            "range": [18, 34]}]}]`.
        per_cell: People drawn for each cell; of other sources everybody in a cell is asked.
        source: As in `persona_main`.
        mode: As there.
        protocol: As there.
        sees: As there.
        threshold: As there.
        language: As there.
        revision: As there.
        persona_revision: As there.
        seed: As there.
        **kwargs: Refused: there are no other options.
    """
    with shown_plainly():
        _refuse_unknown(persona_intersections, kwargs)
        study = PersonaStudy.checked(
            source=source, revision=revision, persona_revision=persona_revision, language=language,
            mode=mode, protocol=protocol, sees=sees, threshold=threshold, seed=seed,
        )  # fmt: skip
        whole("per_cell", per_cell, 1, MOST)
        cells = people_of_cells(study.source, study.cells(intersections), per_cell, study.seed)
        pairs = cells.pairs(study.source.questions, seed)
        return critique_task(
            "persona_intersections",
            study,
            [study.sample(pair, extra={"cells": cells.of(pair.person)}) for pair in pairs],
            metrics=[critique_cells(), critique_accuracy()],
            about=cells.about(),
        )


@task
def persona_pass_at_k(
    attempts: int = 16,
    k: int | None = None,
    source: str | list[str] = "builtin",
    mode: str = "output_only",
    n: int = 100,
    personas: int | None = None,
    protocol: str = "debate",
    sees: str = "full",
    threshold: int = 4,
    groups: str | list[str] | None = None,
    language: str = "en",
    revision: str | None = None,
    persona_revision: str | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """How many independent attempts does it take? Every pass@k up to the number of attempts.

    Args:
        attempts: Answers per pair, as inspect's epochs; none of them sees another.
        k: The headline number; default `attempts`.
        source: As in `persona_main`.
        mode: As there.
        n: Number of pairs.
        personas: Number of different people; default one per pair.
        protocol: `debate` or `rubric`.
        sees: As there.
        threshold: As there.
        groups: As there.
        language: As there.
        revision: As there.
        persona_revision: As there.
        seed: As there.
        **kwargs: Refused: there are no other options.
    """
    with shown_plainly():
        _refuse_unknown(persona_pass_at_k, kwargs)
        study = PersonaStudy.checked(
            source=source, revision=revision, persona_revision=persona_revision, language=language,
            mode=mode, protocol=protocol, sees=sees, threshold=threshold, groups=groups, seed=seed,
        )  # fmt: skip
        study.refuse_protocol("pairwise", "an attempt either succeeds or does not")
        whole("attempts", attempts, 1, MOST_ATTEMPTS)
        _refuse_epochs(attempts)
        shown = whole("k", attempts if k is None else k, 1)
        if shown > attempts:
            raise InputError(
                f"k={k}: there are only {attempts} attempts; give at most attempts={attempts}, or "
                "more attempts"
            )
        return critique_task(
            "persona_pass_at_k",
            study,
            [study.sample(pair) for pair in study.pairs("zip", n, None, personas)],
            metrics=[critique_pass_at_k(attempts), critique_accuracy()],
            headline=f"pass@{shown}",
            about={"attempts": attempts, "k": shown},
            epochs=Epochs(attempts),
            sampled=True,
        )


@task
def persona_comparison(
    source: str | list[str] = "builtin",
    mode: str = "output_only",
    n: int = 150,
    language: str = "en",
    revision: str | None = None,
    persona_revision: str | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Answer each question for two people: can a blind grader tell which answer is for whom?

    Args:
        source: As in `persona_main`.
        mode: As there; `baseline` is a control, in which nobody can tell.
        n: Number of pairs of people, each with one question.
        language: As there.
        revision: As there.
        persona_revision: As there.
        seed: As there.
        **kwargs: Refused: there are no other options.
    """
    with shown_plainly():
        _refuse_unknown(persona_comparison, kwargs)
        study = PersonaStudy.checked(
            source=source, revision=revision, persona_revision=persona_revision, language=language,
            mode=mode, seed=seed,
        )  # fmt: skip
        # numpy would slow the start of every `inspect eval`.
        from pluralens.questions.contrasts import contrasting_pairs

        people = study.people(min(2 * whole("n", n, 1, MOST), MOST_COMPARED))
        contrasts = contrasting_pairs(study.source.questions, people, n=n, seed=seed)
        return identification_task(study, [study.contrast_sample(*one) for one in contrasts])


def _refuse_epochs(attempts: int) -> None:
    """Refuse `--epochs`, which inspect would take for the attempts, whatever k is."""
    import click

    line = click.get_current_context(silent=True)
    epochs = line.params.get("epochs") if line is not None else None
    if epochs not in (None, attempts):
        raise InputError(
            f"--epochs {epochs} would replace the {attempts} attempts; give -T attempts={epochs} "
            "instead"
        )


def _refuse_unknown(task_function: Callable[..., Task], given: Mapping[str, Any]) -> None:
    refuse_unknown_options(given, list(signature(task_function).parameters)[:-1], NOT_OPTIONS)
