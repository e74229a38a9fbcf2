"""Several calls at once, without a span of events for each."""

import gc
from collections.abc import Awaitable, Sequence
from typing import TypeVar

import anyio

__all__ = ["concurrently"]

Result = TypeVar("Result")

# Thousands of calls in flight keep many objects alive, which Python's cyclic collector walks again
# and again at its default of 700 allocations. At 10,000 a rating takes a sixth less CPU time
# (benchmarks/throughput.py), for some 20 MB more of memory.
ALLOCATIONS_PER_COLLECTION = 10_000


async def concurrently(tasks: Sequence[Awaitable[Result]]) -> list[Result]:
    """Results in the order of the tasks; the first failure cancels the rest and is raised.

    inspect's `collect()` does the same with a span around each task, which costs two transcript
    events per call; here a sample makes dozens of calls that differ in nothing but the item.
    Raises the threshold of the process's cyclic garbage collector, unless it is off or higher.
    """
    threshold, *older = gc.get_threshold()
    if 0 < threshold < ALLOCATIONS_PER_COLLECTION:
        gc.set_threshold(ALLOCATIONS_PER_COLLECTION, *older)
    results: dict[int, Result] = {}

    async def run(index: int, task: Awaitable[Result]) -> None:
        results[index] = await task

    try:
        async with anyio.create_task_group() as group:
            for index, task in enumerate(tasks):
                group.start_soon(run, index, task)
    except BaseExceptionGroup as errors:
        error: BaseException = errors
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
    return [results[index] for index in range(len(tasks))]
