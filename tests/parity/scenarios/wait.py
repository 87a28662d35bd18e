"""wait()."""

import asyncio

from parity import Boom, caught, outcome


def _after(delay, value):
    return asyncio.create_task(asyncio.sleep(delay, value), name=value)


async def _fails(delay):
    await asyncio.sleep(delay)
    raise Boom("task")


def _names(tasks):
    return sorted(task.get_name() for task in tasks)


async def for_all(t):
    """ALL_COMPLETED waits for the last."""
    done, pending = await asyncio.wait([_after(2, "a"), _after(1, "b")])
    t(_names(done), _names(pending))


async def for_the_first(t):
    """FIRST_COMPLETED waits for the first; the rest goes on."""
    tasks = [_after(2, "a"), _after(1, "b"), _after(3, "c")]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    t(_names(done), _names(pending))
    done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    t(_names(done), _names(pending))
    await asyncio.wait(pending)
    t("end")


async def for_two_that_end_together(t):
    """What ends in one iteration is done together."""
    gate = t.loop.create_future()

    async def work():
        await gate

    tasks = [asyncio.create_task(work(), name="a"), asyncio.create_task(work(), name="b"), _after(9, "c")]
    t.loop.call_later(1, gate.set_result, None)
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    t(_names(done), _names(pending))
    await asyncio.wait(pending)


async def for_the_first_error(t):
    """FIRST_EXCEPTION ends at the first error."""
    tasks = [_after(3, "a"), asyncio.create_task(_fails(2), name="bad"), _after(1, "c")]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    t(_names(done), _names(pending))
    await asyncio.wait(pending)


async def for_the_first_error_that_never_comes(t):
    """FIRST_EXCEPTION without an error waits for all; a cancellation is no error."""
    tasks = [_after(3, "a"), _after(9, "b")]
    t.loop.call_later(1, tasks[1].cancel)
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    t(_names(done), _names(pending), [outcome(task) for task in tasks])


async def with_a_timeout(t):
    """A timeout ends the wait, and nothing else."""
    tasks = [_after(1, "a"), _after(5, "b")]
    done, pending = await asyncio.wait(tasks, timeout=2)
    t(_names(done), _names(pending), tasks[1].cancelling())
    t(await tasks[1])


async def with_a_timeout_of_zero(t):
    """A timeout of zero looks at what is done within an iteration."""
    tasks = [_after(0, "a"), _after(1, "b")]
    done, pending = await asyncio.wait(tasks, timeout=0)
    t(_names(done), _names(pending))
    done, pending = await asyncio.wait(tasks, timeout=0)
    t(_names(done), _names(pending))
    await asyncio.wait(tasks)


async def with_a_long_timeout(t):
    """A timeout that is not needed is taken back."""
    done, pending = await asyncio.wait([_after(1, "a")], timeout=5)
    t(_names(done), _names(pending))
    await asyncio.sleep(10)
    t("end")


async def for_what_is_done(t):
    """If all is done there is nothing to wait for, not even an iteration."""
    tasks = [_after(0, "a"), _after(0, "b")]
    await asyncio.sleep(1)
    done, pending = await asyncio.wait(tasks)
    t(_names(done), _names(pending))


async def for_the_first_when_one_is_done(t):
    """If one is done, FIRST_COMPLETED returns at once."""
    tasks = [_after(0, "a"), _after(5, "b")]
    await asyncio.sleep(1)
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    t(_names(done), _names(pending))
    await asyncio.wait(tasks)


async def cancelled(t):
    """Cancelling the waiter leaves the tasks alone."""

    async def work():
        await asyncio.sleep(2)
        t("work ends")
        return 1

    task = asyncio.create_task(work())

    async def waiter():
        await asyncio.wait([task])

    outer = asyncio.create_task(waiter())
    await asyncio.sleep(1)
    outer.cancel()
    t(await caught(outer))
    t(await task, task.cancelling())


async def with_futures(t):
    """Futures can be waited for as well as tasks."""
    futures = [t.loop.create_future() for _ in range(3)]
    t.loop.call_later(1, futures[1].set_result, "x")
    done, pending = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    t([future in done for future in futures], len(pending))


async def errors_stay_in_the_tasks(t):
    """wait() never throws what its tasks throw."""
    task = asyncio.create_task(_fails(1))
    done, _ = await asyncio.wait([task])
    t(len(done), outcome(task))


async def refuses(t):
    """An empty list, a single future and an unknown condition are refused."""
    future = t.loop.create_future()
    t(await caught(asyncio.wait([])))
    t(await caught(asyncio.wait(future)))
    t(await caught(asyncio.wait([future], return_when="SOMETIMES")))


async def the_same_twice(t):
    """A task given twice is one task."""
    task = _after(1, "a")
    done, pending = await asyncio.wait([task, task])
    t(len(done), len(pending))
