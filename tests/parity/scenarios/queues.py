"""Queue, PriorityQueue and LifoQueue."""

import asyncio

from parity import Boom, caught, outcome, thrown


async def put_and_get_without_waiting(t):
    """While there is room and there are items nobody waits."""
    queue = asyncio.Queue()
    t.loop.call_soon(t, "callback")
    await queue.put("a")
    await queue.put("b")
    t(queue.qsize(), queue.empty(), queue.full(), queue.maxsize)
    t(await queue.get(), await queue.get(), queue.empty())
    await asyncio.sleep(0)
    t("end")


async def getters_are_served_in_order(t):
    """Waiting getters get items in the order in which they came."""
    queue = asyncio.Queue()

    async def getter(name):
        t(name, await queue.get())

    tasks = [asyncio.create_task(getter(name)) for name in "abc"]
    await asyncio.sleep(1)
    for i in range(3):
        queue.put_nowait(i)
    t("put")
    for task in tasks:
        await task
    t("end")


async def putters_are_served_in_order(t):
    """Waiting putters put their items in the order in which they came."""
    queue = asyncio.Queue(1)

    async def putter(name):
        await queue.put(name)
        t(name, "put")

    tasks = [asyncio.create_task(putter(name)) for name in "abc"]
    await asyncio.sleep(1)
    t(queue.full())
    for _ in range(3):
        t("got", await queue.get())
    for task in tasks:
        await task
    t("end", queue.empty())


async def producer_and_consumer(t):
    """A small queue between a producer and a consumer."""
    queue = asyncio.Queue(2)

    async def producer():
        for i in range(5):
            await queue.put(i)
            t("put", i)

    async def consumer():
        for _ in range(5):
            t("got", await queue.get())

    tasks = [asyncio.create_task(producer()), asyncio.create_task(consumer())]
    for task in tasks:
        await task
    t("end")


async def consumer_first(t):
    """The same, the consumer first."""
    queue = asyncio.Queue(2)

    async def producer():
        for i in range(5):
            await queue.put(i)
            t("put", i)

    async def consumer():
        for _ in range(5):
            t("got", await queue.get())

    tasks = [asyncio.create_task(consumer()), asyncio.create_task(producer())]
    for task in tasks:
        await task
    t("end")


async def nowait_errors(t):
    """The twins that do not wait throw."""
    queue = asyncio.Queue(1)
    t(thrown(queue.get_nowait))
    queue.put_nowait(1)
    t(thrown(lambda: queue.put_nowait(2)))
    t(queue.get_nowait(), thrown(queue.get_nowait))


async def item_stolen(t):
    """An item taken between the wake-up of a getter and its run is gone: the getter waits on."""
    queue = asyncio.Queue()

    async def getter():
        t("getter", await queue.get())

    task = asyncio.create_task(getter())
    await asyncio.sleep(0)
    queue.put_nowait("first")
    t("stolen", queue.get_nowait())
    await asyncio.sleep(1)
    t(task.done())
    queue.put_nowait("second")
    await task


async def place_stolen(t):
    """A place taken between the wake-up of a putter and its run is gone: the putter waits on."""
    queue = asyncio.Queue(1)
    queue.put_nowait("x")

    async def putter():
        await queue.put("putter's")
        t("put")

    task = asyncio.create_task(putter())
    await asyncio.sleep(0)
    t(queue.get_nowait())
    queue.put_nowait("thief's")
    await asyncio.sleep(1)
    t(task.done(), queue.get_nowait())
    await task
    t(queue.get_nowait())


async def getter_cancelled(t):
    """A cancelled getter loses no item."""
    queue = asyncio.Queue()

    async def getter(name):
        t(name, await queue.get())

    tasks = [asyncio.create_task(getter(name)) for name in "ab"]
    await asyncio.sleep(0)
    tasks[0].cancel()
    queue.put_nowait("item")
    t(await caught(tasks[0]))
    await tasks[1]
    t(queue.empty())


async def getter_cancelled_when_woken(t):
    """A getter cancelled after its wake-up passes it on."""
    queue = asyncio.Queue()

    async def getter(name):
        t(name, await queue.get())

    tasks = [asyncio.create_task(getter(name)) for name in "ab"]
    await asyncio.sleep(0)
    queue.put_nowait("item")
    tasks[0].cancel()
    t(await caught(tasks[0]))
    await tasks[1]
    t(queue.empty())


async def only_getter_cancelled_when_woken(t):
    """A lone getter cancelled after its wake-up leaves the item."""
    queue = asyncio.Queue()

    async def getter():
        t("never", await queue.get())

    task = asyncio.create_task(getter())
    await asyncio.sleep(0)
    queue.put_nowait("item")
    task.cancel()
    t(await caught(task), queue.qsize(), queue.get_nowait())


async def putter_cancelled(t):
    """A cancelled putter leaves its place in the queue to the next."""
    queue = asyncio.Queue(1)
    queue.put_nowait("first")

    async def putter(name):
        await queue.put(name)
        t(name, "put")

    tasks = [asyncio.create_task(putter(name)) for name in "ab"]
    await asyncio.sleep(0)
    tasks[0].cancel()
    t(queue.get_nowait())
    t(await caught(tasks[0]))
    await tasks[1]
    t(queue.get_nowait(), queue.empty())


async def putter_cancelled_when_woken(t):
    """A putter cancelled after its wake-up passes it on."""
    queue = asyncio.Queue(1)
    queue.put_nowait("first")

    async def putter(name):
        await queue.put(name)
        t(name, "put")

    tasks = [asyncio.create_task(putter(name)) for name in "ab"]
    await asyncio.sleep(0)
    t(queue.get_nowait())
    tasks[0].cancel()
    t(await caught(tasks[0]))
    await tasks[1]
    t(queue.get_nowait(), queue.empty())


async def getters_in_waves(t):
    """More getters than items, in waves: none is forgotten."""
    queue = asyncio.Queue(2)

    async def getter(i):
        t("get", i, await queue.get())

    async def feeder():
        for i in range(6):
            await queue.put(i)

    tasks = [asyncio.create_task(getter(i)) for i in range(6)]
    await asyncio.sleep(0)
    await feeder()
    for task in tasks:
        await task
    t(queue.empty())


async def putters_in_waves(t):
    """More putters than places, taken at one go: none is forgotten."""
    queue = asyncio.Queue(2)

    async def putter(i):
        await queue.put(i)

    tasks = [asyncio.create_task(putter(i)) for i in range(6)]
    await asyncio.sleep(0)
    for _ in range(3):
        while not queue.empty():
            t(queue.get_nowait())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    t([outcome(task) for task in tasks], queue.qsize())


async def get_with_a_timeout(t):
    """A timeout on get() takes nothing."""
    queue = asyncio.Queue()
    t(await caught(asyncio.wait_for(queue.get(), 1)))
    queue.put_nowait("kept")
    t(await caught(asyncio.wait_for(queue.get(), 1)))


async def put_with_a_timeout(t):
    """A timeout on put() puts nothing."""
    queue = asyncio.Queue(1)
    queue.put_nowait("first")
    t(await caught(asyncio.wait_for(queue.put("late"), 1)))
    t(queue.get_nowait(), queue.empty())


async def join_waits_for_task_done(t):
    """join() waits until every item was reported done."""
    queue = asyncio.Queue()
    for i in range(3):
        queue.put_nowait(i)

    async def worker():
        for _ in range(3):
            item = await queue.get()
            await asyncio.sleep(1)
            t("done", item)
            queue.task_done()

    task = asyncio.create_task(worker())
    await queue.join()
    t("joined")
    await task


async def join_of_an_empty_queue(t):
    """join() of a queue without unfinished items takes no iteration."""
    queue = asyncio.Queue()
    t.loop.call_soon(t, "callback")
    await queue.join()
    t("joined")
    queue.put_nowait(1)
    queue.get_nowait()
    queue.task_done()
    await queue.join()
    t("joined again")
    await asyncio.sleep(0)
    t("end")


async def several_join(t):
    """All who join go on together."""
    queue = asyncio.Queue()
    queue.put_nowait(1)

    async def joiner(name):
        await queue.join()
        t(name)

    tasks = [asyncio.create_task(joiner(name)) for name in "ab"]
    await asyncio.sleep(1)
    queue.get_nowait()
    queue.task_done()
    for task in tasks:
        await task
    t("end")


async def task_done_too_often(t):
    """task_done() for more items than there were is refused."""
    queue = asyncio.Queue()
    t(thrown(queue.task_done))
    queue.put_nowait(1)
    queue.task_done()
    t(thrown(queue.task_done))


async def workers(t):
    """Three workers share the items of a queue."""
    queue = asyncio.Queue()
    for item in (3, 1, 2, 1, 2):
        queue.put_nowait(item)

    async def worker(name):
        while True:
            delay = await queue.get()
            await asyncio.sleep(delay)
            t(name, delay)
            queue.task_done()

    tasks = [asyncio.create_task(worker(name)) for name in "abc"]
    await queue.join()
    for task in tasks:
        task.cancel()
    t(await asyncio.gather(*tasks, return_exceptions=True))


async def priority_queue(t):
    """The smallest item comes first."""
    queue = asyncio.PriorityQueue()
    for item in ([2, "b"], [1, "a"], [3, "c"], [1, "A"]):
        queue.put_nowait(item)
    t([await queue.get() for _ in range(4)])


async def lifo_queue(t):
    """The newest item comes first."""
    queue = asyncio.LifoQueue(3)
    for item in "abc":
        queue.put_nowait(item)
    t(queue.full())
    t([await queue.get() for _ in range(3)])


async def priority_queue_with_waiters(t):
    """Waiting getters take the smallest of what is there when they run."""
    queue = asyncio.PriorityQueue()

    async def getter(name):
        t(name, await queue.get())

    tasks = [asyncio.create_task(getter(name)) for name in "ab"]
    await asyncio.sleep(0)
    queue.put_nowait(5)
    queue.put_nowait(1)
    for task in tasks:
        await task
    t("end")


async def error_between_get_and_task_done(t):
    """A worker that fails does not finish its item."""
    queue = asyncio.Queue()
    queue.put_nowait("x")

    async def worker():
        await queue.get()
        raise Boom("worker")

    t(await caught(worker()))
    t(await caught(asyncio.wait_for(queue.join(), 1)))
    queue.task_done()
    await queue.join()
    t("joined")
