"""wait_for()."""

import asyncio
import math

from parity import Boom, caught, outcome


async def in_time(t):
    """The value, without an iteration of its own."""

    async def work():
        t("work")
        await asyncio.sleep(1)
        return "value"

    t.loop.call_soon(t, "callback")
    t(await asyncio.wait_for(work(), 2))
    await asyncio.sleep(5)
    t("undisturbed")


async def without_waiting(t):
    """A coroutine that never waits is run inline."""

    async def work():
        t("work")
        return 1

    t(await asyncio.wait_for(work(), 1))


async def too_late(t):
    """TimeoutError, once the coroutine has ended."""

    async def work():
        try:
            await asyncio.sleep(10)
        finally:
            t("finally")

    t(await caught(asyncio.wait_for(work(), 1)))
    t(asyncio.current_task().cancelling())


async def without_a_timeout(t):
    """None waits for ever."""

    async def work():
        await asyncio.sleep(1000)
        return "at last"

    t(await asyncio.wait_for(work(), None))


async def infinite_timeout(t):
    """Infinity is a timeout too."""

    async def work():
        await asyncio.sleep(10)
        return "value"

    t(await asyncio.wait_for(work(), math.inf))


async def in_the_same_task(t):
    """The coroutine runs in the task of the caller."""
    main = asyncio.current_task()

    async def work():
        t(asyncio.current_task() is main)
        await asyncio.sleep(0)
        t(asyncio.current_task() is main)

    await asyncio.wait_for(work(), 1)
    t("end")


async def zero_never_starts_a_coroutine(t):
    """With no time at all a coroutine is not started."""

    async def work():
        t("never")

    t(await caught(asyncio.wait_for(work(), 0)))
    t(await caught(asyncio.wait_for(work(), -1)))


async def zero_and_a_done_future(t):
    """With no time at all a done future still gives its value."""
    future = t.loop.create_future()
    future.set_result("ready")
    t(await asyncio.wait_for(future, 0))
    failed = t.loop.create_future()
    failed.set_exception(Boom("ready"))
    t(await caught(asyncio.wait_for(failed, 0)))


async def zero_and_a_pending_future(t):
    """With no time at all a pending future is cancelled."""
    future = t.loop.create_future()
    t(await caught(asyncio.wait_for(future, 0)))
    t(future.cancelled())


async def zero_and_a_running_task(t):
    """With no time at all a task is cancelled and its end awaited."""

    async def work():
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(1)
            t("cleaned")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    t(await caught(asyncio.wait_for(task, 0)))
    t(outcome(task))


async def zero_and_a_stubborn_task(t):
    """A task that answers with a value in spite of it: the value counts."""

    async def work():
        t(await caught(asyncio.sleep(10)))
        return 42

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    t(await caught(asyncio.wait_for(task, 0)))


async def error_of_the_coroutine(t):
    """An error passes as it is."""

    async def work():
        await asyncio.sleep(0)
        raise Boom("work")

    t(await caught(asyncio.wait_for(work(), 1)))


async def cancellation_suppressed(t):
    """A coroutine that swallows the cancellation and returns: the value counts, however late."""

    async def work():
        t(await caught(asyncio.sleep(10)))
        await asyncio.sleep(2)
        return 42

    t(await caught(asyncio.wait_for(work(), 1)))


async def error_during_the_cancellation(t):
    """An error in answer to the cancellation passes."""

    async def work():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise Boom("cleanup") from None

    t(await caught(asyncio.wait_for(work(), 1)))


async def cleanup_is_awaited(t):
    """TimeoutError comes after the cleanup."""

    async def work():
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(3)
            t("cleaned")

    task = asyncio.create_task(work())
    t(await caught(asyncio.wait_for(task, 1)))
    t(outcome(task))


async def task_is_cancelled(t):
    """A task that is too late is cancelled."""
    task = asyncio.create_task(asyncio.sleep(10))
    t(await caught(asyncio.wait_for(task, 1)))
    t(task.cancelled(), task.cancelling())


async def future_is_cancelled(t):
    """A future that is too late is cancelled."""
    future = t.loop.create_future()
    t(await caught(asyncio.wait_for(future, 1)))
    t(future.cancelled())


async def awaited_task_cancelled_by_another(t):
    """If the awaited task is cancelled in time, the waiter sees CancelledError."""
    task = asyncio.create_task(asyncio.sleep(10))
    t.loop.call_later(1, task.cancel, "by another")
    t(await caught(asyncio.wait_for(task, 5)))
    t(asyncio.current_task().cancelling())


async def waiter_cancelled(t):
    """Cancelling the waiter cancels what it waits for."""

    async def work():
        try:
            await asyncio.sleep(10)
        finally:
            t("finally")

    inner = asyncio.create_task(work())

    async def waiter():
        await asyncio.wait_for(inner, 5)

    outer = asyncio.create_task(waiter())
    await asyncio.sleep(1)
    outer.cancel("waiter")
    t(await caught(outer))
    t(outcome(inner), inner.cancelling())


async def waiter_cancelled_when_the_value_is_there(t):
    """Cancelled in the iteration in which the task ended, the waiter is cancelled; the value stays."""
    gate = t.loop.create_future()

    async def work():
        await gate
        return "kept"

    inner = asyncio.create_task(work())

    async def waiter():
        return await asyncio.wait_for(inner, 5)

    outer = asyncio.create_task(waiter())
    await asyncio.sleep(1)
    gate.set_result(None)
    await asyncio.sleep(0)
    t(inner.done(), outer.done())
    outer.cancel()
    t(await caught(outer))
    t(outcome(inner))


async def nested(t):
    """The shorter of two nested waits throws."""

    async def work():
        await asyncio.sleep(10)

    async def inner():
        t(await caught(asyncio.wait_for(work(), 1)))
        await asyncio.sleep(10)

    t(await caught(asyncio.wait_for(inner(), 3)))


async def value_in_the_iteration_of_the_deadline(t):
    """A future settled in the iteration of the deadline, before it: the value is lost."""
    future = t.loop.create_future()
    t.loop.call_later(1, lambda: future.done() or future.set_result("lost"))
    t(await caught(asyncio.wait_for(future, 1)))
    t(outcome(future))


async def several_at_once(t):
    """Waits of several tasks end each at its own time."""

    async def waiter(name, delay, timeout):
        t(name, await caught(asyncio.wait_for(asyncio.sleep(delay, name), timeout)))

    tasks = [
        asyncio.create_task(waiter("a", 1, 3)),
        asyncio.create_task(waiter("b", 5, 2)),
        asyncio.create_task(waiter("c", 4, 6)),
    ]
    for task in tasks:
        await task
    t("end")
