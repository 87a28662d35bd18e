"""Semaphore, BoundedSemaphore and Barrier."""

import asyncio

from parity import caught, outcome, thrown


def _order(t, semaphore, *names):
    async def worker(name):
        await semaphore.acquire()
        t(name)

    return [asyncio.create_task(worker(name)) for name in names]


async def as_many_as_allowed(t):
    """So many hold it at a time."""
    semaphore = asyncio.Semaphore(2)

    async def worker(name):
        async with semaphore:
            t(name, "in", semaphore.locked())
            await asyncio.sleep(1)
        t(name, "out")

    tasks = [asyncio.create_task(worker(name)) for name in "abc"]
    for task in tasks:
        await task
    t(semaphore.locked())


async def permits_in_order(t):
    """Permits go to waiters in the order in which they came."""
    semaphore = asyncio.Semaphore(0)
    tasks = _order(t, semaphore, "a", "b", "c")
    await asyncio.sleep(0)
    semaphore.release()
    semaphore.release()
    t("released two", semaphore.locked())
    await asyncio.sleep(1)
    semaphore.release()
    for task in tasks:
        await task
    t("end")


async def newcomer_does_not_overtake(t):
    """A permit that is promised to a waiter is not there for a newcomer."""
    semaphore = asyncio.Semaphore(0)
    tasks = _order(t, semaphore, "waiter")
    await asyncio.sleep(0)
    semaphore.release()
    t(semaphore.locked())
    tasks += _order(t, semaphore, "newcomer")
    await tasks[0]
    t("newcomer waits", tasks[1].done())
    semaphore.release()
    await tasks[1]


async def rounds_of_turns(t):
    """Tasks that come back take turns."""
    semaphore = asyncio.Semaphore(1)

    async def worker(name):
        for i in range(2):
            async with semaphore:
                t(name, i)
                await asyncio.sleep(0)

    tasks = [asyncio.create_task(worker(name)) for name in "abc"]
    for task in tasks:
        await task
    t("end")


async def rounds_without_a_pause(t):
    """The same without a wait inside: who is alone does all its rounds."""
    semaphore = asyncio.Semaphore(1)

    async def worker(name):
        for i in range(2):
            async with semaphore:
                t(name, i)

    tasks = [asyncio.create_task(worker(name)) for name in "ab"]
    for task in tasks:
        await task
    t("end")


async def free_takes_no_iteration(t):
    """A permit that is there is taken at once."""
    semaphore = asyncio.Semaphore(2)
    t.loop.call_soon(t, "callback")
    await semaphore.acquire()
    await semaphore.acquire()
    t("two", semaphore.locked())
    await asyncio.sleep(0)
    t("end")


async def waiter_cancelled(t):
    """A cancelled waiter leaves the queue."""
    semaphore = asyncio.Semaphore(0)
    tasks = _order(t, semaphore, "a", "b")
    await asyncio.sleep(0)
    tasks[0].cancel()
    semaphore.release()
    t(await caught(tasks[0]), await caught(tasks[1]))


async def waiter_cancelled_when_granted(t):
    """A waiter cancelled after it was granted the permit passes it on."""
    semaphore = asyncio.Semaphore(0)
    tasks = _order(t, semaphore, "a", "b")
    await asyncio.sleep(0)
    semaphore.release()
    tasks[0].cancel()
    t(await caught(tasks[0]))
    t(await caught(tasks[1]))
    t(semaphore.locked())


async def all_waiters_cancelled(t):
    """When the granted waiter is cancelled and nobody waits, the permit is free."""
    semaphore = asyncio.Semaphore(0)
    tasks = _order(t, semaphore, "a")
    await asyncio.sleep(0)
    semaphore.release()
    t(semaphore.locked())
    tasks[0].cancel()
    t(await caught(tasks[0]))
    t(semaphore.locked())
    await semaphore.acquire()
    t("end")


async def cancelled_before_it_is_woken(t):
    """Of two waiters one is cancelled just when the holder releases: the other gets the permit."""
    semaphore = asyncio.Semaphore(1)

    async def worker(name):
        async with semaphore:
            t(name, "has it")
            await asyncio.sleep(1)

    a, b, c = [asyncio.create_task(worker(name)) for name in "abc"]
    t.loop.call_later(1, b.cancel)
    t(await caught(b))
    await a
    await c
    t(semaphore.locked())


async def no_deadlock_after_cancelled_waiters(t):
    """A holder that cancels the waiter and takes the permit again does not block."""
    semaphore = asyncio.Semaphore(1)

    async def one():
        async with semaphore:
            await asyncio.sleep(0)
            others[0].cancel()

    async def two():
        async with semaphore:
            t("never")

    first = asyncio.create_task(one())
    others = [asyncio.create_task(two())]
    t(await caught(first), await caught(others[0]))
    await semaphore.acquire()
    t("main has it")


async def two_releases_and_a_cancellation(t):
    """Two permits, three waiters, the first cancelled: the other two get them."""
    semaphore = asyncio.Semaphore(0)
    tasks = _order(t, semaphore, "a", "b", "c")
    await asyncio.sleep(0)
    semaphore.release()
    semaphore.release()
    tasks[0].cancel()
    for task in tasks:
        t(await caught(task))


async def acquire_with_a_timeout(t):
    """A timeout on acquire() takes no permit."""
    semaphore = asyncio.Semaphore(0)
    t(await caught(asyncio.wait_for(semaphore.acquire(), 1)))
    semaphore.release()
    t(semaphore.locked())
    await semaphore.acquire()
    t(semaphore.locked())


async def more_releases_than_acquires(t):
    """A plain semaphore grows; a bounded one refuses."""
    plain = asyncio.Semaphore(1)
    plain.release()
    await plain.acquire()
    await plain.acquire()
    t(plain.locked())
    bounded = asyncio.BoundedSemaphore(1)
    t(thrown(bounded.release))
    await bounded.acquire()
    bounded.release()
    t(thrown(bounded.release), bounded.locked())


async def negative_start(t):
    """A negative number of permits is refused."""
    t(thrown(lambda: asyncio.Semaphore(-1)), thrown(lambda: asyncio.BoundedSemaphore(-1)))


async def barrier_lets_all_through(t):
    """The barrier opens when the last party arrives; each gets its place."""
    barrier = asyncio.Barrier(3)

    async def party(name):
        t(name, "arrives", barrier.n_waiting)
        t(name, "passes", await barrier.wait())

    tasks = [asyncio.create_task(party(name)) for name in "abc"]
    for task in tasks:
        await task
    t(barrier.n_waiting, barrier.broken)


async def barrier_of_one(t):
    """A barrier of one never blocks."""
    barrier = asyncio.Barrier(1)
    t.loop.call_soon(t, "callback")
    t(await barrier.wait())
    t(await barrier.wait())
    await asyncio.sleep(0)
    t("end")


async def barrier_in_rounds(t):
    """A barrier can be used again."""
    barrier = asyncio.Barrier(2)

    async def party(name, delay):
        for i in range(3):
            await asyncio.sleep(delay)
            await barrier.wait()
            t(name, i)

    tasks = [asyncio.create_task(party("a", 1)), asyncio.create_task(party("b", 2))]
    for task in tasks:
        await task
    t("end")


async def barrier_newcomers_wait_for_the_draining(t):
    """Who comes while the parties pass waits for the next round."""
    barrier = asyncio.Barrier(2)

    async def party(name):
        await barrier.wait()
        t(name, barrier.n_waiting)

    tasks = [asyncio.create_task(party(name)) for name in "abcd"]
    for task in tasks:
        await task
    t("end")


async def barrier_reset(t):
    """reset() throws out who waits; the barrier works on."""
    barrier = asyncio.Barrier(3)

    async def party(name):
        t(name, await caught(barrier.wait()))

    tasks = [asyncio.create_task(party(name)) for name in "ab"]
    await asyncio.sleep(1)
    t(barrier.n_waiting)
    await barrier.reset()
    t(barrier.n_waiting, barrier.broken)
    for task in tasks:
        await task
    tasks = [asyncio.create_task(barrier.wait()) for _ in range(3)]
    for task in tasks:
        await task
    t(barrier.broken)


async def barrier_abort(t):
    """abort() breaks the barrier until it is reset."""
    barrier = asyncio.Barrier(2)

    async def party():
        t(await caught(barrier.wait()))

    task = asyncio.create_task(party())
    await asyncio.sleep(1)
    await barrier.abort()
    t(barrier.broken)
    await task
    t(await caught(barrier.wait()))
    await barrier.reset()
    t(barrier.broken)


async def barrier_party_cancelled(t):
    """A cancelled party leaves; the barrier waits for another."""
    barrier = asyncio.Barrier(2)

    async def party(name):
        try:
            await barrier.wait()
            t(name, "passes")
        finally:
            t(name, "ends", barrier.n_waiting)

    first = asyncio.create_task(party("a"))
    await asyncio.sleep(1)
    first.cancel()
    t(await caught(first), barrier.broken)
    tasks = [asyncio.create_task(party(name)) for name in "bc"]
    for task in tasks:
        await task


async def barrier_with_a_timeout(t):
    """A timeout on wait() takes the party out."""
    barrier = asyncio.Barrier(2)
    t(await caught(asyncio.wait_for(barrier.wait(), 1)))
    t(barrier.n_waiting, barrier.broken, barrier.parties)


async def barrier_refuses(t):
    """A barrier needs at least one party."""
    t(thrown(lambda: asyncio.Barrier(0)), thrown(lambda: asyncio.Barrier(-1)))


async def semaphore_states(t):
    """locked() tells whether acquire() would wait."""
    semaphore = asyncio.Semaphore(1)
    t(semaphore.locked())
    await semaphore.acquire()
    t(semaphore.locked())
    tasks = _order(t, semaphore, "a")
    await asyncio.sleep(0)
    semaphore.release()
    t("promised", semaphore.locked())
    await tasks[0]
    semaphore.release()
    t(semaphore.locked(), outcome(tasks[0]))
