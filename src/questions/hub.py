"""The questions and people of PERSONA on the Hugging Face hub; both data sets are gated.

Questions: `SynthLabsAI/PRISM-Filter`, column `question`; the others are not taken. People:
`SynthLabsAI/Synthetic-Personas`, of which the columns of `ATTRIBUTES` are taken, whatever their
case and spaces; columns that are missing, or that nobody knows, are listed in what the log records.
Of rows that are the same the first is taken. Keys are made of content.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pluralens.errors import InputError
from pluralens.questions.attribute_names import snake_case
from pluralens.questions.person_table import people_digest, people_of
from pluralens.questions.question_table import QUESTION, questions_digest, questions_of
from pluralens.questions.records import Records, cell_text
from pluralens.questions.sources import HUB, Source

__all__ = ["ATTRIBUTES", "PERSONAS", "QUESTIONS", "load_hub"]

QUESTIONS = "SynthLabsAI/PRISM-Filter"
PERSONAS = "SynthLabsAI/Synthetic-Personas"
SPLIT = "train"
# In the order in which people are described.
ATTRIBUTES = (
    "age", "sex", "race", "ancestry", "household_language", "education", "employment_status",
    "class_of_worker", "industry_category", "occupation_category", "detailed_job_description",
    "income", "marital_status", "household_type", "family_presence_and_age", "place_of_birth",
    "citizenship", "veteran_status", "disability", "health_insurance", "big_five_scores",
    "defining_quirks", "mannerisms", "personal_time", "lifestyle", "ideology", "political_views",
    "religion", "cognitive_difficulty", "ability_to_speak_english", "vision_difficulty",
    "fertility", "hearing_difficulty",
)  # fmt: skip
OFFLINE = "-T source=builtin works without"


def load_hub(revision: str | None, persona_revision: str | None) -> Source:
    """Load both data sets, from the cache where they have been loaded before.

    Args:
        revision: Branch, tag or commit of the questions; default the newest.
        persona_revision: Of the people.

    Raises:
        InputError: The extra is not installed, the hub cannot be reached or refuses, a revision
            does not exist, or a data set does not have the columns it should.
    """
    asked, asked_commit, asked_rows = _load(QUESTIONS, revision, (QUESTION,))
    known, known_commit, known_rows = _load(PERSONAS, persona_revision, ATTRIBUTES)
    questions = questions_of(asked)
    people = people_of(known)
    return Source(
        name=HUB,
        questions=questions,
        attributes=people.attributes,
        numeric=people.numeric,
        about={
            "source": HUB,
            "questions_dataset": QUESTIONS,
            "revision": revision,
            "commit": asked_commit,
            "questions": len(questions),
            "questions_repeated": asked_rows["repeated"],
            "questions_digest": questions_digest(questions),
            "personas_dataset": PERSONAS,
            "persona_revision": persona_revision,
            "persona_commit": known_commit,
            "personas": len(people.people),
            "personas_repeated": known_rows["repeated"],
            "personas_digest": people_digest(people.people),
            "unknown_columns": known_rows["unknown"],
            "missing_columns": [one for one in ATTRIBUTES if one not in known.columns],
        },
        pool=people,
    )


def _load(
    repository: str, revision: str | None, wanted: Sequence[str]
) -> tuple[Records, str, dict[str, Any]]:
    """The wanted columns of different rows, the commit, and what else the data set has."""
    data, commit = _fetch(repository, revision)
    names = {snake_case(column): column for column in data.column_names}
    taken = [name for name in wanted if name in names]
    if not taken:
        raise InputError(
            f"{repository}: none of its columns ({', '.join(data.column_names)}) is "
            f"{' or '.join(wanted[:3])}; choose a revision that has them"
        )
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    empty = 0
    for i, row in enumerate(data.select_columns([names[name] for name in taken]), start=1):
        texts = {c: cell_text(v, f"{repository}, row {i}, column {c}") for c, v in row.items()}
        if any(texts.values()):
            rows.setdefault(tuple(texts.values()), texts)
        else:
            empty += 1
    records = Records.of(
        repository,
        [names[name] for name in taken],
        rows.values(),
        [f"different row {i}" for i in range(1, len(rows) + 1)],
    )
    return (
        records,
        commit,
        {
            "repeated": data.num_rows - empty - len(rows),
            "unknown": sorted(column for name, column in names.items() if name not in wanted),
        },
    )


def _fetch(repository: str, revision: str | None) -> tuple[Any, str]:
    """The train split as a table, and the commit that it is of."""
    datasets = _library()
    from datasets.exceptions import DatasetsError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    wanted = revision
    try:
        try:
            wanted = HfApi().dataset_info(repository, revision=revision).sha
            # Of a gated data set anybody may know the commit; the refusal of its files says less.
            HfApi().auth_check(repository, repo_type="dataset")
        except OfflineModeIsEnabled:
            # Somebody forbids to ask; what has been loaded before is in the cache.
            pass
        splits = datasets.load_dataset(repository, revision=wanted, keep_in_memory=False)
        if SPLIT not in splits:
            raise InputError(
                f"{repository}: there is no split {SPLIT!r} among {', '.join(splits)}; choose a "
                "revision that has it"
            )
        # Where something fails, the library takes whatever commit is in the cache, and only warns.
        commit = Path(splits[SPLIT].cache_files[0]["filename"]).parent.name
        if wanted not in (None, commit):
            raise InputError(
                f"{repository}: revision {revision or wanted} cannot be loaded, only commit "
                f"{commit} is in the cache; ask for that commit, or try again later ({OFFLINE})"
            )
    except (OSError, _client_error(), DatasetsError) as error:
        raise _refusal(repository, revision, error) from None
    return splits[SPLIT], commit


def _library() -> Any:
    """The library `datasets`, which is an extra."""
    try:
        import datasets
    except ImportError:
        datasets = None
    # Without the library, a folder called so where somebody stands is imported in its place.
    if not hasattr(datasets, "load_dataset"):
        raise InputError(
            f"source={HUB} needs the library datasets, which is not installed; run "
            f'pip install "pluralens[hub]" ({OFFLINE})'
        )
    return datasets


def _refusal(repository: str, revision: str | None, error: BaseException) -> InputError:
    """What a person can do about data that could not be loaded."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    page = f"https://huggingface.co/datasets/{repository}"
    causes = list(_causes(error))
    answers = [getattr(getattr(cause, "response", None), "status_code", None) for cause in causes]
    if any(isinstance(cause, RevisionNotFoundError) for cause in causes):
        return InputError(
            f"{repository}: there is no revision {revision!r}; choose a branch, tag or commit of "
            f"{page}/tree/main, or leave it out"
        )
    if 404 in answers:
        return InputError(
            f"{repository}: the hub knows no such data set any more; see {page} ({OFFLINE})"
        )
    if {401, 403} & set(answers) or any(isinstance(c, RepositoryNotFoundError) for c in causes):
        reason = (
            "your account has no access" if 403 in answers else "you are not logged in as anybody"
        )
        return InputError(
            f"{repository}: the data set is gated and {reason}; accept its terms on {page}, then "
            f"run `hf auth login` or set HF_TOKEN ({OFFLINE})"
        )
    unreachable = (ConnectionError, TimeoutError, _client_error())
    if not any(answers) and any(isinstance(cause, unreachable) for cause in causes):
        return InputError(
            f"{repository}: the Hugging Face hub cannot be reached; check the network, proxy and "
            f"HF_HUB_OFFLINE; the data are on {page} for who accepts their terms and runs "
            f"`hf auth login` ({OFFLINE})"
        )
    told = next((f"the hub answered {one}" for one in answers if one), type(error).__name__)
    first_line = (str(error).strip() or "no reason given").splitlines()[0][:200]
    return InputError(
        f"{repository}: the data set cannot be loaded ({told}: {first_line}); see {page}, or try "
        f"another revision ({OFFLINE})"
    )


def _client_error() -> type[Exception]:
    """What all errors of the hub's HTTP client are; which client that is changes over time."""
    from huggingface_hub.errors import HfHubHTTPError

    base: type[Exception] = HfHubHTTPError.__bases__[0]
    return base


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
