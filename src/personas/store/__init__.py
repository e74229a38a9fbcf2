"""The store: selections, pairs and enrichments in SQLite or PostgreSQL.

The database driver is loaded with `Store`, not with this package.
"""

from typing import TYPE_CHECKING, Any

from pluralens.personas.store.location import database_url
from pluralens.personas.store.records import KEYS, EnrichmentRun, SelectionInfo, name_taken

if TYPE_CHECKING:
    from pluralens.personas.store.store import Store

__all__ = ["KEYS", "EnrichmentRun", "SelectionInfo", "Store", "database_url", "name_taken"]


def __getattr__(name: str) -> Any:
    if name == "Store":
        from pluralens.personas.store.store import Store

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
