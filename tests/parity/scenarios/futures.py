"""Futures: states, callbacks, and who is resumed when."""

import asyncio

from parity import Boom, caught, neutral, outcome, thrown


async def callbacks_in_order(t):
    """Done callbacks run in the next iteration, in the order in which they were added."""
    future = t.loop.create_future()
    for name in "abc":
        future.add_done_callback(lambda f, name=name: t(name, f.result()))
    t("set")
    future.set_result(1)
    t("was set", future.done())
    await asyncio.sleep(0)
    t("main")


async def callback_added_when_done(t):
    """A callback added to a done future runs in the next iteration, never at once."""
    future = t.loop.create_future()
    future.set_result("v")
    future.add_done_callback(lambda f: t("callback", f.result()))
    t("added")
    await asyncio.sleep(0)
    t("main")


async def callback_added_by_a_callback(t):
    """A callback added while callbacks run comes one iteration later."""
    future = t.loop.create_future()

    def first(f):
        t("first")
        f.add_done_callback(lambda _: t("added by first"))

    future.add_done_callback(first)
    future.add_done_callback(lambda _: t("second"))
    future.set_result(None)
    await asyncio.sleep(0)
    t("main")
    await asyncio.sleep(0)
    t("end")


async def remove_done_callback_counts(t):
    """remove_done_callback() takes all equal callbacks away and counts them."""
    future = t.loop.create_future()

    def one(_):
        t("one")

    def two(_):
        t("two")

    future.add_done_callback(one)
    future.add_done_callback(two)
    future.add_done_callback(one)
    t(future.remove_done_callback(one))
    t(future.remove_done_callback(one))
    future.set_result(None)
    await asyncio.sleep(0)
    t("main")


async def removing_while_callbacks_run(t):
    """A callback that is scheduled already cannot be taken back."""
    future = t.loop.create_future()

    def second(_):
        t("second")

    def first(f):
        t("first", f.remove_done_callback(second))

    future.add_done_callback(first)
    future.add_done_callback(second)
    future.set_result(None)
    await asyncio.sleep(0)
    t("main")


async def same_callback_twice(t):
    """A callback added twice runs twice."""
    future = t.loop.create_future()

    def callback(f):
        t("callback", f.result())

    future.add_done_callback(callback)
    future.add_done_callback(callback)
    future.set_result(3)
    await asyncio.sleep(0)
    t("main")


async def error_in_a_done_callback(t):
    """A failing callback does not keep the others from running."""
    t.trace_handler()
    future = t.loop.create_future()

    def bad(_):
        raise Boom("callback")

    future.add_done_callback(bad)
    future.add_done_callback(lambda _: t("good"))
    future.set_result(None)
    await asyncio.sleep(0)
    t("main")


async def cancel_is_once(t):
    """cancel() says whether it had an effect."""
    future = t.loop.create_future()
    t(future.done(), future.cancelled())
    t(future.cancel())
    t(future.cancel())
    t(future.done(), future.cancelled())
    done = t.loop.create_future()
    done.set_result(1)
    t(done.cancel(), done.cancelled(), done.result())


async def cancel_message(t):
    """The message of cancel() is the message of the CancelledError."""
    future = t.loop.create_future()
    future.cancel("no longer needed")
    t(await caught(future))
    plain = t.loop.create_future()
    plain.cancel()
    t(await caught(plain))


async def cancel_runs_callbacks(t):
    """Cancelling schedules the callbacks as a result does."""
    future = t.loop.create_future()
    future.add_done_callback(lambda f: t("callback", f.cancelled()))
    future.cancel()
    t("cancelled")
    await asyncio.sleep(0)
    t("main")


async def illegal_transitions(t):
    """A future is settled once, and asked only when it is."""
    future = t.loop.create_future()
    t(thrown(future.result), thrown(future.exception))
    future.set_result(1)
    t(thrown(lambda: future.set_result(2)), thrown(lambda: future.set_exception(Boom("late"))))
    t(future.result(), future.exception())


async def illegal_transitions_when_cancelled(t):
    """A cancelled future cannot be settled, and throws when asked."""
    future = t.loop.create_future()
    future.cancel("why")
    t(thrown(lambda: future.set_result(2)), thrown(lambda: future.set_exception(Boom("late"))))
    for ask in (future.result, future.exception):
        try:
            ask()
        except asyncio.CancelledError as error:
            t(error)


async def exception_and_result(t):
    """A failed future gives its error by exception() and throws it from result()."""
    future = t.loop.create_future()
    future.set_exception(Boom("bad"))
    t(future.done(), future.cancelled(), future.exception())
    t(thrown(future.result))
    t(await caught(future))
    t(await caught(future))


async def awaiting_a_done_future(t):
    """Awaiting a done future takes no iteration."""
    future = t.loop.create_future()
    future.set_result("ready")
    t.loop.call_soon(t, "callback")
    t(await future)
    t(await future)
    await asyncio.sleep(0)
    t("main")


async def awaiting_a_pending_future(t):
    """Who waits is resumed one iteration after the future is done."""
    future = t.loop.create_future()

    def finish():
        t("finish")
        future.set_result("value")
        t.loop.call_soon(t, "after the waiter")

    t.loop.call_soon(finish)
    t(await future)
    t("main")


async def waiters_in_order(t):
    """Several tasks that await one future are resumed in the order in which they came."""
    future = t.loop.create_future()

    async def waiter(name):
        t(name, "waits")
        t(name, await future)

    tasks = [asyncio.create_task(waiter(name)) for name in "abc"]
    await asyncio.sleep(1)
    future.set_result(9)
    t("set")
    for task in tasks:
        await task
    t("end")


async def callbacks_and_waiters_share_the_order(t):
    """Callbacks and waiting tasks are served in one order."""
    future = t.loop.create_future()

    async def waiter():
        t("task", await future)

    future.add_done_callback(lambda f: t("before", f.result()))
    task = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    future.add_done_callback(lambda f: t("after", f.result()))
    future.set_result(1)
    await task
    t("end")


async def error_reaches_every_waiter(t):
    """Each waiter gets the error."""
    future = t.loop.create_future()

    async def waiter(name):
        t(name, await caught(future))

    tasks = [asyncio.create_task(waiter(name)) for name in "ab"]
    await asyncio.sleep(0)
    future.set_exception(Boom("shared"))
    for task in tasks:
        await task
    t("end")


async def cancelled_future_reaches_every_waiter(t):
    """Tasks that await a cancelled future are cancelled, though nobody cancelled them."""
    future = t.loop.create_future()

    async def waiter():
        await future

    tasks = [asyncio.create_task(waiter()) for _ in range(2)]
    await asyncio.sleep(0)
    future.cancel("gone")
    await asyncio.sleep(0)
    t([outcome(task) for task in tasks], [task.cancelling() for task in tasks])
    t(await caught(tasks[0]), await caught(tasks[1]))


async def cancelling_a_waiter_cancels_the_future(t):
    """Cancelling a task cancels the future it awaits, and with it the other waiters."""
    future = t.loop.create_future()

    async def waiter(name):
        t(name, await caught(future))

    a = asyncio.create_task(waiter("a"))
    b = asyncio.create_task(waiter("b"))
    await asyncio.sleep(0)
    a.cancel("only a")
    t(future.cancelled())
    await a
    await b
    t(a.cancelling(), b.cancelling())


async def result_set_in_a_chain(t):
    """A chain of futures, each settled by the waiter of the one before."""
    futures = [t.loop.create_future() for _ in range(4)]

    async def link(i):
        value = await futures[i]
        t(i, value)
        futures[i + 1].set_result(value + 1)

    tasks = [asyncio.create_task(link(i)) for i in (2, 0, 1)]
    await asyncio.sleep(1)
    futures[0].set_result(10)
    t("end", await futures[3])
    for task in tasks:
        await task


async def settled_twice_in_one_iteration(t):
    """Of two callbacks that settle a future in one iteration the first wins."""
    future = t.loop.create_future()

    def settle(value):
        if future.done():
            t(value, "too late")
        else:
            t(value, "wins")
            future.set_result(value)

    t.loop.call_soon(settle, "a")
    t.loop.call_soon(settle, "b")
    t(await future)


async def ensure_future_returns_a_future_as_it_is(t):
    """ensure_future() of a future is that future; of a coroutine, a new task."""
    future = t.loop.create_future()
    t(asyncio.ensure_future(future) is future)

    async def work():
        t("work")
        return 4

    task = asyncio.ensure_future(work())
    t(task is asyncio.ensure_future(task), task.done())
    t(await task)


async def ping_pong(t):
    """Two tasks that wake each other through futures take one iteration a turn."""
    futures = [t.loop.create_future() for _ in range(6)]

    async def player(name, start):
        for i in range(start, 5, 2):
            await futures[i]
            t(name, i)
            futures[i + 1].set_result(None)

    a = asyncio.create_task(player("ping", 0))
    b = asyncio.create_task(player("pong", 1))
    futures[0].set_result(None)
    await futures[5]
    t("end")
    await a
    await b


async def result_of_a_future_set_before_the_waiter_waits(t):
    """A task that finds its future done goes on within its step."""
    future = t.loop.create_future()

    async def late():
        t("starts")
        t(await future)
        await asyncio.sleep(0)
        t("ends")

    task = asyncio.create_task(late())
    future.set_result("early")
    future.add_done_callback(lambda _: t("callback"))
    await task
    t("main")


async def states_seen_by_a_callback(t):
    """A callback sees the future done, and gets the future itself."""
    future = t.loop.create_future()
    future.add_done_callback(lambda f: t(f is future, f.done(), neutral(f.exception())))
    future.set_exception(Boom("x"))
    t(future.done())
    await asyncio.sleep(0)
    t("main")
