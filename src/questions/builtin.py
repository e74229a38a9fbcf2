"""The questions and people that come with the package."""

from functools import cache

from pluralens._resources import data_file
from pluralens._strict_csv import read_rows
from pluralens.questions.population_people import PopulationPeople, population_people
from pluralens.questions.question import Question
from pluralens.questions.question_table import in_language, questions_digest
from pluralens.questions.sources import BUILTIN, POPULATION, Source

__all__ = ["builtin_people", "builtin_questions", "load_builtin"]

COLUMNS = ("id", "topic", "question", "language")


def load_builtin(language: str) -> Source:
    """The built-in questions of a language, and people of population `us`.

    Raises:
        InputError: There are no questions in the language.
    """
    questions = builtin_questions(language)
    people = builtin_people()
    return Source(
        name=BUILTIN,
        questions=questions,
        attributes=people.attributes,
        numeric=people.numeric,
        about={
            "source": BUILTIN,
            "language": language,
            "questions": len(questions),
            "questions_digest": questions_digest(questions),
            **people.about,
        },
        pool=people,
    )


@cache
def builtin_people() -> PopulationPeople:
    """People of population `us`, which is read once."""
    return population_people(POPULATION)


def builtin_questions(language: str) -> tuple[Question, ...]:
    """All questions of `datasets/questions/*.csv` in a language, in the order of files and lines.

    Raises:
        InputError: There are none, or a file is wrong.
    """
    found: list[Question] = []
    files = sorted(data_file("questions").iterdir(), key=lambda file: file.name)
    for file in files:
        if file.name.endswith(".csv"):
            for row in read_rows(file, f"datasets/questions/{file.name}", [COLUMNS]):
                cells = row.cells
                if any(cells["id"] == other.id for other in found):
                    raise row.error("id", f"{cells['id']!r} is taken", "choose another id")
                found.append(
                    Question(cells["id"], cells["topic"], cells["question"], cells["language"])
                )
    return in_language(found, language, f"source={BUILTIN}")
