"""Questions out of the rows of a table."""

from collections.abc import Sequence

from pluralens.errors import InputError
from pluralens.questions.question import Question
from pluralens.questions.records import Records, content_digest

__all__ = ["QUESTION", "TOPIC", "in_language", "questions_digest", "questions_of"]

# The column that makes a table one of questions.
QUESTION = "question"
COLUMNS = ("id", "topic", QUESTION, "language")
# Of questions that say none.
TOPIC, LANGUAGE = "other", "en"


def questions_of(records: Records) -> tuple[Question, ...]:
    """The questions of a table with a column `question`, and perhaps `id`, `topic`, `language`.

    Raises:
        InputError: The column is missing, there are others, a question is missing or asked twice
            in one language, or an id is wrong.
    """
    if QUESTION not in records.columns:
        raise InputError(
            f"{records.source}: there is no column {QUESTION!r} among "
            f"{', '.join(records.columns)}; add it or rename the one that holds the questions"
        )
    if unknown := [name for name in records.columns if name not in COLUMNS]:
        raise InputError(
            f"{records.source}: unknown columns {', '.join(unknown)}; questions have "
            f"{', '.join(COLUMNS)}, so drop or rename them"
        )
    seen: dict[tuple[str, str], str] = {}
    for i, row in enumerate(records.rows):
        key = row[QUESTION], row.get("language") or LANGUAGE
        if not row[QUESTION]:
            raise records.error(i, QUESTION, "the cell is empty", "fill it in or delete the row")
        if key in seen:
            raise records.error(i, QUESTION, f"{seen[key]} asks the same", "delete one")
        seen[key] = records.places[i]
    return tuple(
        Question(key, row.get("topic") or TOPIC, row[QUESTION], row.get("language") or LANGUAGE)
        for key, row in zip(records.ids("q", (QUESTION, "language")), records.rows, strict=True)
    )


def in_language(questions: Sequence[Question], language: str, place: str) -> tuple[Question, ...]:
    """The questions of a language.

    Raises:
        InputError: There are none; the message names the languages that there are.
    """
    found = tuple(question for question in questions if question.language == language)
    if not found:
        there = ", ".join(sorted({question.language for question in questions})) or "none"
        raise InputError(f"{place}: no question is in language {language!r}; choose from {there}")
    return found


def questions_digest(questions: Sequence[Question]) -> str:
    """Hash of everything about the questions, 32 hexadecimal digits; their order does not count."""
    return content_digest(sorted([q.id, q.topic, q.text, q.language] for q in questions))
