"""Queue.shutdown()."""

import asyncio

from parity import caught, outcome, thrown


async def of_an_empty_queue(t):
    """Getters that wait are thrown out, in order; later calls are refused."""
    queue = asyncio.Queue()

    async def getter(name):
        t(name, await caught(queue.get()))

    tasks = [asyncio.create_task(getter(name)) for name in "ab"]
    await asyncio.sleep(1)
    queue.shutdown()
    t("shut down")
    for task in tasks:
        await task
    t(await caught(queue.get()), await caught(queue.put(1)))
    t(thrown(queue.get_nowait), thrown(lambda: queue.put_nowait(1)))


async def with_items(t):
    """What is in the queue can still be taken."""
    queue = asyncio.Queue()
    queue.put_nowait("a")
    queue.put_nowait("b")
    queue.shutdown()
    t(await caught(queue.put("c")))
    t(await queue.get(), queue.get_nowait())
    t(await caught(queue.get()), thrown(queue.get_nowait))


async def with_waiting_putters(t):
    """Putters that wait are thrown out."""
    queue = asyncio.Queue(1)
    queue.put_nowait("first")

    async def putter(name):
        t(name, await caught(queue.put(name)))

    tasks = [asyncio.create_task(putter(name)) for name in "ab"]
    await asyncio.sleep(1)
    queue.shutdown()
    for task in tasks:
        await task
    t(await queue.get(), await caught(queue.get()))


async def immediately(t):
    """shutdown(immediate) drops the items too."""
    queue = asyncio.Queue()
    queue.put_nowait("a")
    queue.put_nowait("b")
    queue.shutdown(immediate=True)
    t(queue.qsize(), await caught(queue.get()), thrown(queue.get_nowait))
    await queue.join()
    t("joined")


async def immediately_with_an_item_in_work(t):
    """An item in work is still waited for by join()."""
    queue = asyncio.Queue()
    queue.put_nowait("a")
    queue.put_nowait("b")

    async def joiner():
        await queue.join()
        t("joined")

    task = asyncio.create_task(joiner())
    t(await queue.get())
    queue.shutdown(immediate=True)
    await asyncio.sleep(1)
    t(task.done())
    queue.task_done()
    await task
    t(thrown(queue.task_done))


async def immediately_wakes_the_joiner(t):
    """With no item in work join() goes on."""
    queue = asyncio.Queue()
    queue.put_nowait("a")

    async def joiner():
        await queue.join()
        t("joined")

    task = asyncio.create_task(joiner())
    await asyncio.sleep(1)
    queue.shutdown(immediate=True)
    await task
    t(thrown(queue.task_done))


async def join_without_immediate(t):
    """Without it join() waits until the items are done."""
    queue = asyncio.Queue()
    queue.put_nowait("a")

    async def joiner():
        await queue.join()
        t("joined")

    task = asyncio.create_task(joiner())
    await asyncio.sleep(1)
    queue.shutdown()
    await asyncio.sleep(1)
    t(task.done(), await queue.get())
    queue.task_done()
    await task


async def twice(t):
    """Shutting down again does nothing, unless it is now immediate."""
    queue = asyncio.Queue()
    queue.put_nowait("a")
    queue.shutdown()
    queue.shutdown()
    t(queue.qsize())
    queue.shutdown(immediate=True)
    t(queue.qsize())


async def of_a_lifo_queue(t):
    """The same for a stack."""
    queue = asyncio.LifoQueue()
    queue.put_nowait("a")
    queue.put_nowait("b")
    queue.shutdown()
    t(await queue.get(), await queue.get(), await caught(queue.get()))


async def of_a_priority_queue(t):
    """The same for a priority queue."""
    queue = asyncio.PriorityQueue()
    queue.put_nowait(2)
    queue.put_nowait(1)
    queue.shutdown()
    t(await queue.get(), await queue.get(), await caught(queue.get()))


async def getter_woken_in_the_same_iteration(t):
    """A getter that was woken for an item before the shutdown gets it."""
    queue = asyncio.Queue()

    async def getter(name):
        t(name, await caught(queue.get()))

    tasks = [asyncio.create_task(getter(name)) for name in "ab"]
    await asyncio.sleep(0)
    queue.put_nowait("item")
    queue.shutdown()
    for task in tasks:
        await task
    t(queue.empty())


async def getter_woken_then_immediate(t):
    """A getter that was woken for an item that is dropped is thrown out."""
    queue = asyncio.Queue()

    async def getter(name):
        t(name, await caught(queue.get()))

    tasks = [asyncio.create_task(getter(name)) for name in "ab"]
    await asyncio.sleep(0)
    queue.put_nowait("item")
    queue.shutdown(immediate=True)
    for task in tasks:
        await task
    t(queue.empty())


async def consumers_end_by_it(t):
    """Consumers that loop until the shutdown end, each in its turn."""
    queue = asyncio.Queue()

    async def consumer(name):
        try:
            while True:
                t(name, await queue.get())
                await asyncio.sleep(1)
        except asyncio.QueueShutDown as error:
            t(name, error)

    tasks = [asyncio.create_task(consumer(name)) for name in "ab"]
    for i in range(3):
        queue.put_nowait(i)
    await asyncio.sleep(0)
    queue.shutdown()
    for task in tasks:
        await task
    t([outcome(task) for task in tasks])
