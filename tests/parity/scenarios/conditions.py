"""Condition."""

import asyncio

from parity import Boom, caught, outcome, thrown


def _waiters(t, condition, names):
    async def waiter(name):
        async with condition:
            t(name, await condition.wait())

    return [asyncio.create_task(waiter(name)) for name in names]


async def notify_one(t):
    """notify() wakes the one that waits longest."""
    condition = asyncio.Condition()
    tasks = _waiters(t, condition, "ab")
    await asyncio.sleep(1)
    for _ in tasks:
        async with condition:
            condition.notify()
            t("notified")
        await asyncio.sleep(1)
    await tasks[0]
    await tasks[1]
    t("end")


async def notify_some(t):
    """notify(n) wakes so many, in order, one after the other."""
    condition = asyncio.Condition()
    tasks = _waiters(t, condition, "abc")
    await asyncio.sleep(1)
    async with condition:
        condition.notify(2)
    await asyncio.sleep(1)
    t([task.done() for task in tasks])
    async with condition:
        condition.notify(5)
    await tasks[2]
    t("end")


async def notify_all(t):
    """notify_all() wakes all; each takes the lock in turn."""
    condition = asyncio.Condition()

    async def waiter(name):
        async with condition:
            await condition.wait()
            t(name, "has the lock")
            await asyncio.sleep(1)

    tasks = [asyncio.create_task(waiter(name)) for name in "abc"]
    await asyncio.sleep(1)
    async with condition:
        condition.notify_all()
        t("notified")
    for task in tasks:
        await task
    t(condition.locked())


async def nobody_waits(t):
    """A notification without waiters is lost."""
    condition = asyncio.Condition()
    async with condition:
        condition.notify()
        condition.notify_all()
    async with condition:
        t(await caught(asyncio.wait_for(condition.wait(), 1)))
        t(condition.locked())


async def without_the_lock(t):
    """Waiting and notifying need the lock."""
    condition = asyncio.Condition()
    t(thrown(condition.notify), thrown(condition.notify_all))
    t(await caught(condition.wait()))
    t(thrown(condition.release), condition.locked())


async def wait_for_a_predicate(t):
    """wait_for() waits until the predicate holds and returns its value."""
    condition = asyncio.Condition()
    state = [0]

    def predicate():
        t("asked", state[0])
        return state[0] >= 2 and "enough"

    async def waiter():
        async with condition:
            t(await condition.wait_for(predicate))

    task = asyncio.create_task(waiter())
    for _ in range(3):
        await asyncio.sleep(1)
        async with condition:
            state[0] += 1
            condition.notify()
    await task


async def predicate_holds_already(t):
    """wait_for() of what holds already takes no iteration."""
    condition = asyncio.Condition()
    t.loop.call_soon(t, "callback")
    async with condition:
        t(await condition.wait_for(lambda: "yes"))
    await asyncio.sleep(0)
    t("end")


async def cancelled_while_it_waits(t):
    """A cancelled wait() takes the lock again before it throws."""
    condition = asyncio.Condition()

    async def waiter():
        async with condition:
            try:
                await condition.wait()
            finally:
                t("locked", condition.locked())

    task = asyncio.create_task(waiter())
    await asyncio.sleep(1)
    t(condition.locked())
    task.cancel("enough")
    t(await caught(task))
    t(condition.locked())


async def cancelled_while_the_lock_is_held(t):
    """A cancelled wait() waits for the lock, however long, and throws then."""
    condition = asyncio.Condition()

    async def waiter():
        async with condition:
            try:
                await condition.wait()
            finally:
                t("has the lock again")

    task = asyncio.create_task(waiter())
    await asyncio.sleep(1)
    async with condition:
        task.cancel("enough")
        await asyncio.sleep(2)
        t(task.done())
    t(await caught(task))


async def cancelled_twice_while_the_lock_is_held(t):
    """Cancelled again while it waits for the lock, it throws the last cancellation, with the lock."""
    condition = asyncio.Condition()

    async def waiter():
        async with condition:
            try:
                await condition.wait()
            except asyncio.CancelledError as error:
                t(error, condition.locked())
                raise

    task = asyncio.create_task(waiter())
    await asyncio.sleep(1)
    async with condition:
        task.cancel("one")
        await asyncio.sleep(1)
        task.cancel("two")
        await asyncio.sleep(1)
        t(task.done())
    t(await caught(task))
    t(condition.locked())


async def cancelled_when_notified(t):
    """A waiter cancelled in the iteration of its notification passes the notification on."""
    condition = asyncio.Condition()
    tasks = _waiters(t, condition, "ab")
    await asyncio.sleep(1)
    async with condition:
        condition.notify()
        tasks[0].cancel()
    t(await caught(tasks[0]))
    t(await caught(tasks[1]))


async def cancelled_while_it_takes_the_lock_again(t):
    """A notified waiter that is cancelled while it waits for the lock passes the notification on."""
    condition = asyncio.Condition()
    tasks = _waiters(t, condition, "ab")
    await asyncio.sleep(1)
    async with condition:
        condition.notify()
        await asyncio.sleep(1)
        tasks[0].cancel("late")
        await asyncio.sleep(1)
        t([outcome(task) for task in tasks])
    t(await caught(tasks[0]))
    t(await caught(tasks[1]))


async def timeout_in_the_block(t):
    """A timeout on wait() leaves the lock with the block."""
    condition = asyncio.Condition()
    async with condition:
        t(await caught(asyncio.wait_for(condition.wait(), 1)))
        t(condition.locked())
    t(condition.locked())


async def shared_lock(t):
    """Two conditions on one lock."""
    lock = asyncio.Lock()
    first, second = asyncio.Condition(lock), asyncio.Condition(lock)
    tasks = _waiters(t, first, "a") + _waiters(t, second, "b")
    await asyncio.sleep(1)
    async with lock:
        t(first.locked(), second.locked())
        second.notify()
        await asyncio.sleep(1)
        t("second notified")
    await tasks[1]
    async with first:
        first.notify()
    await tasks[0]
    t("end")


async def error_of_the_predicate(t):
    """An error of the predicate passes, and the lock is given back."""
    condition = asyncio.Condition()

    def predicate():
        raise Boom("predicate")

    async def waiter():
        async with condition:
            await condition.wait_for(predicate)

    t(await caught(waiter()), condition.locked())


async def producer_and_consumers(t):
    """A buffer of one place, guarded by a condition."""
    condition = asyncio.Condition()
    buffer = []

    async def consumer(name):
        for _ in range(2):
            async with condition:
                await condition.wait_for(lambda: buffer)
                t(name, buffer.pop())
                condition.notify_all()

    async def producer():
        for i in range(4):
            async with condition:
                await condition.wait_for(lambda: not buffer)
                buffer.append(i)
                condition.notify_all()

    tasks = [asyncio.create_task(consumer("a")), asyncio.create_task(consumer("b"))]
    await producer()
    for task in tasks:
        await task
    t("end")
