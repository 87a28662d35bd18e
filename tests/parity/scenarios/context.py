"""Context variables."""

import asyncio
import contextvars

from parity import caught

_value = contextvars.ContextVar("value", default="none")


def _within(value, function):
    """Calls a function in a context of its own that has the value."""

    def body():
        _value.set(value)
        return function()

    return contextvars.copy_context().run(body)


async def callback_has_its_callers_value(t):
    """A callback runs with the value of who scheduled it."""

    def tell(name):
        t(name, _value.get())

    t.loop.call_soon(tell, "outside")
    _within("inside", lambda: t.loop.call_soon(tell, "soon"))
    _within("threadsafe", lambda: t.loop.call_soon_threadsafe(tell, "soon"))
    _within("later", lambda: t.loop.call_later(1, tell, "timer"))
    await asyncio.sleep(2)
    tell("main")


async def done_callback_has_its_adders_value(t):
    """A done callback runs with the value of who added it, not of who settled the future."""
    future = t.loop.create_future()

    def tell(_):
        t(_value.get())

    _within("adder", lambda: future.add_done_callback(tell))
    future.add_done_callback(tell)
    _within("settler", lambda: future.set_result(None))
    await asyncio.sleep(0)
    t("end")


async def task_has_its_makers_value(t):
    """A task keeps the value of who made it, across its waits."""

    async def work():
        t(_value.get())
        await asyncio.sleep(1)
        t(_value.get())

    task = _within("maker", lambda: asyncio.create_task(work()))
    await task
    t("main", _value.get())


async def waiter_keeps_its_own_value(t):
    """Who awaits goes on with its own value, whoever settled the future."""
    future = t.loop.create_future()

    async def waiter():
        await future
        t("waiter", _value.get())

    task = _within("waiter's", lambda: asyncio.create_task(waiter()))
    await asyncio.sleep(0)
    _within("settler's", lambda: future.set_result(None))
    await task
    t("main", _value.get())


async def value_set_in_a_task_stays_there(t):
    """A value set in a task is not seen by its maker or its sibling."""

    async def work(name):
        t(name, _value.get())
        await asyncio.sleep(0)
        t(name, _value.get())

    tasks = [_within(name, lambda name=name: asyncio.create_task(work(name))) for name in "ab"]
    for task in tasks:
        await task
    t("main", _value.get())


async def callbacks_of_callbacks(t):
    """What a callback schedules inherits its value."""

    def first():
        t("first", _value.get())
        t.loop.call_soon(lambda: t("second", _value.get()))
        t.loop.call_later(1, lambda: t("third", _value.get()))

    _within("origin", lambda: t.loop.call_soon(first))
    await asyncio.sleep(2)
    t("main", _value.get())


async def tasks_of_tasks(t):
    """A task made by a task inherits its value."""

    async def child():
        t("child", _value.get())
        await asyncio.sleep(1)
        t("child", _value.get())

    async def parent():
        task = asyncio.create_task(child())
        await task
        t("parent", _value.get())

    await _within("parent's", lambda: asyncio.create_task(parent()))
    t("main", _value.get())


async def gather_inherits(t):
    """The tasks of a gather have the value of who called it."""

    async def part(name):
        await asyncio.sleep(0)
        t(name, _value.get())

    await _within("caller", lambda: asyncio.gather(part("a"), part("b")))
    t("main", _value.get())


async def eager_task_inherits(t):
    """The first step of an eager task has the value of who made it."""

    async def work():
        t(_value.get())
        await asyncio.sleep(0)
        t(_value.get())

    task = _within("maker", lambda: asyncio.create_task(work(), eager_start=True))
    t("main", _value.get())
    await task


async def cleanup_has_the_tasks_value(t):
    """Cleaning up after a cancellation a task has its own value."""

    async def work():
        try:
            await asyncio.sleep(10)
        finally:
            t("cleanup", _value.get())

    task = _within("task's", lambda: asyncio.create_task(work()))
    await asyncio.sleep(0)
    _within("canceller's", task.cancel)
    t(await caught(task), _value.get())


async def timeout_does_not_change_it(t):
    """A timeout that strikes leaves the value as it is."""

    async def work():
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(10)
        except TimeoutError:
            t("timed out", _value.get())

    await _within("task's", lambda: asyncio.create_task(work()))


async def group_members_inherit(t):
    """Members have the value of who made them."""

    async def member(name):
        await asyncio.sleep(0)
        t(name, _value.get())

    async with asyncio.TaskGroup() as group:
        group.create_task(member("plain"))
        _within("special", lambda: group.create_task(member("within")))
    t("main", _value.get())


async def value_set_by_an_awaited_coroutine(t):
    """A value set by a coroutine that is awaited is seen by who awaited it."""

    async def setter():
        await asyncio.sleep(0)
        _value.set("set inside")

    await asyncio.create_task(_calls(t, setter))


async def _calls(t, setter):
    await setter()
    t(_value.get())


async def two_tasks_in_one_context(t):
    """Tasks that are given one context share its values."""
    context = contextvars.copy_context()

    async def step(value):
        before = _value.get()
        _value.set(value)
        t(before, value)

    for value in ("one", "two"):
        await asyncio.create_task(step(value), context=context)
    t(context[_value], _value.get())
