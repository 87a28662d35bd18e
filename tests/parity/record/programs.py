"""Programs made by chance: what nobody thought of.

A program is data, so that both languages can run it. A body is
`{"id": n, "do": [statement, ...]}`; `main` is one, and `tasks` has those that
`spawn` starts. The twin of `run` is `programs.ts`.
"""

import asyncio
import random

from parity import Boom, neutral

_STEP = 0.125
_KINDS = 2  # of each lock, event, queue ...


class _Maker:
    def __init__(self, seed):
        self._random = random.Random(seed)
        self._ids = 0
        self.tasks = []
        self.budget = 30

    def _delay(self):
        return 0 if self._random.random() < 0.4 else self._random.randint(1, 12)

    def _known(self):
        """Any task that has code already."""
        return self._random.randrange(len(self.tasks)) if self.tasks else 0

    def _later(self, owner):
        """A task that `owner` may await: nobody may await what awaits them."""
        return self._random.randint(owner + 1, max(owner + 1, len(self.tasks) - 1))

    def program(self):
        """A main body that starts some tasks and then takes part."""
        starts = [self._spawn(-1, 0) for _ in range(3)]
        self.budget += 10
        main = self.body(-1, 0)
        main["do"] = starts + main["do"]
        return {"main": main, "tasks": self.tasks}

    def body(self, owner, depth):
        """`owner` is the index of the task whose code this is; tasks spawned have higher ones."""
        body = {"id": self._ids, "do": []}
        self._ids += 1
        body["do"] = self._block(owner, depth)
        return body

    def _block(self, owner, depth):
        statements = []
        for _ in range(self._random.randint(1, 5 if depth < 2 else 3)):
            if self.budget <= 0:
                break
            self.budget -= 1
            statements.append(self._statement(owner, depth))
        return statements

    def _statement(self, owner, depth):
        pick, k = self._random, self._random.randrange(_KINDS)
        simple = [
            (8, lambda: ["sleep", self._delay()]),
            (2, lambda: ["raise", pick.randint(1, 9)]),
            (5, lambda: ["cancel", self._known()]),
            (4, lambda: ["join", self._later(owner)]),
            (2, lambda: ["shield", self._later(owner)]),
            (1, lambda: ["event", k]),
            (3, lambda: ["set", k]),
            (1, lambda: ["clear", k]),
            (3, lambda: ["put", k, pick.randint(1, 9)]),
            (3, lambda: ["get", k]),
            (2, lambda: ["cwait", k]),
            (2, lambda: ["notify", k, pick.randint(1, 2)]),
            (2, lambda: ["barrier", k]),
            (1, lambda: ["uncancel"]),
            (2, lambda: self._wait(owner)),
            (2, lambda: ["soon", k]),
            (2, lambda: ["later", self._delay()]),
            (2, lambda: ["watch", self._known()]),
            (2, lambda: ["future", k]),
            (3, lambda: ["settle", k, pick.randint(0, 2)]),
            (1, lambda: ["shutdown", k, pick.random() < 0.3]),
        ]
        nested = [
            (8, lambda: self._spawn(owner, depth)),
            (4, lambda: ["try", self._block(owner, depth + 1), pick.random() < 0.4]),
            (2, lambda: ["finally", self._block(owner, depth + 1), self._block(owner, depth + 1)]),
            (4, lambda: ["timeout", self._delay(), self._block(owner, depth + 1)]),
            (2, lambda: ["waitfor", self._delay(), self._block(owner, depth + 1)]),
            (4, lambda: ["group", self._bodies(owner, depth), self._block(owner, depth + 1)]),
            (3, lambda: ["gather", self._bodies(owner, depth), pick.random() < 0.4]),
            (3, lambda: ["lock", k, self._block(owner, depth + 1)]),
            (3, lambda: ["sem", k, self._block(owner, depth + 1)]),
        ]
        choices = simple + (nested if depth < 4 else [])
        return pick.choices([make for _, make in choices], [weight for weight, _ in choices])[0]()

    def _bodies(self, owner, depth):
        return [self.body(owner, depth + 1) for _ in range(self._random.randint(1, 3))]

    def _spawn(self, owner, depth):
        index = len(self.tasks)
        self.tasks.append(None)
        self.tasks[index] = self.body(index, depth + 1)
        return ["spawn", index]

    def _some(self, owner):
        return sorted({self._later(owner) for _ in range(2)})

    def _wait(self, owner):
        pick = self._random
        mode = pick.choice(["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"])
        return ["wait", self._some(owner), mode, pick.choice([None, self._delay()])]


def make(seed):
    """The program of a number."""
    return _Maker(seed).program()


class _Run:
    def __init__(self, t, program):
        self.t = t
        self.program = program
        self.tasks = {}
        self.live = {}  # in the order in which they came
        self.locks = [asyncio.Lock() for _ in range(_KINDS)]
        self.semaphores = [asyncio.Semaphore(2) for _ in range(_KINDS)]
        self.events = [asyncio.Event() for _ in range(_KINDS)]
        self.queues = [asyncio.Queue(1) for _ in range(_KINDS)]
        self.conditions = [asyncio.Condition() for _ in range(_KINDS)]
        self.futures = [t.loop.create_future() for _ in range(_KINDS)]
        self.barriers = [asyncio.Barrier(2) for _ in range(_KINDS)]

    async def body(self, body):
        self.live[asyncio.current_task()] = True
        try:
            await self.block(body["id"], body["do"])
        except BaseException as error:
            self.t(body["id"], "fails", neutral(error))
            raise
        self.t(body["id"], "ends", asyncio.current_task().cancelling())

    async def block(self, name, statements):
        for statement in statements:
            self.t(name, statement[0])
            result = await getattr(self, "do_" + statement[0])(name, *statement[1:])
            if result is not None:
                self.t(name, statement[0], result)

    async def do_sleep(self, _, n):
        await asyncio.sleep(n * _STEP)
        return n

    async def do_raise(self, _, k):
        raise Boom(k)

    async def do_spawn(self, _, index):
        task = asyncio.create_task(self.body(self.program["tasks"][index]))
        self.tasks[index] = task
        self.live[task] = True

    async def do_cancel(self, _, index):
        if index in self.tasks:
            return self.tasks[index].cancel()

    async def do_join(self, _, index):
        if index in self.tasks:
            await self.tasks[index]
            return "joined"

    async def do_shield(self, _, index):
        if index in self.tasks:
            await asyncio.shield(self.tasks[index])
            return "passed"

    async def do_wait(self, _, indexes, mode, n):
        tasks = [self.tasks[index] for index in indexes if index in self.tasks]
        if tasks:
            timeout = None if n is None else n * _STEP
            done, pending = await asyncio.wait(tasks, return_when=mode, timeout=timeout)
            return [len(done), len(pending)]

    async def do_soon(self, name, k):
        self.t.loop.call_soon(self.t, name, "callback", k)

    async def do_later(self, name, n):
        self.t.loop.call_later(n * _STEP, self.t, name, "timer", n)

    async def do_watch(self, name, index):
        if index in self.tasks:
            self.tasks[index].add_done_callback(lambda task: self.t(name, "heard of", index, task.cancelled()))

    async def do_future(self, _, k):
        if self.futures[k].done():
            self.futures[k] = self.t.loop.create_future()
        return await self.futures[k]

    async def do_settle(self, _, k, how):
        future = self.futures[k]
        if future.done():
            return "too late"
        if how == 0:
            future.set_result("value")
        elif how == 1:
            future.set_exception(Boom("future"))
        else:
            future.cancel()

    async def do_shutdown(self, _, k, immediate):
        self.queues[k].shutdown(immediate)

    async def do_try(self, name, statements, rethrow):
        try:
            await self.block(name, statements)
        except BaseException as error:
            self.t(name, "caught", neutral(error), asyncio.current_task().cancelling())
            if rethrow:
                raise

    async def do_finally(self, name, statements, cleanup):
        try:
            await self.block(name, statements)
        finally:
            await self.block(name, cleanup)

    async def do_timeout(self, name, n, statements):
        async with asyncio.timeout(n * _STEP) as scope:
            await self.block(name, statements)
        return scope.expired()

    async def do_waitfor(self, name, n, statements):
        await asyncio.wait_for(self.block(name, statements), n * _STEP)
        return "in time"

    async def do_group(self, name, bodies, statements):
        async with asyncio.TaskGroup() as group:
            for body in bodies:
                group.create_task(self.body(body))
            await self.block(name, statements)
        return asyncio.current_task().cancelling()

    async def do_gather(self, _, bodies, return_exceptions):
        return await asyncio.gather(*map(self.body, bodies), return_exceptions=return_exceptions)

    async def do_lock(self, name, k, statements):
        async with self.locks[k]:
            self.t(name, "locked")
            await self.block(name, statements)
        return self.locks[k].locked()

    async def do_sem(self, name, k, statements):
        async with self.semaphores[k]:
            self.t(name, "acquired")
            await self.block(name, statements)
        return self.semaphores[k].locked()

    async def do_event(self, _, k):
        return await self.events[k].wait()

    async def do_set(self, _, k):
        self.events[k].set()

    async def do_clear(self, _, k):
        self.events[k].clear()

    async def do_put(self, _, k, value):
        await self.queues[k].put(value)
        return self.queues[k].qsize()

    async def do_get(self, _, k):
        return await self.queues[k].get()

    async def do_cwait(self, _, k):
        async with self.conditions[k]:
            return await self.conditions[k].wait()

    async def do_notify(self, _, k, n):
        async with self.conditions[k]:
            self.conditions[k].notify(n)

    async def do_barrier(self, _, k):
        await self.barriers[k].wait()
        return "passed"

    async def do_uncancel(self, _):
        return asyncio.current_task().uncancel()


async def run(t, program):
    """Runs a program, and cancels what does not end by itself."""
    t.trace_handler()
    state = _Run(t, program)
    main = asyncio.create_task(state.body(program["main"]))
    await asyncio.wait([main], timeout=10)
    while left := [task for task in state.live if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.sleep(8 * _STEP)
    t("over")
