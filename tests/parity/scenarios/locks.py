"""Lock and Event."""

import asyncio

from parity import Boom, caught, outcome, thrown


async def first_come_first_served(t):
    """Waiters get the lock in the order in which they came, an iteration each."""
    lock = asyncio.Lock()

    async def worker(name):
        async with lock:
            t(name, "has it")
            await asyncio.sleep(0)
            t(name, "gives it back")

    tasks = [asyncio.create_task(worker(name)) for name in "abc"]
    for task in tasks:
        await task
    t(lock.locked())


async def free_lock_takes_no_iteration(t):
    """A free lock is taken at once."""
    lock = asyncio.Lock()
    t.loop.call_soon(t, "callback")
    async with lock:
        t("first", lock.locked())
    t(lock.locked())
    async with lock:
        t("second")
    await asyncio.sleep(0)
    t("end")


async def rounds_of_contention(t):
    """Tasks that come back for the lock queue up behind the others."""
    lock = asyncio.Lock()

    async def worker(name):
        for i in range(2):
            async with lock:
                t(name, i)
                await asyncio.sleep(1)

    tasks = [asyncio.create_task(worker(name)) for name in "abc"]
    for task in tasks:
        await task
    t("end")


async def release_without_acquire(t):
    """Releasing a free lock is an error."""
    lock = asyncio.Lock()
    t(thrown(lock.release))
    await lock.acquire()
    lock.release()
    t(thrown(lock.release))


async def error_in_the_block(t):
    """An error in the block gives the lock back."""
    lock = asyncio.Lock()

    async def bad():
        async with lock:
            raise Boom("in the block")

    t(await caught(bad()), lock.locked())


async def free_between_release_and_wake_up(t):
    """After release() the lock is free until the waiter runs, but newcomers queue up."""
    lock = asyncio.Lock()
    await lock.acquire()

    async def waiter(name):
        async with lock:
            t(name, "has it")

    a = asyncio.create_task(waiter("a"))
    await asyncio.sleep(0)
    lock.release()
    t(lock.locked())
    b = asyncio.create_task(waiter("b"))
    async with lock:
        t("main has it")
    await a
    await b
    t("end")


async def newcomer_does_not_overtake(t):
    """Who releases and asks again in one step stands behind who waits."""
    lock = asyncio.Lock()
    await lock.acquire()

    async def waiter():
        async with lock:
            t("waiter has it")

    task = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    lock.release()
    await lock.acquire()
    t("main has it again")
    lock.release()
    await task


async def waiter_cancelled(t):
    """A cancelled waiter leaves the queue; the next one gets the lock."""
    lock = asyncio.Lock()
    await lock.acquire()

    async def waiter(name):
        async with lock:
            t(name)

    a = asyncio.create_task(waiter("a"))
    b = asyncio.create_task(waiter("b"))
    await asyncio.sleep(0)
    a.cancel()
    await asyncio.sleep(0)
    t(outcome(a), lock.locked())
    lock.release()
    await b
    t("end")


async def cancelled_and_released_in_one_iteration(t):
    """A waiter cancelled in the iteration in which it was woken passes the lock on."""
    lock = asyncio.Lock()
    await lock.acquire()

    async def waiter(name):
        async with lock:
            t(name, "has it")

    tasks = [asyncio.create_task(waiter(name)) for name in "abc"]
    await asyncio.sleep(0)
    lock.release()
    tasks[0].cancel()
    t(lock.locked())
    t(await caught(tasks[0]), lock.locked())
    await tasks[1]
    await tasks[2]
    t(lock.locked())


async def released_after_the_cancellation(t):
    """A waiter that is cancelled first does not stop the wake-up of the next."""
    lock = asyncio.Lock()
    await lock.acquire()

    async def waiter(name):
        async with lock:
            t(name, "has it")

    tasks = [asyncio.create_task(waiter(name)) for name in "ab"]
    await asyncio.sleep(0)
    tasks[0].cancel()
    lock.release()
    t(await caught(tasks[0]))
    t(await caught(tasks[1]))
    t(lock.locked())


async def race_for_the_lock(t):
    """A newcomer, a woken waiter and a cancelled one: exactly one has the lock at a time."""
    lock = asyncio.Lock()
    holders = []

    async def worker(name, delay):
        for _ in range(delay):
            await asyncio.sleep(0)
        async with lock:
            holders.append(name)
            t(name, len(holders))
            await asyncio.sleep(0)
            holders.remove(name)

    tasks = [asyncio.create_task(worker(name, delay)) for name, delay in (("a", 0), ("b", 0), ("c", 1), ("d", 2))]
    await asyncio.sleep(0)
    tasks[1].cancel()
    for task in tasks:
        await caught(task)
    t(lock.locked(), [outcome(task) for task in tasks])


async def acquire_with_a_timeout(t):
    """A timeout on acquire() leaves the lock to the others."""
    lock = asyncio.Lock()
    await lock.acquire()
    t(await caught(asyncio.wait_for(lock.acquire(), 1)))
    lock.release()
    await lock.acquire()
    t(lock.locked())


async def held_across_a_cancellation(t):
    """A holder that is cancelled gives the lock back."""
    lock = asyncio.Lock()

    async def holder():
        async with lock:
            await asyncio.sleep(10)

    async def waiter():
        async with lock:
            t("waiter has it")

    a = asyncio.create_task(holder())
    b = asyncio.create_task(waiter())
    await asyncio.sleep(1)
    a.cancel()
    await b
    t(outcome(a))


async def event_wakes_all(t):
    """set() wakes every waiter, in order, in the next iteration."""
    event = asyncio.Event()

    async def waiter(name):
        t(name, await event.wait())

    tasks = [asyncio.create_task(waiter(name)) for name in "abc"]
    await asyncio.sleep(0)
    t(event.is_set())
    event.set()
    t(event.is_set())
    for task in tasks:
        await task
    t("end")


async def event_that_is_set(t):
    """Waiting for an event that is set takes no iteration."""
    event = asyncio.Event()
    event.set()
    t.loop.call_soon(t, "callback")
    t(await event.wait())
    event.clear()
    t(event.is_set())
    await asyncio.sleep(0)
    t("end")


async def event_set_and_cleared(t):
    """set() then clear() wakes who waited then."""
    event = asyncio.Event()

    async def waiter(name):
        t(name, await event.wait(), event.is_set())

    task = asyncio.create_task(waiter("early"))
    await asyncio.sleep(0)
    event.set()
    event.clear()
    late = asyncio.create_task(waiter("late"))
    await task
    t("late still waits", late.done())
    event.set()
    await late


async def event_waiter_cancelled(t):
    """A cancelled waiter does not disturb the others."""
    event = asyncio.Event()

    async def waiter(name):
        t(name, await event.wait())

    tasks = [asyncio.create_task(waiter(name)) for name in "ab"]
    await asyncio.sleep(0)
    tasks[0].cancel()
    event.set()
    t(await caught(tasks[0]))
    await tasks[1]


async def event_cancelled_after_set(t):
    """A waiter cancelled after set(), before it runs, is cancelled."""
    event = asyncio.Event()

    async def waiter():
        await event.wait()
        t("never")

    task = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    event.set()
    task.cancel()
    t(await caught(task))


async def event_with_a_timeout(t):
    """A timeout on wait()."""
    event = asyncio.Event()
    t(await caught(asyncio.wait_for(event.wait(), 1)))
    t.loop.call_later(1, event.set)
    t(await caught(asyncio.wait_for(event.wait(), 2)))


async def event_set_twice(t):
    """Setting a set event does nothing."""
    event = asyncio.Event()

    async def waiter():
        for i in range(2):
            await event.wait()
            t(i)
            event.clear()

    task = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    event.set()
    event.set()
    await asyncio.sleep(1)
    t(task.done())
    event.set()
    await task
