import gc
from collections.abc import Iterator

import anyio
import pytest

from pluralens.solvers.concurrently import ALLOCATIONS_PER_COLLECTION, concurrently


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


async def after(turns: int, result: int) -> int:
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
    return result


def test_results_are_in_the_order_of_the_tasks() -> None:
    async def main() -> list[int]:
        return await concurrently([after(9 - i, i) for i in range(10)])

    assert anyio.run(main) == list(range(10))
    assert anyio.run(concurrently, []) == []


def test_they_run_at_the_same_time() -> None:
    async def main() -> list[None]:
        met, count = anyio.Event(), 0

        async def wait_for_all() -> None:
            nonlocal count
            count += 1
            if count == 5:
                met.set()
            await met.wait()

        with anyio.fail_after(30):
            return await concurrently([wait_for_all() for _ in range(5)])

    assert anyio.run(main) == [None] * 5


def test_the_first_failure_is_raised_as_it_is_and_ends_the_others() -> None:
    ended = []

    async def fail() -> None:
        await anyio.lowlevel.checkpoint()
        raise RuntimeError("no answer")

    async def forever() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(True)

    async def main() -> None:
        await concurrently([forever(), fail(), forever()])

    with pytest.raises(RuntimeError, match="no answer"):
        anyio.run(main)
    assert ended == [True, True]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (700, ALLOCATIONS_PER_COLLECTION),
        (50_000, 50_000),
        # Whoever switched the collector off keeps it off.
        (0, 0),
    ],
)
def test_the_collector_runs_less_often_but_as_was_wished(before: int, expected: int) -> None:
    gc.set_threshold(before, 11, 12)
    anyio.run(concurrently, [])
    assert gc.get_threshold()[:2] == (expected, 11)
