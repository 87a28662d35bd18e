"""Timeout blocks."""

import asyncio

from parity import Boom, caught, thrown


async def swallowed_by_the_body(t):
    """A body may swallow the cancellation and end normally; expired() tells of it."""
    try:
        async with asyncio.timeout(1) as scope:
            t(t.ms(scope.when()), scope.expired())
            t(await caught(asyncio.sleep(10)))
            t("goes on", scope.expired())
            await asyncio.sleep(1)
            t("ends normally")
    except TimeoutError:
        t("never")
    t(scope.expired(), asyncio.current_task().cancelling())


async def expires_and_throws(t):
    """The error that leaves the block is TimeoutError."""
    try:
        async with asyncio.timeout(1) as scope:
            try:
                await asyncio.sleep(10)
            finally:
                t("finally", asyncio.current_task().cancelling())
    except TimeoutError as error:
        t(error, error.__cause__)
    t(scope.expired(), asyncio.current_task().cancelling(), t.ms(scope.when()))


async def does_not_expire(t):
    """A block in time is left alone, also later."""
    async with asyncio.timeout(2) as scope:
        await asyncio.sleep(1)
        t("in time")
    t(scope.expired())
    await asyncio.sleep(5)
    t("undisturbed", scope.expired())


async def at_the_very_deadline(t):
    """A sleep as long as the timeout is cut off: the timer that was set first fires first."""

    async def block():
        async with asyncio.timeout(1):
            await asyncio.sleep(1)
            t("never")

    t(await caught(block()))


async def value_and_deadline_in_one_iteration(t):
    """A value that comes in the iteration of the deadline, though before it, is lost."""
    future = t.loop.create_future()
    t.loop.call_later(1, lambda: future.done() or future.set_result("first"))

    async def block():
        async with asyncio.timeout(1):
            return await future

    t(await caught(block()), asyncio.current_task().cancelling())


async def none_never_expires(t):
    """A timeout of None has no deadline."""
    async with asyncio.timeout(None) as scope:
        t(scope.when())
        await asyncio.sleep(100)
    t(scope.expired())


async def zero_expires_at_the_first_wait(t):
    """A timeout of zero cuts off at the first iteration."""

    async def block():
        async with asyncio.timeout(0) as scope:
            t("begins", scope.expired())
            await asyncio.sleep(0)
            t("never")

    t(await caught(block()))


async def zero_without_a_wait(t):
    """A block that never waits does not expire, even with a deadline in the past."""
    async with asyncio.timeout(0) as scope:
        t("body")
    async with asyncio.timeout_at(t.loop.time() - 1) as past:
        t("body again")
    t(scope.expired(), past.expired())
    await asyncio.sleep(0)
    t("undisturbed")


async def deadline_in_the_past(t):
    """A deadline that passed cuts off at the first iteration."""

    async def block():
        async with asyncio.timeout(-1):
            await asyncio.sleep(0)
            t("never")

    t(await caught(block()))


async def timeout_at_an_absolute_time(t):
    """timeout_at() takes a time of the loop."""

    async def block(when):
        async with asyncio.timeout_at(when):
            await asyncio.sleep(10)

    t(await caught(block(t.loop.time() + 2)))
    t(await caught(block(t.loop.time() - 2)))


async def own_error_passes(t):
    """An error of the body is what leaves the block."""

    async def block():
        async with asyncio.timeout(1):
            await asyncio.sleep(0)
            raise Boom("body")

    t(await caught(block()))
    await asyncio.sleep(2)
    t("undisturbed")


async def own_error_on_expiry(t):
    """A body that answers the expiry with an error of its own ends with that error."""

    async def block():
        async with asyncio.timeout(1) as scope:
            try:
                await asyncio.sleep(10)
            finally:
                t("expired so far", scope.expired())
                raise Boom("cleanup")

    t(await caught(block()), asyncio.current_task().cancelling())


async def slow_cleanup(t):
    """The block ends when its cleanup does, however late."""

    async def block():
        async with asyncio.timeout(1):
            try:
                await asyncio.sleep(10)
            finally:
                await asyncio.sleep(3)
                t("cleaned")

    t(await caught(block()))


async def own_cancelled_error(t):
    """CancelledError raised by the body itself, in time, passes."""

    async def block():
        async with asyncio.timeout(1):
            raise asyncio.CancelledError("own")

    t(await caught(block()))


async def nested_inner_expires(t):
    """Of nested blocks the one whose time is up throws."""
    async with asyncio.timeout(5) as outer:
        try:
            async with asyncio.timeout(1) as inner:
                await asyncio.sleep(10)
        except TimeoutError:
            t("inner timed out", inner.expired(), outer.expired())
        await asyncio.sleep(1)
        t("outer goes on")
    t(outer.expired())


async def nested_outer_expires(t):
    """An outer block cuts off an inner one, which only sees a cancellation."""
    try:
        async with asyncio.timeout(1) as outer:
            try:
                async with asyncio.timeout(5) as inner:
                    await asyncio.sleep(10)
            except asyncio.CancelledError:
                t("inner cancelled", inner.expired(), outer.expired())
                raise
    except TimeoutError as error:
        t(error, inner.expired(), outer.expired())


async def nested_same_deadline(t):
    """Of nested blocks of one deadline the outer throws; both expired."""
    scopes = []

    async def block():
        async with asyncio.timeout(1) as outer:
            scopes.append(outer)
            try:
                async with asyncio.timeout(1) as inner:
                    scopes.append(inner)
                    await asyncio.sleep(10)
            except BaseException as error:
                t("inner", error)
                raise

    t(await caught(block()))
    t([scope.expired() for scope in scopes], asyncio.current_task().cancelling())


async def nested_and_the_inner_swallows(t):
    """A body that goes on after the inner expiry can still be cut off by the outer one."""

    async def block():
        async with asyncio.timeout(2):
            async with asyncio.timeout(1):
                t(await caught(asyncio.sleep(10)))
                t(await caught(asyncio.sleep(10)))
            t("inner block ended normally")
            await asyncio.sleep(0)
            t("no longer cancelled")

    t(await caught(block()), asyncio.current_task().cancelling())


async def reschedule_later(t):
    """A deadline can be moved away."""
    async with asyncio.timeout(1) as scope:
        await asyncio.sleep(0.5)
        scope.reschedule(t.loop.time() + 5)
        t(t.ms(scope.when()))
        await asyncio.sleep(2)
        t("in time")
    t(scope.expired())


async def reschedule_earlier(t):
    """A deadline can be moved near, even into the past."""

    async def block(offset):
        async with asyncio.timeout(10) as scope:
            scope.reschedule(t.loop.time() + offset)
            await asyncio.sleep(20)

    t(await caught(block(1)))
    t(await caught(block(-1)))


async def reschedule_to_none_and_back(t):
    """A deadline can be taken away and set again."""

    async def block():
        async with asyncio.timeout(1) as scope:
            scope.reschedule(None)
            t(scope.when())
            await asyncio.sleep(5)
            scope.reschedule(t.loop.time() + 1)
            await asyncio.sleep(5)

    t(await caught(block()))


async def reschedule_by_another_task(t):
    """Any task may move the deadline."""

    async def push(scope):
        for _ in range(3):
            await asyncio.sleep(1)
            scope.reschedule(scope.when() + 1)
            t("moved to", t.ms(scope.when()))

    async def block():
        async with asyncio.timeout(2) as scope:
            tasks.append(asyncio.create_task(push(scope)))
            await asyncio.sleep(100)

    tasks = []
    t(await caught(block()))
    await tasks[0]


async def reschedule_too_late(t):
    """A block that expires, or is over, cannot be rescheduled."""
    try:
        async with asyncio.timeout(1) as expired:
            try:
                await asyncio.sleep(10)
            finally:
                t("expiring", thrown(lambda: expired.reschedule(None)))
    except TimeoutError:
        t("expired", thrown(lambda: expired.reschedule(None)))
    async with asyncio.timeout(1) as finished:
        pass
    t("finished", thrown(lambda: finished.reschedule(None)))


async def cancelled_from_outside(t):
    """A cancellation from outside passes as such."""
    scopes = []

    async def block():
        async with asyncio.timeout(5) as scope:
            scopes.append(scope)
            await asyncio.sleep(10)

    task = asyncio.create_task(block())
    await asyncio.sleep(1)
    task.cancel("outside")
    t(await caught(task))
    t(scopes[0].expired(), task.cancelling())


async def cancelled_from_outside_then_expires(t):
    """Cancelled first and expired in the same iteration, it is a cancellation."""

    async def block():
        async with asyncio.timeout(1) as scope:
            try:
                await asyncio.sleep(10)
            finally:
                t(scope.expired(), asyncio.current_task().cancelling())

    task = asyncio.create_task(block())
    t.loop.call_later(1, lambda: task.cancel("outside"))
    t(await caught(task))
    t(task.cancelled(), task.cancelling())


async def expires_then_cancelled_from_outside(t):
    """Expired first and cancelled in the same iteration, it is a cancellation all the same."""

    async def block():
        async with asyncio.timeout(1) as scope:
            try:
                await asyncio.sleep(10)
            finally:
                t(scope.expired(), asyncio.current_task().cancelling())

    task = asyncio.create_task(block())
    await asyncio.sleep(0)
    t.loop.call_later(1, lambda: task.cancel("outside"))
    t(await caught(task))
    t(task.cancelled(), task.cancelling())


async def cancelled_during_the_cleanup_of_an_expiry(t):
    """A cancellation while the body cleans up after an expiry wins."""

    async def block():
        async with asyncio.timeout(1):
            try:
                await asyncio.sleep(10)
            finally:
                t("cleanup", await caught(asyncio.sleep(5)))

    task = asyncio.create_task(block())
    await asyncio.sleep(2)
    task.cancel("outside")
    t(await caught(task))
    t(task.cancelled(), task.cancelling())


async def in_a_task_that_was_cancelled_before(t):
    """After a swallowed cancellation a timeout still turns into TimeoutError."""

    async def work():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            pass
        t(asyncio.current_task().cancelling())
        try:
            async with asyncio.timeout(0):
                await asyncio.sleep(1)
        except TimeoutError as error:
            t(error, asyncio.current_task().cancelling())

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await task
    t(task.cancelling())


async def one_after_the_other(t):
    """Blocks in sequence do not disturb one another."""

    async def block(i):
        async with asyncio.timeout(1):
            await asyncio.sleep(i / 2)
            return i

    for i in range(4):
        t(await caught(block(i)))


async def around_a_group(t):
    """A timeout around a group cancels its members."""

    async def child(name):
        try:
            await asyncio.sleep(10)
        finally:
            t(name, "ends")

    try:
        async with asyncio.timeout(1):
            async with asyncio.TaskGroup() as group:
                group.create_task(child("a"))
                group.create_task(child("b"))
    except TimeoutError as error:
        t(error, asyncio.current_task().cancelling())


async def in_a_member_of_a_group(t):
    """A TimeoutError in a member is an error like any other."""

    async def child():
        async with asyncio.timeout(1):
            await asyncio.sleep(10)

    async def sibling():
        try:
            await asyncio.sleep(10)
        finally:
            t("sibling ends")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            group.create_task(sibling())
    except BaseExceptionGroup as error:
        t(error)


async def around_an_awaited_task(t):
    """A timeout cancels the task that the body awaits."""

    async def child():
        try:
            await asyncio.sleep(10)
        finally:
            t("child ends")

    task = asyncio.create_task(child())

    async def block():
        async with asyncio.timeout(1):
            await task

    t(await caught(block()), task.cancelled(), task.cancelling())


async def around_a_stubborn_task(t):
    """If the awaited task swallows the cancellation, the block ends normally."""

    async def child():
        t(await caught(asyncio.sleep(10)))
        return "value"

    task = asyncio.create_task(child())
    async with asyncio.timeout(1) as scope:
        t(await task)
    t(scope.expired(), asyncio.current_task().cancelling())


def outside_of_a_task(t):
    """Without a task there is nothing to cancel: RuntimeError."""

    def callback():
        coroutine = asyncio.timeout(1).__aenter__()
        try:
            coroutine.send(None)
        except RuntimeError as error:
            t(error)
        coroutine.close()
        t.loop.stop()

    t.loop.call_soon(callback)
    t.loop.run_forever()
    t("end")
