"""gather()."""

import asyncio

from parity import Boom, caught, outcome


async def _after(delay, value):
    await asyncio.sleep(delay)
    return value


async def _fails(delay, text):
    await asyncio.sleep(delay)
    raise Boom(text)


async def results_in_order_of_arguments(t):
    """Results come in the order of the arguments, whatever the order of the ends."""
    t(await asyncio.gather(_after(3, "a"), _after(1, "b"), _after(2, "c")))


async def of_nothing(t):
    """gather() of nothing is a done future with an empty list."""
    future = asyncio.gather()
    t(await future)


async def starts_all_in_order(t):
    """Coroutines become tasks that start in order in the next iteration."""

    async def work(name):
        t(name)

    future = asyncio.gather(work("a"), work("b"), work("c"))
    t("made", future.done())
    await future
    t("end")


async def done_callback_is_one_iteration_later(t):
    """The gathered future is done one iteration after its last part, its waiter goes on another one later."""
    parts = [t.loop.create_future() for _ in range(2)]
    future = asyncio.gather(*parts)
    for part in parts:
        part.add_done_callback(lambda _: t("part's callback", future.done()))
    future.add_done_callback(lambda _: t("callback"))
    parts[1].set_result("b")
    parts[0].set_result("a")
    t(await future)


async def first_error_wins(t):
    """The first error is thrown at once; the others go on."""

    async def slow():
        await asyncio.sleep(2)
        t("slow goes on")

    t(await caught(asyncio.gather(slow(), _fails(1, "b"), _after(3, "c"))))
    await asyncio.sleep(4)
    t("end")


async def second_error_is_silent(t):
    """A second error has no receiver, and nobody is told."""
    t.trace_handler()
    t(await caught(asyncio.gather(_fails(1, "a"), _fails(2, "b"))))
    await asyncio.sleep(3)
    t("end")


async def two_errors_in_one_iteration(t):
    """Of two errors in one iteration the first to come counts, not the first argument."""
    parts = [t.loop.create_future() for _ in range(2)]
    future = asyncio.gather(*parts)
    parts[1].set_exception(Boom("second argument"))
    parts[0].set_exception(Boom("first argument"))
    t(await caught(future))


async def errors_as_results(t):
    """With return_exceptions errors are results."""
    t(await asyncio.gather(_after(2, "a"), _fails(1, "b"), _after(0, "c"), return_exceptions=True))


async def child_cancelled(t):
    """A cancelled part fails the whole with CancelledError; the others go on."""

    async def slow():
        await asyncio.sleep(2)
        t("slow ends")

    part = asyncio.create_task(_after(10, "x"))
    future = asyncio.gather(part, slow())
    await asyncio.sleep(1)
    part.cancel("part")
    t(await caught(future))
    t(future.cancelled())
    await asyncio.sleep(2)
    t("end", asyncio.current_task().cancelling())


async def child_cancelled_as_result(t):
    """With return_exceptions a cancelled part is a CancelledError in the list."""
    part = asyncio.create_task(_after(10, "x"))
    t.loop.call_later(1, part.cancel, "part")
    t(await asyncio.gather(part, _after(2, "b"), return_exceptions=True))


async def cancelled(t):
    """Cancelling the gathered future cancels every part, then the whole."""

    async def work(name):
        try:
            await asyncio.sleep(10)
        finally:
            t(name, "ends")

    future = asyncio.gather(work("a"), work("b"))
    await asyncio.sleep(1)
    t(future.cancel("all"), future.done())
    t(await caught(future))
    t(future.cancelled(), future.done())


async def cancelled_twice(t):
    """Cancelling again cancels the parts again."""

    async def work():
        t(await caught(asyncio.sleep(10)))
        t(await caught(asyncio.sleep(10)))

    future = asyncio.gather(work())
    await asyncio.sleep(1)
    t(future.cancel())
    await asyncio.sleep(1)
    t(future.cancel())
    t(await caught(future))


async def cancelled_though_errors_are_results(t):
    """A cancellation is not hidden by return_exceptions."""
    future = asyncio.gather(_after(10, "a"), _after(10, "b"), return_exceptions=True)
    await asyncio.sleep(1)
    future.cancel("all")
    t(await caught(future))


async def cancelled_with_a_stubborn_part(t):
    """If a part swallows the cancellation, the whole ends cancelled, after it."""

    async def stubborn():
        t(await caught(asyncio.sleep(10)))
        await asyncio.sleep(2)
        return "stubborn"

    future = asyncio.gather(stubborn(), _after(10, "b"), return_exceptions=True)
    await asyncio.sleep(1)
    future.cancel()
    t(await caught(future))


async def cancelled_when_all_parts_are_done(t):
    """When every part is done there is nothing to cancel: False, and the result stands."""
    parts = [t.loop.create_future() for _ in range(2)]
    future = asyncio.gather(*parts)
    parts[0].set_result(1)
    parts[1].set_result(2)
    t(future.done(), future.cancel())
    t(await caught(future))
    t(future.cancel())


async def waiter_cancelled(t):
    """Cancelling the task that awaits it cancels the parts."""

    async def work(name):
        try:
            await asyncio.sleep(10)
        finally:
            t(name, "ends")

    async def waiter():
        await asyncio.gather(work("a"), work("b"))

    task = asyncio.create_task(waiter())
    await asyncio.sleep(1)
    task.cancel("waiter")
    t(await caught(task))


async def waiter_cancelled_with_a_failing_part(t):
    """A part that answers the cancellation with an error: the error comes out."""

    async def bad():
        try:
            await asyncio.sleep(10)
        finally:
            raise Boom("cleanup")

    async def waiter():
        await asyncio.gather(bad(), _after(10, "b"))

    task = asyncio.create_task(waiter())
    await asyncio.sleep(1)
    task.cancel()
    t(await caught(task))


async def the_same_future_twice(t):
    """A future given twice is awaited once and answered twice."""
    part = t.loop.create_future()
    future = asyncio.gather(part, part)
    part.set_result("x")
    t(await future)


async def done_futures(t):
    """Parts that are done are counted at once: no iteration."""
    first, second = t.loop.create_future(), t.loop.create_future()
    first.set_result(1)
    second.set_result(2)
    future = asyncio.gather(first, second)
    t(future.done())
    t(await future)


async def done_and_pending(t):
    """A done part and a pending one."""
    first, second = t.loop.create_future(), t.loop.create_future()
    second.set_result(2)
    future = asyncio.gather(first, second)
    t(future.done())
    first.set_result(1)
    t(await future)


async def done_with_an_error(t):
    """A part that failed already fails the whole at once."""
    first, second = t.loop.create_future(), t.loop.create_future()
    second.set_exception(Boom("failed before"))
    future = asyncio.gather(first, second)
    t(future.done())
    t(await caught(future))
    first.set_result(None)


async def nested(t):
    """Gathers in gathers."""
    t(await asyncio.gather(
        asyncio.gather(_after(1, "a"), _after(2, "b")),
        _after(1, "c"),
        asyncio.gather(_after(3, "d")),
    ))


async def nested_cancelled(t):
    """Cancelling the outer one reaches the parts of the inner one."""

    async def work(name):
        try:
            await asyncio.sleep(10)
        finally:
            t(name, "ends")

    future = asyncio.gather(asyncio.gather(work("a"), work("b")), work("c"))
    await asyncio.sleep(1)
    future.cancel("outer")
    t(await caught(future))


async def of_shields(t):
    """Cancelling a gather of shields leaves what is shielded alone."""
    part = t.loop.create_future()
    future = asyncio.gather(asyncio.shield(part), _after(10, "b"))
    await asyncio.sleep(0)
    future.cancel()
    t(await caught(future))
    t(part.done())
    part.set_result("alive")
    t(await part)


async def in_a_shield(t):
    """Cancelling a shield around a gather leaves the gather alone."""
    future = asyncio.gather(_after(1, "a"), _after(2, "b"))
    outer = asyncio.shield(future)
    await asyncio.sleep(0)
    outer.cancel()
    t(await caught(outer))
    t(await future)


async def with_tasks_that_run(t):
    """Tasks that run already are gathered as they are."""
    task = asyncio.create_task(_after(2, "task"))
    await asyncio.sleep(1)
    t(await asyncio.gather(task, _after(2, "coroutine")))
    t(outcome(task))


async def with_a_timeout(t):
    """A timeout around a gather cancels the parts."""

    async def work(name):
        try:
            await asyncio.sleep(10)
        finally:
            t(name, "ends")

    async def block():
        async with asyncio.timeout(1):
            await asyncio.gather(work("a"), work("b"))

    t(await caught(block()))
