"""`pluralens/persona_enrichment`: selection to store and log and back, with a simulated writer."""

import math
from pathlib import Path
from typing import Any

import click
import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.util import Store as StateStore

from pluralens.errors import InputError
from pluralens.evals.enrichment import persona_enrichment
from pluralens.personas.counterfactuals import counterfactual_pairs
from pluralens.personas.names import full_name
from pluralens.personas.persona import Personas
from pluralens.personas.population import load_population
from pluralens.personas.sampling import sample
from pluralens.personas.selection import Selection
from pluralens.personas.store import Store
from pluralens.scorers.enrichment import count_outcome
from pluralens.scorers.enrichment_answers import EnrichedPersona
from pluralens.scorers.enrichment_logs import FromLog, enrich_from_log
from pluralens.scorers.enrichment_parsing import LIMITS, parse_texts
from pluralens.scorers.metrics.enrichment import enrichment_coverage

N = 20
PEOPLE = load_population("de")
FAULTS = {"invalid_rate": 0.6, "stubborn_rate": 0.5, "seed": 1}


def add(url: str, name: str = "pool-a", n: int = N, seed: int = 1) -> Personas:
    people = sample(PEOPLE, n, seed=seed)
    with Store.open(url) as store:
        store.add(Selection(name, "pool", people, seed=seed, parameters={}, source="de"))
    return people


@pytest.fixture
def people(database: str, monkeypatch: pytest.MonkeyPatch) -> Personas:
    """The selection `pool-a` in a store that the task finds, on both engines."""
    monkeypatch.setenv("DB_URL", database)
    return add(database)


@pytest.fixture
def sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'one.db'}"
    monkeypatch.setenv("DB_URL", url)
    add(url)
    return url


def run(folder: Path, model_args: dict[str, Any] | None = None, **task: Any) -> EvalLog:
    more = {k: task.pop(k) for k in ("epochs", "limit") if k in task}
    model = task.pop("model", "pluralens_sim/enricher")
    (log,) = inspect_eval(
        "pluralens/persona_enrichment", task_args={"selection": "pool-a", **task}, model=model,
        model_args=model_args or {}, log_dir=str(folder), display="none", **more,
    )  # fmt: skip
    assert log.status == "success", log.error
    return log


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.results
    return {name: m.value for score in log.results.scores for name, m in score.metrics.items()}


def test_every_persona_has_texts_or_a_reason_and_the_next_run_asks_only_those_without(
    people: Personas, database: str, tmp_path: Path
) -> None:
    log = run(tmp_path, FAULTS)
    found = metrics(log)
    with Store.open(database) as store:
        texts, failures = store.texts("pool-a-model"), store.failures("pool-a-model")
        stored = store.run("pool-a-model")
    assert (stored.model, stored.language, stored.enricher) == (
        "pluralens_sim/enricher", "de", "model",
    )  # fmt: skip
    # The oracle is the database: nobody is missing, nobody is twice.
    assert set(texts) | set(failures) == set(people.ids.tolist())
    assert not set(texts) & set(failures) and texts and failures
    assert (found["enriched"], found["failed"]) == (len(texts), len(failures))
    assert found["asked"] == found["personas"] == N and found["kept"] == 0
    assert found["enriched_rate"] == len(texts) / N and found["reasked"] >= len(failures)
    reasons = {name: v for name, v in found.items() if name.startswith("failed: ")}
    assert sum(reasons.values()) == len(failures)
    for one in texts.values():
        assert list(one) and set(one) == set(LIMITS)
        assert all(len(one[key]) <= limit for key, limit in LIMITS.items())
    assert any("ß" in text or "ü" in text for one in texts.values() for text in one.values())

    for s in log.samples or []:
        assert s.scores
        score = s.scores["enrichment"]
        # What people see in the viewer is what the store has.
        if s.id in texts:
            assert parse_texts(s.output.completion).texts == texts[str(s.id)]
            assert score.answer is not None and texts[str(s.id)]["biography"] in score.answer
        else:
            assert score.explanation == f"failed: {failures[str(s.id)]}"

    again = run(tmp_path, {**FAULTS, "stubborn_rate": 0.0})
    found = metrics(again)
    assert (found["asked"], found["kept"]) == (len(failures), len(texts))
    assert found["enriched"] == len(failures) and found["failed"] == 0
    kept = {s.id: s for s in again.samples or [] if s.id in texts}
    assert all(not s.model_usage for s in kept.values())
    assert all(texts[str(id)]["name"] in s.output.completion for id, s in kept.items())
    with Store.open(database) as store:
        assert not store.failures("pool-a-model")
        now = store.texts("pool-a-model")
    assert set(now) == set(people.ids.tolist()) and {id: now[id] for id in texts} == texts

    third = metrics(run(tmp_path, FAULTS))
    assert (third["asked"], third["kept"]) == (0, N) and math.isnan(third["enriched_rate"])


def test_samples_know_their_persona(sqlite: str, tmp_path: Path) -> None:
    log = run(tmp_path, language="en")
    expected = {persona.persona_id: persona for persona in sample(PEOPLE, N, seed=1)}
    assert log.eval.dataset.sample_ids == list(expected)
    for s in log.samples or []:
        persona = expected[str(s.id)]
        about = {
            "persona_id": persona.persona_id, "population": "de", "selection": "pool-a",
            "run": "pool-a-model", "language": "en",
        }  # fmt: skip
        assert s.metadata == {
            **persona.attributes, **PEOPLE.derive(persona.attributes), **about
        }  # fmt: skip
        assert str(persona.attributes["age"]) in str(s.input)
    assert log.eval.metadata and log.eval.metadata["population"]["digest"] == PEOPLE.digest


def test_only_base_personas_are_enriched(sqlite: str, tmp_path: Path) -> None:
    bases = sample(PEOPLE, 5, seed=3)
    pairs = counterfactual_pairs(PEOPLE, bases, ("gender",), seed=3)
    with Store.open(sqlite) as store:
        store.add(
            Selection(
                "cf-a", "counterfactual", bases, seed=3, parameters={}, source="de",
                twins=Personas.from_rows(PEOPLE, pairs.twins), links=tuple(pairs.links),
                report={"pairs": {}, "skipped": []},
            )
        )  # fmt: skip
    log = run(tmp_path, selection="cf-a")
    assert {s.id for s in log.samples or []} == set(bases.ids.tolist())


def test_names_from_lists_need_no_model(people: Personas, database: str, tmp_path: Path) -> None:
    log = run(tmp_path, model=None, enricher="template")
    assert log.eval.model == "none/none" and metrics(log)["enriched"] == N
    with Store.open(database) as store:
        texts = store.texts("pool-a-template")
        assert store.run("pool-a-template").model is None
    expected = {}
    for persona in people:
        origin = str(persona.attributes["origin"])
        subregion = str(PEOPLE.derive(persona.attributes)["origin_subregion"])
        key = "DE" if origin == "DE" else subregion
        gender = str(persona.attributes["gender"])
        expected[persona.persona_id] = {"name": full_name("de", persona.persona_id, key, gender)}
    assert texts == expected
    assert metrics(run(tmp_path, model="mockllm/model", enricher="template"))["kept"] == N


def test_the_command_needs_no_model_for_lists(sqlite: str, run: Any) -> None:
    options = ["-T", "selection=pool-a", "-T", "enricher=template"]
    done = run("inspect", "eval", "pluralens/persona_enrichment", *options, DB_URL=sqlite)
    assert done.returncode == 0, done.stdout + done.stderr
    with Store.open(sqlite) as store:
        assert len(store.texts("pool-a-template")) == N
    wrong = run("inspect", "eval", "pluralens/persona_enrichment", "-T", "selection=pool-a",
                DB_URL=sqlite)  # fmt: skip
    assert wrong.returncode == 2 and "enricher=model needs a model" in wrong.stderr
    assert "Traceback" not in wrong.stderr + wrong.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"selektion": "pool-a"}, "there is no option selektion='pool-a'; the closest is"),
        ({"model": "x"}, "the model that writes is --model"),
        ({}, "selection=None must be the name of a selection in sqlite:///.*newest are pool-a"),
        ({"selection": 5}, "selection=5 must be the name"),
        ({"selection": "pool-b"}, "'pool-b'.*the closest is 'pool-a'"),
        ({"selection": "pool-a", "run": "yes"}, "run 'yes' is no usable name"),
        ({"selection": "pool-a", "run": 3}, "run 3 is no usable name"),
        ({"selection": "pool-a", "enricher": "gpt"}, "enricher='gpt' is unknown; choose model or"),
        ({"selection": "pool-a", "enricher": ["model"]}, "is unknown; choose model or template"),
        ({"selection": "pool-a", "language": "fr"}, "language='fr' is unknown; choose one of de"),
        ({"selection": "pool-a", "seed": "x"}, "seed='x' must be a whole number"),
    ],
)
def test_wrong_options_are_one_line(sqlite: str, options: Any, message: str) -> None:
    with pytest.raises(click.ClickException, match=message) as caught:
        persona_enrichment(**options)
    assert "\n" not in caught.value.message and getattr(caught.value, "exit_code", 0) == 2


def test_a_run_has_one_model_language_and_temperature(sqlite: str, tmp_path: Path) -> None:
    run(tmp_path, limit=2)
    for options, difference in (
        ({"language": "en"}, "language is 'de', not 'en'"),
        ({"seed": 1}, "seed is 0, not 1"),
        ({"enricher": "template", "run": "pool-a-model"}, "enricher is 'model', not 'template'"),
    ):
        with pytest.raises(click.ClickException, match=difference):
            run(tmp_path, **options)


def test_epochs_write_each_persona_once(sqlite: str, tmp_path: Path) -> None:
    found = metrics(run(tmp_path, epochs=2))
    assert found["asked"] + found["kept"] == found["personas"] == 2 * N
    with Store.open(sqlite) as store:
        assert len(store.texts("pool-a-model")) == N == found["enriched"] - found["superseded"]


def test_without_a_sample_the_metric_is_nan() -> None:
    value = enrichment_coverage()([])
    assert isinstance(value, dict) and value["asked"] == 0
    assert math.isnan(float(value["enriched_rate"] or 0))


def written(log: EvalLog) -> str:
    assert log.location
    return log.location


def test_a_log_brings_its_texts_into_another_store(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = f"sqlite:///{tmp_path / 'first.db'}"
    monkeypatch.setenv("DB_URL", first)
    add(first)
    add(database)
    log = run(tmp_path, FAULTS)
    with Store.open(first) as store:
        texts, failures = store.texts("pool-a-model"), store.failures("pool-a-model")
    with Store.open(database) as store:
        assert enrich_from_log(written(log), store) == FromLog(len(texts), 0, len(failures), 0)
        assert store.texts("pool-a-model") == texts and failures
        assert store.failures("pool-a-model") == failures
        assert enrich_from_log(written(log), store) == FromLog(0, len(texts), len(failures), 0)
    later = run(tmp_path, {**FAULTS, "stubborn_rate": 0.0})
    with Store.open(database) as store:
        # Those kept are in the later log too, so one log of a run is enough.
        kept = enrich_from_log(written(later), store)
        assert kept == FromLog(len(failures), len(texts), 0, 0)
        assert enrich_from_log(written(log), store) == FromLog(0, N, 0, 0)


def test_other_texts_in_the_store_stay(sqlite: str, tmp_path: Path) -> None:
    log = run(tmp_path)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    people = add(other)
    with Store.open(sqlite) as store:
        opened = store.run("pool-a-model")
    with Store.open(other) as store:
        store.open_run(opened)
        own = {"name": "Änne Weiß"}
        assert store.record("pool-a-model", str(people.ids[0]), own)
        assert enrich_from_log(written(log), store) == FromLog(N - 1, 0, 0, 1)
        assert store.texts("pool-a-model", [str(people.ids[0])]) == {str(people.ids[0]): own}


def test_a_log_of_lists_comes_in_too(sqlite: str, tmp_path: Path) -> None:
    log = run(tmp_path, model=None, enricher="template")
    other = f"sqlite:///{tmp_path / 'other.db'}"
    add(other)
    with Store.open(other) as store:
        assert enrich_from_log(written(log), store) == FromLog(N, 0, 0, 0)
    # The other format of logs.
    write_eval_log(log, str(tmp_path / "log.json"))
    with Store.open(other) as store:
        assert enrich_from_log(tmp_path / "log.json", store) == FromLog(0, N, 0, 0)


def test_what_contradicts_itself_is_not_counted() -> None:
    def persona(**fields: Any) -> EnrichedPersona:
        left = EnrichedPersona(store=StateStore())
        for name, value in fields.items():
            setattr(left, name, value)
        return left

    assert count_outcome(persona(outcome="failed", replies=["x", "y"])) == {
        "asked": 1, "enriched": 0, "failed": 1, "kept": 0, "reasked": 1, "superseded": 0,
    }  # fmt: skip
    for fields in (
        {},
        {"outcome": "enriched"},
        {"outcome": "kept"},
        {"outcome": "failed", "texts": {"name": "Anna"}},
    ):
        with pytest.raises(RuntimeError, match="enriched . failed = asked must hold"):
            count_outcome(persona(**fields))


def test_wrong_logs_are_one_line_and_change_nothing(sqlite: str, tmp_path: Path) -> None:
    log = written(run(tmp_path / "logs"))
    whole = Path(log.removeprefix("file://")).read_bytes()
    cut, text = tmp_path / "cut.eval", tmp_path / "text.eval"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    text.write_text("no log")
    (likert,) = inspect_eval(
        "pluralens/likert", task_args={"n": 1, "items": "g1"}, model="pluralens_sim/likert",
        log_dir=str(tmp_path / "likert"), display="none",
    )  # fmt: skip
    other = f"sqlite:///{tmp_path / 'other.db'}"
    with Store.open(other) as store:
        with pytest.raises(InputError, match="no selection 'pool-a'"):
            enrich_from_log(log, store)
    add(other, n=5, seed=1)
    for place, message in (
        (tmp_path / "none.eval", "no such file; give a log"),
        (cut, "is no inspect log, or not a complete one"),
        (text, "is no inspect log, or not a complete one"),
        (written(likert), "is a log of pluralens/likert; give one of"),
        (log, r"15 of its 20 personas, .* are not in the selection pool-a of sqlite"),
    ):
        with Store.open(other) as store:
            with pytest.raises(InputError, match=message) as caught:
                enrich_from_log(place, store)
            assert "\n" not in str(caught.value) and not store.runs()


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("texts", {"name": "<b>Anna</b>"}, "break the rules .markup: name."),
        ("run", {"name": "another"}, "of the run another or of other settings than"),
        ("run", {"parameters": {"seed": 9}}, "of the run pool-a-model or of other settings than"),
    ],
)
def test_a_log_with_one_wrong_sample_brings_nothing(
    sqlite: str, tmp_path: Path, key: str, change: dict[str, Any], message: str
) -> None:
    edited = read_eval_log(written(run(tmp_path / "logs")))
    assert edited.samples
    edited.samples[N // 2].store[f"EnrichedPersona:{key}"].update(change)
    write_eval_log(edited, str(tmp_path / "edited.eval"))
    other = f"sqlite:///{tmp_path / 'other.db'}"
    add(other)
    with Store.open(other) as store:
        with pytest.raises(InputError, match=message):
            enrich_from_log(tmp_path / "edited.eval", store)
        assert store.runs() == []


def test_a_long_selection_name_needs_a_run_name(sqlite: str, tmp_path: Path) -> None:
    add(sqlite, "p" * 60, n=2)
    with pytest.raises(click.ClickException, match="longer than 64 characters; name the run wi"):
        run(tmp_path, selection="p" * 60)
    assert run(tmp_path, selection="p" * 60, **{"run": "short"}).status == "success"


@pytest.mark.parametrize("at", (200, 260, 320, 380, 440))
def test_a_log_with_damaged_samples_is_refused(sqlite: str, tmp_path: Path, at: int) -> None:
    log = Path(written(run(tmp_path / "logs")).removeprefix("file://"))
    content = bytearray(log.read_bytes())
    start = content.index(b"samples/") + at
    content[start : start + 60] = bytes(60)
    damaged = tmp_path / "damaged.eval"
    damaged.write_bytes(content)
    with Store.open(sqlite) as store:
        with pytest.raises(InputError, match="its samples cannot be read"):
            enrich_from_log(damaged, store)


def test_a_log_with_one_byte_changed_is_refused(sqlite: str, tmp_path: Path) -> None:
    log = Path(written(run(tmp_path / "logs")).removeprefix("file://"))
    for entry in ("samples/", "header.json"):
        content = bytearray(log.read_bytes())
        content[content.index(entry.encode()) + 150] ^= 1
        damaged = tmp_path / "damaged.eval"
        damaged.write_bytes(content)
        with Store.open(sqlite) as store:
            with pytest.raises(InputError, match="cannot be read|is no inspect log"):
                enrich_from_log(damaged, store)


def test_a_log_with_a_text_under_another_key_is_refused(sqlite: str, tmp_path: Path) -> None:
    log = Path(written(run(tmp_path / "logs")).removeprefix("file://"))
    content = read_eval_log(str(log))
    assert content.samples
    texts = content.samples[0].store["EnrichedPersona:texts"]
    texts["motto"] = "Carpe diem"
    changed = tmp_path / "changed.eval"
    write_eval_log(content, str(changed))
    with Store.open(sqlite) as store:
        with pytest.raises(InputError, match="break the rules .unknown key"):
            enrich_from_log(changed, store)
