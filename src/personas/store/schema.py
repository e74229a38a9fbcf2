"""The tables of the store.

The models are bound to no database: two stores can be open at once, and each runs the queries
through its own connection. Times are ISO 8601 texts in UTC and mappings are JSON texts, so
that both engines hold the same.
"""

# ruff: noqa: D106

from peewee import (
    AutoField,
    CharField,
    CompositeKey,
    FixedCharField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

__all__ = [
    "BASE",
    "COUNTERFACTUAL",
    "TABLES",
    "EnrichmentRow",
    "FailureRow",
    "LinkRow",
    "MemberRow",
    "PersonaRow",
    "PopulationRow",
    "RunRow",
    "SelectionRow",
    "VersionRow",
]

# Roles of a member. Sorted as texts, the bases come first.
BASE = "base"
COUNTERFACTUAL = "counterfactual"


class VersionRow(Model):
    """Which schema the database has; one row."""

    version = IntegerField()

    class Meta:
        table_name = "pluralens_schema"
        primary_key = False


class PopulationRow(Model):
    """The tables that personas were drawn from; one row per content."""

    population_id = AutoField()
    name = TextField()
    version = TextField()
    digest = CharField(64, unique=True)

    class Meta:
        table_name = "population"


class PersonaRow(Model):
    """A persona; `attributes` is a JSON object in sampling order."""

    persona_id = FixedCharField(16, primary_key=True)
    population = ForeignKeyField(PopulationRow, index=False)
    attributes = TextField()

    class Meta:
        table_name = "persona"


class SelectionRow(Model):
    """A selection. A seed may be any whole number, so it is a text."""

    selection_id = AutoField()
    name = CharField(64, unique=True)
    kind = CharField(32)
    population = ForeignKeyField(PopulationRow, index=False)
    source = TextField()
    seed = TextField(null=True)
    parameters = TextField()
    report = TextField()
    parent = ForeignKeyField("self", null=True)
    digest = CharField(64)
    n = IntegerField()
    pairs = IntegerField()
    created = CharField(32)

    class Meta:
        table_name = "selection"


class MemberRow(Model):
    """A persona in a selection; positions count from 0 in each role."""

    selection = ForeignKeyField(SelectionRow, index=False)
    role = CharField(16)
    position = IntegerField()
    persona = ForeignKeyField(PersonaRow, index=False)

    class Meta:
        table_name = "selection_member"
        primary_key = CompositeKey("selection", "role", "position")
        # Persona first: it is also how a persona's selections are found.
        indexes = ((("persona", "selection"), True),)


class LinkRow(Model):
    """How a twin differs from its base; values and forced changes are JSON."""

    selection = ForeignKeyField(SelectionRow, index=False)
    position = IntegerField()
    pair_id = TextField()
    base = ForeignKeyField(PersonaRow)
    twin = ForeignKeyField(PersonaRow)
    attribute = TextField()
    from_value = TextField()
    to_value = TextField()
    forced = TextField()

    class Meta:
        table_name = "pair_link"
        primary_key = CompositeKey("selection", "position")
        indexes = ((("selection", "pair_id"), True),)


class RunRow(Model):
    """An enrichment run."""

    run_id = AutoField()
    name = CharField(64, unique=True)
    selection = ForeignKeyField(SelectionRow)
    enricher = CharField(32)
    model = TextField(null=True)
    language = TextField()
    parameters = TextField()
    created = CharField(32)

    class Meta:
        table_name = "enrichment_run"


class EnrichmentRow(Model):
    """One text about a persona."""

    run = ForeignKeyField(RunRow, index=False)
    persona = ForeignKeyField(PersonaRow)
    key = TextField()
    value = TextField()

    class Meta:
        table_name = "enrichment"
        primary_key = CompositeKey("run", "persona", "key")


class FailureRow(Model):
    """Why a persona has no texts in a run."""

    run = ForeignKeyField(RunRow, index=False)
    persona = ForeignKeyField(PersonaRow)
    reason = TextField()

    class Meta:
        table_name = "enrichment_failure"
        primary_key = CompositeKey("run", "persona")


# What a table refers to comes before it.
TABLES = (
    PopulationRow,
    PersonaRow,
    SelectionRow,
    MemberRow,
    LinkRow,
    RunRow,
    EnrichmentRow,
    FailureRow,
)
