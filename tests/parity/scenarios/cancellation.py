"""Cancelling one task, also by itself."""

import asyncio

from parity import Boom, caught, outcome


async def before_the_start(t):
    """A task cancelled before its first step never runs."""

    async def work():
        t("never")

    task = asyncio.create_task(work())
    t(task.cancel("early"))
    t(task.done(), task.cancelling())
    t(await caught(task))
    t(outcome(task))


async def before_the_start_keeps_its_turn(t):
    """A task cancelled before its first step ends in the iteration in which it would have started."""

    async def work():
        t("never")

    task = asyncio.create_task(work())
    task.add_done_callback(lambda f: t("callback", f.cancelled()))
    t.loop.call_soon(lambda: t("queued behind", task.done()))
    task.cancel()
    await asyncio.sleep(0)
    t("main")
    await asyncio.sleep(0)
    t("end")


async def while_sleeping(t):
    """CancelledError is thrown where the task waits, one iteration after cancel()."""

    async def work():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError as error:
            t("thrown", error)
            raise
        finally:
            t("finally")

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    t(task.cancel("enough"))
    t("requested", task.done(), task.cancelling())
    t(await caught(task))
    t(outcome(task))


async def three_deep(t):
    """Cancelling unwinds every level from the innermost, in one iteration."""

    async def level(n):
        try:
            if n == 3:
                await asyncio.sleep(10)
            else:
                await level(n + 1)
        finally:
            t("unwinds", n)

    task = asyncio.create_task(level(1))
    await asyncio.sleep(1)
    task.cancel()
    t.loop.call_soon(t, "callback")
    t(await caught(task))


async def three_tasks_deep(t):
    """Cancelling a task cancels the one it awaits; the ends travel up one iteration each."""

    async def level(n):
        try:
            if n == 3:
                await asyncio.sleep(10)
            else:
                await asyncio.create_task(level(n + 1))
        finally:
            t("unwinds", n)

    task = asyncio.create_task(level(1))
    await asyncio.sleep(1)
    task.cancel("deep")
    t(await caught(task))


async def swallowed(t):
    """A task that swallows the cancellation ends normally."""

    async def work():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            t("swallowed")
        return 42

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    t(await task, task.cancelled(), task.cancelling())


async def swallowed_and_goes_on_waiting(t):
    """After a swallowed cancellation later awaits are not disturbed."""
    first = t.loop.create_future()
    second = t.loop.create_future()

    async def work():
        t(await caught(first))
        return await second

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(1)
    t(first.cancelled(), second.cancelled(), task.done())
    second.set_result(42)
    t(await task)


async def twice_at_once(t):
    """Two cancel() calls before the task runs deliver one CancelledError, and count two."""

    async def work():
        t(await caught(asyncio.sleep(10)))
        t(await caught(asyncio.sleep(1, "second sleep")))

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    t(task.cancel("one"), task.cancel("two"))
    t(task.cancelling())
    await caught(task)
    t(outcome(task), task.cancelling())


async def again_during_the_cleanup(t):
    """A second cancel() interrupts the cleanup that awaits."""

    async def work():
        try:
            await asyncio.sleep(10)
        finally:
            t("cleanup")
            t(await caught(asyncio.sleep(10)))
            t("cleanup ends")

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel("one")
    await asyncio.sleep(1)
    task.cancel("two")
    t(await caught(task))
    t(task.cancelling())


async def cleanup_that_awaits(t):
    """A cleanup may await; the task ends cancelled after it."""

    async def work():
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(2)
            t("cleaned")

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.sleep(1)
    t(task.done())
    t(await caught(task))


async def cleanup_that_fails(t):
    """An error in the cleanup replaces the cancellation."""

    async def work():
        try:
            await asyncio.sleep(10)
        finally:
            raise Boom("cleanup")

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel()
    t(await caught(task), outcome(task), task.cancelled())


async def itself_then_awaits(t):
    """A task that cancels itself is cancelled at its next await."""

    async def work():
        t(asyncio.current_task().cancel("self"))
        t("still running")
        t(await caught(asyncio.sleep(10)))
        return "ends"

    task = asyncio.create_task(work())
    t(await caught(task), t.now())


async def itself_then_awaits_nothing_long(t):
    """A task that cancels itself is cancelled at sleep(0) too."""

    async def work():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)
        t("never")

    task = asyncio.create_task(work())
    t(await caught(task))


async def itself_then_awaits_a_done_future(t):
    """Awaiting what is done is no chance to be cancelled."""
    done = t.loop.create_future()
    done.set_result("done")

    async def work():
        asyncio.current_task().cancel()
        t(await done)
        t(await caught(asyncio.sleep(0)))
        return "ends"

    t(await caught(asyncio.create_task(work())))


async def itself_then_returns(t):
    """A task that cancels itself and returns is cancelled."""

    async def work():
        asyncio.current_task().cancel("self")
        return 12

    task = asyncio.create_task(work())
    t(await caught(task))
    t(outcome(task))


async def itself_then_fails(t):
    """A task that cancels itself and fails has failed."""

    async def work():
        asyncio.current_task().cancel()
        raise Boom("own error")

    task = asyncio.create_task(work())
    t(await caught(task))
    t(outcome(task))


async def itself_then_awaits_a_task(t):
    """A task that cancels itself cancels the task it awaits next, and its future."""
    future = t.loop.create_future()

    async def nested():
        await future

    inner = asyncio.create_task(nested())

    async def work():
        asyncio.current_task().cancel()
        await inner

    task = asyncio.create_task(work())
    t(await caught(task))
    t(outcome(task), outcome(inner), outcome(future))
