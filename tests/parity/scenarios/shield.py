"""shield() and as_completed()."""

import asyncio

from parity import Boom, caught, outcome


async def shield_of_a_task(t):
    """Cancelling who awaits a shield leaves the shielded task alone."""

    async def inner():
        await asyncio.sleep(2)
        t("inner ends")
        return "value"

    task = asyncio.create_task(inner())

    async def waiter():
        return await asyncio.shield(task)

    outer = asyncio.create_task(waiter())
    await asyncio.sleep(1)
    outer.cancel("outer")
    t(await caught(outer))
    t(outcome(task), await task)


async def shield_passes_the_result(t):
    """Undisturbed, a shield has the result, one iteration later."""
    inner = t.loop.create_future()
    outer = asyncio.shield(inner)
    inner.add_done_callback(lambda _: t("inner's callback", outer.done()))
    inner.set_result(1)
    t(outer.done())
    t(await outer)


async def shield_passes_the_error(t):
    """A shield passes the error."""
    inner = t.loop.create_future()
    outer = asyncio.shield(inner)
    inner.set_exception(Boom("inner"))
    t(await caught(outer))


async def shield_of_a_coroutine(t):
    """A coroutine becomes a task."""

    async def inner():
        t("starts")
        await asyncio.sleep(1)
        return "value"

    outer = asyncio.shield(inner())
    t("made")
    t(await outer)


async def shield_of_a_done_future(t):
    """A done future needs no shield."""
    inner = t.loop.create_future()
    inner.set_result(1)
    t(asyncio.shield(inner) is inner)


async def inner_cancelled(t):
    """If the shielded future is cancelled, so is the shield."""
    inner = t.loop.create_future()
    outer = asyncio.shield(inner)
    inner.cancel("inner")
    t(outer.cancelled())
    await asyncio.sleep(0)
    t(outer.cancelled())
    t(await caught(outer))


async def late_error_is_reported(t):
    """An error that comes after the shield was cancelled goes to the exception handler, once."""
    t.trace_handler()
    inner = t.loop.create_future()
    outer = asyncio.shield(inner)
    outer.cancel()
    await asyncio.sleep(0)
    inner.set_exception(Boom("late"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    t("end", outcome(outer))


async def error_in_the_iteration_of_the_cancellation(t):
    """An error that comes before the cancellation was heard of is not reported that way."""
    t.trace_handler()
    inner = t.loop.create_future()
    outer = asyncio.shield(inner)
    outer.cancel()
    inner.set_exception(Boom("too early"))
    await asyncio.sleep(1)
    t("end", outcome(outer), outcome(inner))


async def late_result_is_not_reported(t):
    """A result that comes too late is nobody's loss."""
    t.trace_handler()
    inner = t.loop.create_future()
    outer = asyncio.shield(inner)
    outer.cancel()
    inner.set_result(1)
    t(await caught(outer))
    t(outcome(inner))


async def both_cancelled(t):
    """Shield and inner future cancelled."""
    inner = t.loop.create_future()
    outer = asyncio.shield(inner)
    t(outer.cancel("outer"), inner.cancel("inner"))
    await asyncio.sleep(0)
    t(outcome(outer), outcome(inner))
    t(await caught(outer), await caught(inner))


async def shield_in_wait_for(t):
    """A shield in wait_for() lets the work survive the timeout."""

    async def work():
        await asyncio.sleep(3)
        t("work ends")
        return "value"

    task = asyncio.create_task(work())
    t(await caught(asyncio.wait_for(asyncio.shield(task), 1)))
    t(await caught(asyncio.wait_for(asyncio.shield(task), 5)))


async def shields_of_one_task(t):
    """Several shields of one task are independent."""

    async def work():
        await asyncio.sleep(2)
        return "value"

    task = asyncio.create_task(work())
    shields = [asyncio.shield(task) for _ in range(2)]
    await asyncio.sleep(1)
    shields[0].cancel()
    t(await shields[1], outcome(shields[0]))


async def as_completed_in_order_of_ends(t):
    """as_completed() gives results in the order in which they come."""
    tasks = [asyncio.create_task(asyncio.sleep(delay, delay)) for delay in (3, 1, 2)]
    for next_one in asyncio.as_completed(tasks):
        t(await next_one)
    t("end")


async def as_completed_gives_the_originals(t):
    """Asynchronous iteration gives the tasks themselves, done."""
    tasks = [asyncio.create_task(asyncio.sleep(delay, delay)) for delay in (3, 1, 2)]
    async for task in asyncio.as_completed(tasks):
        t(tasks.index(task), outcome(task))
    t("end")


async def as_completed_with_a_timeout(t):
    """When time is up every remaining step throws TimeoutError; the tasks go on."""
    tasks = [asyncio.create_task(asyncio.sleep(delay, delay)) for delay in (1, 5, 6)]
    for next_one in asyncio.as_completed(tasks, timeout=2):
        t(await caught(next_one))
    t([outcome(task) for task in tasks])
    await asyncio.wait(tasks)


async def as_completed_with_a_timeout_async(t):
    """When time is up the asynchronous iteration throws TimeoutError."""
    tasks = [asyncio.create_task(asyncio.sleep(delay, delay)) for delay in (1, 5)]
    try:
        async for task in asyncio.as_completed(tasks, timeout=2):
            t(task is tasks[0])
    except TimeoutError as error:
        t(error)
    t(await tasks[1])


async def as_completed_with_errors(t):
    """An error is thrown by its own step only."""

    async def work(delay):
        await asyncio.sleep(delay)
        if delay == 2:
            raise Boom("two")
        return delay

    tasks = [asyncio.create_task(work(delay)) for delay in (3, 2, 1)]
    for next_one in asyncio.as_completed(tasks):
        t(await caught(next_one))


async def as_completed_two_at_once(t):
    """What ends in one iteration comes in the order of the ends."""
    futures = [t.loop.create_future() for _ in range(3)]
    t.loop.call_later(1, lambda: (futures[2].set_result("c"), futures[0].set_result("a")))
    t.loop.call_later(2, futures[1].set_result, "b")
    for next_one in asyncio.as_completed(futures):
        t(await next_one)


async def as_completed_of_a_done_future(t):
    """A future that is done already comes after one iteration."""
    future = t.loop.create_future()
    future.set_result(1)
    for next_one in asyncio.as_completed([future]):
        t("waits")
        t(await next_one)
    t("end")


async def as_completed_of_nothing(t):
    """Nothing to wait for: no step."""
    for _ in asyncio.as_completed([]):
        t("never")
    async for _ in asyncio.as_completed([]):
        t("never")
    t("end")


async def as_completed_cancelled(t):
    """Cancelling who waits leaves the tasks alone."""
    tasks = [asyncio.create_task(asyncio.sleep(delay, delay)) for delay in (1, 3)]

    async def waiter():
        async for task in asyncio.as_completed(tasks):
            t(task.result())

    outer = asyncio.create_task(waiter())
    await asyncio.sleep(2)
    outer.cancel()
    t(await caught(outer))
    t([outcome(task) for task in tasks])
    t(await tasks[1])


async def as_completed_steps_taken_early(t):
    """Steps taken before anything is done are served in order."""
    futures = [t.loop.create_future() for _ in range(2)]

    async def waiter(name, next_one):
        t(name, await next_one)

    steps = list(asyncio.as_completed(futures))
    tasks = [asyncio.create_task(waiter(*args)) for args in zip("ab", steps)]
    await asyncio.sleep(1)
    futures[1].set_result(1)
    futures[0].set_result(0)
    await asyncio.wait(tasks)
    t("end")
