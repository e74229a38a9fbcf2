"""The persona store in a thread of its own, so that its writing never holds up the models' calls.

peewee's connections belong to the thread that opened them. All samples of a process that are under
way share one thread and one connection per database; it is closed when the last of them ends.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio

if TYPE_CHECKING:
    from pluralens.personas.store import Store

__all__ = ["StoreCall", "shared_store"]

Result = TypeVar("Result")


class StoreCall(Protocol):
    """Runs a function of the store in the store's thread."""

    def __call__(self, ask: "Callable[[Store], Result]") -> Awaitable[Result]:
        """The function's result; what it raises is raised."""


class _Shared:
    def __init__(self, url: str) -> None:
        self.url = url
        self.users = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="persona-store")
        # Others wait as coroutines; without the limit each would hold a thread of anyio's.
        self._limit = anyio.CapacityLimiter(1)
        self._opened = ExitStack()
        self._store: Store | None = None

    def _in_thread(self, ask: "Callable[[Store], Result]") -> Result:
        from pluralens.personas.store import Store

        if self._store is None:
            self._store = self._opened.enter_context(Store.open(self.url))
        return ask(self._store)

    async def call(self, ask: "Callable[[Store], Result]") -> Result:
        def wait() -> Result:
            return self._thread.submit(self._in_thread, ask).result()

        return await anyio.to_thread.run_sync(wait, limiter=self._limit)

    def close(self) -> None:
        self._thread.submit(self._opened.close).result()
        self._thread.shutdown()


_shared: dict[str, _Shared] = {}


@asynccontextmanager
async def shared_store(url: str) -> AsyncIterator[StoreCall]:
    """Open the store, or join those who have it open.

    Args:
        url: Where it is. Taken when the task is made: the working folder, and with it a `.env`
            file, may be another one while samples run.
    """
    shared = _shared.get(url)
    if shared is None:
        shared = _shared[url] = _Shared(url)
    shared.users += 1
    try:
        yield shared.call
    finally:
        shared.users -= 1
        if not shared.users:
            del _shared[url]
            shared.close()
