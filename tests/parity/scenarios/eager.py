"""Eager tasks: the first step runs where the task is made."""

import asyncio

from parity import Boom, caught, outcome, thrown


async def ends_in_its_first_step(t):
    """A coroutine that never waits is done when create_task() returns."""

    async def work():
        t("work")
        return 1

    task = asyncio.create_task(work(), eager_start=True)
    t("created", task.done(), outcome(task))
    t(await task)


async def waits_after_its_first_step(t):
    """Up to its first wait it runs at once, then like any task."""
    future = t.loop.create_future()

    async def work():
        t("first step")
        t("second step", await future)
        return "ends"

    task = asyncio.create_task(work(), eager_start=True)
    t("created", task.done())
    t.loop.call_soon(future.set_result, "value")
    t(await task)


async def waits_for_sleep(t):
    """A sleep(0) in an eager task takes the iteration that it takes elsewhere."""

    async def work(name):
        t(name, 1)
        await asyncio.sleep(0)
        t(name, 2)

    lazy = asyncio.create_task(work("lazy"))
    eager = asyncio.create_task(work("eager"), eager_start=True)
    t("created")
    await lazy
    await eager
    t("end")


async def fails_in_its_first_step(t):
    """An error of the first step is the task's, not the caller's."""

    async def bad():
        raise Boom("at once")

    task = asyncio.create_task(bad(), eager_start=True)
    t("created", task.done())
    t(await caught(task))


async def cancelled_error_in_its_first_step(t):
    """CancelledError in the first step cancels the task."""

    async def work():
        raise asyncio.CancelledError("own")

    task = asyncio.create_task(work(), eager_start=True)
    t("created", task.cancelled())
    t(await caught(task))


async def current_task_changes_and_comes_back(t):
    """Inside the first step the eager task is the current one, afterwards the caller again."""

    async def work():
        t("inside", asyncio.current_task().get_name())
        await asyncio.sleep(0)
        t("later", asyncio.current_task().get_name())

    asyncio.current_task().set_name("main")
    task = asyncio.create_task(work(), name="eager", eager_start=True)
    t("after", asyncio.current_task().get_name())
    await task
    t("end", asyncio.current_task().get_name())


async def done_callback_of_a_finished_one(t):
    """A callback added to a finished eager task comes in the next iteration."""

    async def work():
        return 1

    task = asyncio.create_task(work(), eager_start=True)
    task.add_done_callback(lambda f: t("callback", f.result()))
    t("added")
    await asyncio.sleep(0)
    t("main")


async def coroutine_of_a_finished_one(t):
    """A finished eager task has let its coroutine go; one that waits has not."""

    async def short():
        return 1

    first = asyncio.create_task(short(), eager_start=True)
    second = asyncio.create_task(asyncio.sleep(0), eager_start=True)
    t(first.get_coro() is None, second.get_coro() is None)
    await second
    t("end")


async def not_among_all_tasks_once_finished(t):
    """all_tasks() has an eager task only if it waits."""

    async def short():
        return 1

    async def long():
        await asyncio.sleep(0)

    asyncio.current_task().set_name("main")
    asyncio.create_task(short(), name="short", eager_start=True)
    task = asyncio.create_task(long(), name="long", eager_start=True)
    t(sorted(one.get_name() for one in asyncio.all_tasks()))
    await task
    t(sorted(one.get_name() for one in asyncio.all_tasks()))


async def nested(t):
    """An eager task that starts eager tasks runs them all at once."""

    async def work(n):
        t("begins", n)
        if n > 0:
            inner = asyncio.create_task(work(n - 1), eager_start=True)
            t("made", n - 1, inner.done())
            await asyncio.sleep(0)
        t("ends", n)

    task = asyncio.create_task(work(2), eager_start=True)
    t("main")
    await task
    await asyncio.sleep(0)
    t("end")


async def cancelled_after_its_first_step(t):
    """Cancelling an eager task that waits works as for any task."""

    async def work():
        try:
            await asyncio.sleep(10)
        finally:
            t("finally")

    task = asyncio.create_task(work(), eager_start=True)
    t(task.cancel("stop"), task.cancelling())
    t(await caught(task), t.now())


async def cancels_itself_in_its_first_step(t):
    """An eager task that cancels itself is cancelled where it waits next."""

    async def work():
        asyncio.current_task().cancel()
        t("cancelled itself")
        await asyncio.sleep(0)
        t("never")

    task = asyncio.create_task(work(), eager_start=True)
    t(task.done(), task.cancelling())
    t(await caught(task))


async def cancels_itself_and_returns(t):
    """An eager task that cancels itself and returns in its first step is cancelled."""

    async def work():
        asyncio.current_task().cancel()
        return 1

    task = asyncio.create_task(work(), eager_start=True)
    t(task.done(), outcome(task))


async def factory_starts_all_eagerly(t):
    """eager_task_factory makes every task of the loop eager."""

    async def work(name):
        t(name)
        await asyncio.sleep(0)
        t(name, "again")
        return name

    t.loop.set_task_factory(asyncio.eager_task_factory)
    a = asyncio.create_task(work("a"))
    b = asyncio.create_task(work("b"))
    t("created", a.done(), b.done())
    t(await a, await b)


async def factory_with_gather(t):
    """gather() of coroutines that end at once takes no iteration with eager tasks."""

    async def short(n):
        t("runs", n)
        return n

    t.loop.set_task_factory(asyncio.eager_task_factory)
    future = asyncio.gather(short(1), short(2), short(3))
    t("gathered", future.done())
    t(await future)


async def factory_with_a_mixed_gather(t):
    """gather() waits for those that did not end at once."""

    async def short(n):
        return n

    async def long(n):
        await asyncio.sleep(0)
        t("long ends")
        return n

    t.loop.set_task_factory(asyncio.eager_task_factory)
    t(await asyncio.gather(short(1), long(2), short(3)))


async def factory_can_be_asked_for_a_lazy_one(t):
    """With the eager factory, eager_start=False makes a task that starts later."""

    async def work():
        t("work")

    t.loop.set_task_factory(asyncio.eager_task_factory)
    task = asyncio.create_task(work(), eager_start=False)
    t("created", task.done())
    await task
    t("end")


async def in_a_group(t):
    """Eager children of a group run before the body goes on."""

    async def short(name):
        t(name)
        return name

    async def long(name):
        t(name)
        await asyncio.sleep(0)
        t(name, "ends")

    async with asyncio.TaskGroup() as group:
        first = group.create_task(short("short"), eager_start=True)
        group.create_task(long("long"), eager_start=True)
        t("body", first.done())
    t("group over")


async def failing_in_a_group(t):
    """An eager child that fails at once cancels its siblings one iteration later."""

    async def bad():
        raise Boom("eager child")

    async def sibling():
        try:
            await asyncio.sleep(10)
        finally:
            t("sibling ends")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sibling())
            await asyncio.sleep(0)
            group.create_task(bad(), eager_start=True)
            t("body goes on")
            t(await caught(asyncio.sleep(10)))
    except BaseExceptionGroup as error:
        t(error)


def not_while_the_loop_stands(t):
    """Before the loop runs an eager task starts like any other."""

    async def work():
        t("work")
        return 3

    task = t.loop.create_task(work(), eager_start=True)
    t("created", task.done())
    t(t.loop.run_until_complete(task))


async def from_a_callback(t):
    """A callback may start an eager task."""
    done = t.loop.create_future()

    async def work():
        t("inside", asyncio.current_task() is not None)
        await asyncio.sleep(0)
        done.set_result("ends")

    tasks = []

    def callback():
        tasks.append(t.loop.create_task(work(), eager_start=True))
        t("callback", asyncio.current_task() is None)

    t.loop.call_soon(callback)
    t(await done)
    await tasks[0]


async def result_asked_at_once(t):
    """An eager task that waits has no result yet."""
    task = asyncio.create_task(asyncio.sleep(0, "x"), eager_start=True)
    t(thrown(task.result))
    t(await task)


async def done_future_does_not_end_the_first_step(t):
    """An eager task that awaits a done future goes on and is done when create_task() returns."""
    future = t.loop.create_future()
    future.set_result("ready")

    async def work():
        t("before")
        t(await future)
        return "ends"

    task = asyncio.create_task(work(), eager_start=True)
    t("created", task.done())
    t(await task)


async def future_settled_in_the_step_that_made_the_task(t):
    """An eager task waits for its future before create_task() returns, so settling it next costs an iteration."""
    future = t.loop.create_future()

    async def work():
        t(await future)

    task = asyncio.create_task(work(), eager_start=True)
    future.set_result("value")
    await asyncio.sleep(0)
    t("main", task.done())
