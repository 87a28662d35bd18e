"""Cancelling where tasks and futures wait for each other, and the counts."""

import asyncio

from parity import Boom, caught, outcome


async def awaited_future_cancelled(t):
    """A task whose future is cancelled sees CancelledError; its own count stays zero."""
    future = t.loop.create_future()

    async def work():
        try:
            await future
        except asyncio.CancelledError as error:
            t(error, asyncio.current_task().cancelling())
            raise

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    future.cancel("the future")
    t(await caught(task), task.cancelled())


async def counts(t):
    """cancelling() counts requests; uncancel() takes them back, never below zero."""

    async def work():
        await asyncio.sleep(10)

    task = asyncio.create_task(work())
    t(task.cancelling(), task.cancel(), task.cancelling(), task.cancel(), task.cancelling())
    t(task.uncancel(), task.uncancel(), task.uncancel(), task.cancelling())
    t(await caught(task))


async def uncancel_makes_cancellable_again(t):
    """After uncancel() a task can be cancelled anew, and its later awaits are undisturbed."""

    async def work():
        for i in range(2):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError as error:
                t(i, error, asyncio.current_task().cancelling())
                t(asyncio.current_task().uncancel())
        await asyncio.sleep(1)
        return "done"

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel("one")
    await asyncio.sleep(1)
    task.cancel("two")
    t(await task, task.cancelling())


async def uncancel_before_the_wake_up(t):
    """uncancel() to zero takes back a cancellation that was not yet delivered."""
    future = t.loop.create_future()

    async def work():
        return await future

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    future.set_result(42)
    task.cancel()
    t(task.cancelling())
    t(task.uncancel())
    t(await task)


async def uncancel_before_the_start(t):
    """A cancellation taken back before the first step does not happen."""

    async def work():
        t("runs")
        return 1

    task = asyncio.create_task(work())
    task.cancel()
    task.uncancel()
    t(await caught(task))


async def future_done_then_task_cancelled(t):
    """Cancelling after the future is done and before the task runs loses the value."""
    future = t.loop.create_future()

    async def work():
        return await future

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    future.set_result("lost")
    t(task.cancel("late"))
    t(await caught(task))
    t(outcome(future), outcome(task))


async def task_cancelled_then_future_settled(t):
    """Cancelling first cancels the future, so it cannot be settled."""
    future = t.loop.create_future()

    async def work():
        return await future

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    t(future.done(), future.cancelled())
    t(await caught(task))


async def future_failed_then_task_cancelled(t):
    """Cancelling after the future failed hides its error from the task."""
    future = t.loop.create_future()

    async def work():
        t(await caught(future))

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    future.set_exception(Boom("hidden"))
    task.cancel()
    t(await caught(task))
    t(outcome(future))


async def inner_task_done_then_outer_cancelled(t):
    """A task cancelled in the iteration in which its child ended is cancelled; the child keeps its result."""
    gate = t.loop.create_future()

    async def child():
        await gate
        return "kept"

    inner = asyncio.create_task(child())

    async def work():
        return await inner

    outer = asyncio.create_task(work())
    await asyncio.sleep(1)
    gate.set_result(None)
    await asyncio.sleep(0)
    t(inner.done(), outer.done())
    outer.cancel()
    t(await caught(outer))
    t(outcome(inner), outcome(outer))


async def timer_due_and_cancelled(t):
    """A sleeper cancelled in the iteration in which its timer fires is cancelled."""

    async def work():
        await asyncio.sleep(1)
        t("never")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    t.loop.call_later(1, lambda: t("cancel", task.cancel()))
    t(await caught(task))


async def of_a_done_task(t):
    """cancel() of a task that is done has no effect."""

    async def work():
        return 1

    task = asyncio.create_task(work())
    await task
    t(task.cancel(), task.cancelled(), task.cancelling(), await task)


async def the_message_travels(t):
    """The message reaches who awaits the cancelled task."""

    async def child():
        await asyncio.sleep(10)

    async def work(inner):
        await inner

    inner = asyncio.create_task(child())
    outer = asyncio.create_task(work(inner))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    inner.cancel("from the child")
    t(await caught(outer))
    t(outcome(inner), outcome(outer), inner.cancelling(), outer.cancelling())


async def child_swallows(t):
    """A child that swallows the cancellation of its parent: the parent gets the value."""

    async def child():
        t(await caught(asyncio.sleep(10)))
        return "child's value"

    async def parent():
        return await asyncio.create_task(child())

    task = asyncio.create_task(parent())
    await asyncio.sleep(1)
    task.cancel()
    t(await task, task.cancelled(), task.cancelling())


async def child_fails_on_cancellation(t):
    """A child that answers the cancellation with an error: the parent gets that error."""

    async def child():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise Boom("child") from None

    async def parent():
        await asyncio.create_task(child())

    task = asyncio.create_task(parent())
    await asyncio.sleep(1)
    task.cancel()
    t(await caught(task))


async def parent_and_child_at_once(t):
    """Cancelling a parent and its child in one iteration delivers one error to each."""

    async def child():
        try:
            await asyncio.sleep(10)
        finally:
            t("child ends")

    inner = asyncio.create_task(child())

    async def parent():
        try:
            await inner
        finally:
            t("parent ends")

    outer = asyncio.create_task(parent())
    await asyncio.sleep(1)
    t(inner.cancel("inner"), outer.cancel("outer"))
    t(await caught(outer))
    t(inner.cancelling(), outer.cancelling())


async def during_sleep_zero(t):
    """A task between two iterations is cancelled too."""

    async def work():
        for i in range(5):
            t(i)
            await asyncio.sleep(0)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    t(await caught(task))


async def from_a_done_callback(t):
    """A done callback may cancel another task."""

    async def first():
        await asyncio.sleep(1)

    async def second():
        try:
            await asyncio.sleep(10)
        finally:
            t("second ends")

    a = asyncio.create_task(first())
    b = asyncio.create_task(second())
    a.add_done_callback(lambda _: t("callback", b.cancel()))
    t(await caught(b))


async def raised_by_the_task_itself(t):
    """A task that raises CancelledError is cancelled, with its message."""

    async def work():
        await asyncio.sleep(0)
        raise asyncio.CancelledError("own")

    task = asyncio.create_task(work())
    t(await caught(task))
    t(outcome(task), task.cancelling())


async def raised_anew_with_another_message(t):
    """Who awaits sees the CancelledError that left the task."""

    async def work():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise asyncio.CancelledError("mine") from None

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel("theirs")
    t(await caught(task))


async def awaited_by_two(t):
    """Both waiters of a cancelled task are cancelled in the same iteration."""

    async def child():
        await asyncio.sleep(10)

    inner = asyncio.create_task(child())

    async def waiter(name):
        try:
            await inner
        finally:
            t(name, "ends")

    tasks = [asyncio.create_task(waiter(name)) for name in "ab"]
    await asyncio.sleep(1)
    inner.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    t([outcome(task) for task in tasks])


async def one_of_two_waiters(t):
    """Cancelling one waiter of a task cancels the task and so the other waiter."""

    async def child():
        await asyncio.sleep(10)

    inner = asyncio.create_task(child())

    async def waiter(name):
        t(name, await caught(inner))

    a = asyncio.create_task(waiter("a"))
    b = asyncio.create_task(waiter("b"))
    await asyncio.sleep(1)
    a.cancel("a only")
    await a
    await b
    t(outcome(inner))


async def many_at_once(t):
    """Tasks cancelled in one iteration unwind in the order of cancel()."""

    async def work(name):
        try:
            await asyncio.sleep(10)
        finally:
            t(name)

    tasks = {name: asyncio.create_task(work(name)) for name in "abcd"}
    await asyncio.sleep(1)
    for name in "cadb":
        tasks[name].cancel()
    for name in "abcd":
        await caught(tasks[name])
    t("end")


async def structured_by_hand(t):
    """A timeout made by hand of cancel() and uncancel() tells its own cancellation from a foreign one."""

    async def block():
        task = asyncio.current_task()
        timed_out = cancelled = False
        timer = t.loop.call_later(1, task.cancel)
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            if task.uncancel() == 0:
                timed_out = True
            else:
                cancelled = True
        finally:
            timer.cancel()
        t(timed_out, cancelled, task.cancelling())

    await asyncio.create_task(block())
    task = asyncio.create_task(block())
    await asyncio.sleep(0)
    t.loop.call_later(1, task.cancel)
    await task


async def in_a_loop_that_ignores(t):
    """A stubborn loop needs as many cancellations as it ignores."""

    async def stubborn():
        ignored = 0
        while ignored < 3:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                ignored += 1
                t("ignored", ignored)
        return ignored

    task = asyncio.create_task(stubborn())
    while not task.done():
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.sleep(0)
    t(outcome(task), task.cancelling())


async def of_the_main_task_by_a_child(t):
    """A child may cancel the task that awaits it, and so itself."""
    main = asyncio.current_task()

    async def child():
        t("child cancels main", main.cancel("by child"))
        t(await caught(asyncio.sleep(1, "slept")))

    inner = asyncio.create_task(child())
    t(await caught(inner))
    t(main.cancelling(), main.uncancel(), outcome(inner))
