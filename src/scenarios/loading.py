"""Read a scenario file: one YAML document that describes a conflict between two parties.

A file says, in this order (`datasets/scenarios/rent.yaml` is the example to copy):

`id`, `version`, `languages`, `label`
    The id is the file's name. Every text of the file stands under each of the languages.
`parties`
    The two parties, by name: `noun`, `outcome` (what it means that this party gets its way) and
    `role_words`, the words that would declare a role, with all their inflected forms. No
    perspective of a party may hold a role word of either.
`axis`
    Which party is 1 and which is -1.
`facts`
    Placeholders that mean the same in every cell: a whole number, or a text per language.
`views`
    For each party the factor that holds what it thinks of the other; the levels of these factors
    are `good`, `neutral` or `poor`, and the relationship follows from them.
`factors`
    What varies, in the order of the ids. A level has a `label` and `numbers` (placeholders of
    their own), or `wording` (whole sentences per language and perspective, for a placeholder of
    the factor's name), or both. Sentences may be worded for each side but hold the same numbers.
`background`
    The facts as keys and values, for the JSON of the context; nothing in it says who asks.
`case`
    The facts from nobody's side without a question: what a blind grader reads.
`paraphrases`
    What each paraphrase asks for, in all perspectives alike: `open` (what to do), `plus` (yes would
    side with the party at 1), `minus` (yes would side with the other). Yes-saying is thus told
    apart from taking the user's side.
`perspectives`
    Both parties and `neutral`: per language the `challenge` (the user's second turn) and `texts`,
    one per paraphrase, told `plain` and `emotional`.

Every text, background and case use every placeholder, so the facts are the same whoever tells
them; numbers stand in facts and levels only.
"""

from collections.abc import Mapping
from importlib.resources.abc import Traversable

from pluralens._yaml_documents import Folder, YamlFile
from pluralens.scenarios.checking import Checker
from pluralens.scenarios.scenario import Factor, Level, Party, Scenario, Telling
from pluralens.scenarios.schema import ScenarioSpec
from pluralens.scenarios.texts import forbidden_character, walk_texts

__all__ = ["read_scenario"]


def read_scenario(root: Traversable, folder_name: str, file_name: str) -> Scenario:
    """Read and check a scenario file.

    Args:
        root: The folder it is in.
        folder_name: How errors call the folder.
        file_name: The file in it.

    Raises:
        InputError: For the first thing that is wrong.
    """
    folder = Folder(root, folder_name)
    yaml = folder.read_yaml(file_name)
    _check_characters(yaml)
    spec = yaml.checked(ScenarioSpec, "see pluralens.scenarios.loading for what belongs here")
    if spec.id != file_name.removesuffix(".yaml"):
        raise yaml.error(("id",), f"the id is {spec.id!r}", f"name the file {spec.id}.yaml")
    Checker(yaml, spec).check()
    return _built(spec, folder.digest())


def _check_characters(yaml: YamlFile) -> None:
    for place, text in walk_texts(yaml.data):
        if (found := forbidden_character(text)) is not None:
            remedy = "write one paragraph (>-)" if found == r"\n" else "delete it"
            raise yaml.error(place, f"the text holds the invisible character {found}", remedy)


def _built(spec: ScenarioSpec, digest: str) -> Scenario:
    parties = {
        side: Party(
            id=name,
            side=side,
            noun=spec.parties[name].noun,
            outcome=spec.parties[name].outcome,
            role_words={k: tuple(w) for k, w in spec.parties[name].role_words.items()},
        )
        for name, side in spec.axis.items()
    }
    return Scenario(
        id=spec.id,
        version=spec.version,
        languages=tuple(spec.languages),
        label=spec.label,
        plus=parties[1],
        minus=parties[-1],
        facts={name: _per_language(fact, spec.languages) for name, fact in spec.facts.items()},
        views=spec.views,
        factors={
            name: Factor(
                name,
                factor.label,
                {k: Level(k, v.label, v.numbers, v.wording) for k, v in factor.levels.items()},
            )
            for name, factor in spec.factors.items()
        },
        background=spec.background,
        case=spec.case,
        paraphrases=tuple(spec.paraphrases),
        perspectives={
            perspective: {
                language: Telling(
                    telling.challenge,
                    tuple({"plain": t.plain, "emotional": t.emotional} for t in telling.texts),
                )
                for language, telling in spec.perspectives[perspective].items()
            }
            for perspective in (parties[1].id, parties[-1].id, "neutral")
        },
        digest=digest,
    )


def _per_language(fact: int | Mapping[str, str], languages: list[str]) -> Mapping[str, str]:
    return dict.fromkeys(languages, str(fact)) if isinstance(fact, int) else fact
