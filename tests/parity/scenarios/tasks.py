"""Tasks: steps, results, identity."""

import asyncio

from parity import Boom, caught, outcome, thrown


async def first_step_in_the_next_iteration(t):
    """A task starts in the iteration after its creation, in order of creation."""

    async def work(name):
        t(name)

    tasks = [asyncio.create_task(work(name)) for name in "abc"]
    t("created")
    await asyncio.sleep(0)
    t("main", [task.done() for task in tasks])


async def created_between_callbacks(t):
    """Tasks and callbacks share one queue."""

    async def work():
        t("task")

    t.loop.call_soon(t, "before")
    task = asyncio.create_task(work())
    t.loop.call_soon(t, "after")
    await task
    t("main")


async def awaiting_a_task(t):
    """Who awaits a task is resumed one iteration after its end."""

    async def work():
        t("work")
        await asyncio.sleep(0)
        t("work ends")
        return "result"

    task = asyncio.create_task(work())
    t("main waits")
    t(await task)
    t(await task)


async def awaiting_a_finished_task(t):
    """Awaiting a finished task takes no iteration."""

    async def work():
        return 1

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    t(task.done())
    t(await task, outcome(task))


async def calling_is_not_a_task(t):
    """Awaiting a coroutine directly takes no iteration of its own."""

    async def inner(n):
        t("inner", n)
        return n if n == 0 else await inner(n - 1)

    t.loop.call_soon(t, "callback")
    t(await inner(3))
    await asyncio.sleep(0)
    t("main")


async def deep_await(t):
    """However deep a task waits, it is resumed in one iteration."""

    async def level(n):
        if n == 0:
            await asyncio.sleep(0)
            t("bottom")
        else:
            await level(n - 1)
            t("level", n)

    task = asyncio.create_task(level(4))
    t.loop.call_soon(t, "callback")
    await task
    t("main")


async def error_of_a_task(t):
    """The error of a task reaches who awaits it."""

    async def bad():
        await asyncio.sleep(0)
        raise Boom("bad")

    task = asyncio.create_task(bad())
    t(await caught(task))
    t(outcome(task), task.cancelled())


async def done_callback_of_a_task(t):
    """Done callbacks run one iteration after the last step."""

    async def work():
        t("work")
        return 5

    task = asyncio.create_task(work())
    task.add_done_callback(lambda f: t("callback", f is task, f.result()))
    t.loop.call_soon(t, "queued behind the task")
    await asyncio.sleep(0)
    t("main", task.done())
    await asyncio.sleep(0)
    t("end")


async def result_too_early(t):
    """A task that is not done has no result."""
    task = asyncio.create_task(asyncio.sleep(0, "x"))
    t(thrown(task.result), thrown(task.exception))
    await task
    t(task.result(), task.exception())


async def set_result_is_refused(t):
    """Nobody but the coroutine gives a task its result."""
    task = asyncio.create_task(asyncio.sleep(0, "x"))
    t(thrown(lambda: task.set_result(1)), thrown(lambda: task.set_exception(Boom("no"))))
    t(await task)


async def sleep_returns_its_result(t):
    """sleep() resolves to its second argument."""
    t(await asyncio.sleep(0, "zero"))
    t(await asyncio.sleep(1, "one"))
    t(await asyncio.sleep(-1, "minus one"))
    t(await asyncio.sleep(0))


async def sleep_by_deadline(t):
    """Sleepers wake by deadline."""

    async def sleeper(name, delay):
        await asyncio.sleep(delay)
        t(name)

    tasks = [asyncio.create_task(sleeper(*args)) for args in (("c", 3), ("a", 1), ("b", 2))]
    for task in tasks:
        await task
    t("end")


async def sleepers_of_one_deadline(t):
    """Sleepers of one deadline wake in one iteration, in order."""

    async def sleeper(name):
        await asyncio.sleep(1)
        t(name)
        await asyncio.sleep(1)
        t(name, "again")

    tasks = [asyncio.create_task(sleeper(name)) for name in "abc"]
    for task in tasks:
        await task
    t("end")


async def many_steps(t):
    """Tasks of different length end in their own iterations."""

    async def work(name, steps):
        for _ in range(steps):
            await asyncio.sleep(0)
        t(name, "ends")

    tasks = [asyncio.create_task(work(f"t{n}", n)) for n in (3, 0, 2, 1)]
    for task in tasks:
        await task
    t("end")


async def current_task_in_task_and_callback(t):
    """current_task() is the task, also after an await and in what it calls; None in a callback."""

    async def inner():
        return asyncio.current_task().get_name()

    async def work():
        t(asyncio.current_task() is task, await inner())
        await asyncio.sleep(0)
        t(asyncio.current_task() is task, await inner())

    task = asyncio.create_task(work(), name="worker")
    t.loop.call_soon(lambda: t("callback", asyncio.current_task() is None))
    main = asyncio.current_task()
    await task
    t(asyncio.current_task() is main)


async def current_task_in_a_done_callback(t):
    """A done callback runs in no task."""

    async def work():
        return 1

    task = asyncio.create_task(work())
    task.add_done_callback(lambda _: t(asyncio.current_task() is None))
    await task
    t("main")


async def all_tasks_are_those_not_done(t):
    """all_tasks() lists tasks from creation to their end."""

    async def work(steps):
        for _ in range(steps):
            await asyncio.sleep(0)

    asyncio.current_task().set_name("main")

    def names():
        return sorted(task.get_name() for task in asyncio.all_tasks())

    tasks = [asyncio.create_task(work(n), name=f"t{n}") for n in range(3)]
    t(names())
    for _ in range(4):
        await asyncio.sleep(0)
        t(names())
    t([task.done() for task in tasks])


async def names_of_tasks(t):
    """A task keeps the name it is given."""
    task = asyncio.create_task(asyncio.sleep(0), name="first")
    t(task.get_name())
    task.set_name("second")
    t(task.get_name())
    await task
    t(task.get_name())


async def awaiting_itself(t):
    """A task that awaits itself gets RuntimeError."""
    tasks = []

    async def work():
        t(await caught(tasks[0]))
        return "ends"

    tasks.append(asyncio.create_task(work()))
    t(await tasks[0])


async def task_from_a_callback(t):
    """A task created in a callback starts in the iteration after."""
    done = t.loop.create_future()

    async def work():
        t("work")
        done.set_result("made by a callback")

    tasks = []
    t.loop.call_soon(lambda: (t("callback"), tasks.append(t.loop.create_task(work()))))
    t.loop.call_soon(t, "same iteration")
    t(await done)
    await tasks[0]


async def task_starts_task(t):
    """A task started by a task runs after those created before it."""

    async def child(name):
        t(name)

    async def parent(name):
        t(name)
        await asyncio.create_task(child(name + "'s child"))
        t(name, "ends")

    a = asyncio.create_task(parent("a"))
    b = asyncio.create_task(parent("b"))
    await a
    await b
    t("main")


async def ending_in_one_iteration(t):
    """Of tasks that end in one iteration, the waiters go on in that order in the next."""
    gate = t.loop.create_future()

    async def work(name):
        await gate
        return name

    async def waiter(task):
        t("waiter of", await task)

    tasks = [asyncio.create_task(work(name)) for name in "ab"]
    waiters = [asyncio.create_task(waiter(task)) for task in reversed(tasks)]
    await asyncio.sleep(1)
    gate.set_result(None)
    for task in waiters:
        await task
    t("end")


async def two_tasks_one_result(t):
    """Two tasks that await a third go on in the same iteration."""

    async def work():
        await asyncio.sleep(1)
        return "w"

    third = asyncio.create_task(work())

    async def waiter(name):
        t(name, await third)

    tasks = [asyncio.create_task(waiter(name)) for name in "ab"]
    for task in tasks:
        await task
    t("end")


async def loop_of_a_task(t):
    """A task knows its loop and its coroutine's state."""
    task = asyncio.create_task(asyncio.sleep(0))
    t(task.get_loop() is t.loop, asyncio.get_running_loop() is t.loop)
    t(task.get_coro() is not None, task.done(), task.cancelled(), task.cancelling())
    await task
    t(task.done(), task.cancelled(), task.cancelling())


async def unhandled_error_does_not_disturb(t):
    """A task that fails alone disturbs no other."""

    async def bad():
        raise Boom("alone")

    async def good():
        await asyncio.sleep(0)
        t("good")

    bad_task = asyncio.create_task(bad())
    good_task = asyncio.create_task(good())
    await good_task
    t(outcome(bad_task))


async def task_factory(t):
    """A task factory makes every task."""

    def factory(loop, coro, **options):
        t("factory", options.get("name"))
        return asyncio.Task(coro, loop=loop, **options)

    async def work():
        t("work")
        return 2

    t.loop.set_task_factory(factory)
    t(t.loop.get_task_factory() is factory)
    t(await asyncio.create_task(work(), name="made"))
    t.loop.set_task_factory(None)
    t(t.loop.get_task_factory())
    t(await asyncio.create_task(work(), name="plain"))


async def result_that_is_a_future(t):
    """A coroutine may return a future: it is the result, and nobody waits for it."""
    future = t.loop.create_future()

    async def work():
        return future

    t(await asyncio.create_task(work()) is future, future.done())
