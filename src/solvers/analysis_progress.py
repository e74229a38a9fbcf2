"""How far an analysis is: a counter with a bar in inspect's display, plain lines where it has none.

The analysis runs in a thread and tells numbers; a coroutine looks at them once a second and shows
them, since the displays belong to the thread of the event loop.
"""

import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from inspect_ai.util import display_counter, display_type

__all__ = ["Progress", "shown_progress"]

# Anything shorter is over before one has read about it.
PATIENCE = 2.0
LINE_EVERY = 10.0
WIDTH = 20


class Progress:
    """What the analysis tells.

    Args:
        what: What is under way.
        clock: Seconds from anywhere.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.what = what
        self._clock = clock
        self._done = self._total = 0
        self._first: tuple[int, float] | None = None

    def __call__(self, done: int, total: int) -> None:
        """Take note; in whatever unit the analysis counts."""
        if self._first is None or done < self._done:
            # The first step, or the first of the next part of an analysis of several.
            self._first = (done, self._clock())
        self._done, self._total = done, total

    @property
    def words(self) -> str:
        """Share done and time left."""
        if self._first is None:
            return "starting"
        done, since = self._done - self._first[0], self._clock() - self._first[1]
        left = "time left unknown"
        if done > 0 and since > 0:
            left = f"{_clock_time(since * (self._total - self._done) / done)} left"
        return f"{self._share:.0%}, {left}"

    @property
    def bar(self) -> str:
        """The same with a bar before it."""
        full = round(WIDTH * self._share)
        return f"{'█' * full}{'░' * (WIDTH - full)} {self.words}"

    @property
    def _share(self) -> float:
        return min(1.0, self._done / self._total) if self._total else 0.0


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


@asynccontextmanager
async def shown_progress(progress: Progress) -> AsyncIterator[None]:
    """Show progress while the body runs; what the body raises is raised as it is."""
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_show, progress)
            yield
            group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        error: BaseException = errors
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _show(progress: Progress) -> None:
    await anyio.sleep(PATIENCE)
    kind, last = display_type(), 0.0
    while True:
        if kind in ("full", "rich", "conversation"):
            display_counter(progress.what, progress.bar)
        elif kind != "none" and time.monotonic() - last >= LINE_EVERY:
            last = time.monotonic()
            print(f"{progress.what}: {progress.words}", file=sys.stderr, flush=True)
        await anyio.sleep(1.0)
