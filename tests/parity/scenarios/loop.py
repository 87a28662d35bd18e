"""Order of callbacks and timers, and how a run ends."""

import asyncio

from parity import Boom, caught, thrown


async def call_soon_runs_in_order(t):
    """Callbacks run first come, first served, in the next iteration, with their arguments."""
    t("main")
    t.loop.call_soon(t, "a")
    t.loop.call_soon(t, "b", 1, True)
    t.loop.call_soon(t, "c")
    t("not yet")
    await asyncio.sleep(0)
    t("main again")


async def call_soon_from_a_callback_waits(t):
    """What a callback schedules runs in the iteration after, behind what was queued."""

    def first():
        t("first")
        t.loop.call_soon(t, "from first")

    t.loop.call_soon(first)
    t.loop.call_soon(t, "second")
    await asyncio.sleep(0)
    t("main after one")
    await asyncio.sleep(0)
    t("main after two")


async def callback_chain(t):
    """Each link of a chain of callbacks takes one iteration."""
    done = t.loop.create_future()

    def link(n):
        t(n)
        if n == 5:
            done.set_result(None)
        else:
            t.loop.call_soon(link, n + 1)

    t.loop.call_soon(link, 1)
    await done
    t("end")


def stop_finishes_the_batch(t):
    """stop() lets the iteration run to its end; what is scheduled meanwhile waits for the next run."""

    def first():
        t("first")
        t.loop.call_soon(t, "later")

    t.loop.call_soon(first)
    t.loop.call_soon(t.loop.stop)
    t.loop.call_soon(t, "third")
    t.loop.run_forever()
    t("stopped", t.loop.is_running())
    t.loop.call_soon(t.loop.stop)
    t.loop.run_forever()
    t("stopped again")


def stop_before_a_run(t):
    """A loop stopped before it runs does one iteration."""
    t.loop.call_soon(t, "one")
    t.loop.call_soon(lambda: t.loop.call_soon(t, "two"))
    t.loop.stop()
    t.loop.run_forever()
    t("stopped")
    t.loop.stop()
    t.loop.run_forever()
    t("stopped again")


def stop_twice_is_once(t):
    """Two calls of stop() in one iteration end one run."""
    t.loop.call_soon(t.loop.stop)
    t.loop.call_soon(t.loop.stop)
    t.loop.call_soon(lambda: t.loop.call_soon(t, "next run"))
    t.loop.run_forever()
    t("first run over")
    t.loop.call_soon(t.loop.stop)
    t.loop.run_forever()
    t("second run over")


def stop_with_a_timer_pending(t):
    """A stopped loop keeps its timers for the next run."""
    t.loop.call_later(1, t, "timer")
    t.loop.call_later(2, t.loop.stop)
    t.loop.stop()
    t.loop.run_forever()
    t("stopped at once")
    t.loop.run_forever()
    t("stopped by the timer")


def cancelled_in_the_batch(t):
    """A handle cancelled by an earlier callback of its own iteration does not run."""
    handles = []

    def first():
        t("first")
        handles[0].cancel()
        t(handles[0].cancelled())

    t.loop.call_soon(first)
    handles.append(t.loop.call_soon(t, "never"))
    t.loop.call_soon(t, "third")
    t.loop.call_soon(t.loop.stop)
    t.loop.run_forever()
    t("end")


async def cancel_before_the_iteration(t):
    """A handle cancelled at once never runs; cancelling again changes nothing."""
    handle = t.loop.call_soon(t, "never")
    t.loop.call_soon(t, "other")
    t(handle.cancelled())
    handle.cancel()
    handle.cancel()
    t(handle.cancelled())
    await asyncio.sleep(0)
    t("end")


async def call_later_by_deadline(t):
    """Timers fire by deadline, whatever the order in which they were set."""
    t.loop.call_later(3, t, "three")
    t.loop.call_later(1, t, "one")
    t.loop.call_later(2, t, "two")
    t.loop.call_later(0.5, t, "half")
    await asyncio.sleep(4)
    t("end")


async def call_later_equal_deadlines(t):
    """Timers of one deadline fire in the order in which they were set, in one iteration."""
    t.loop.call_later(1, t, "a")
    t.loop.call_later(1, t, "b")
    await asyncio.sleep(2)
    t("end")


async def negative_delays(t):
    """Negative delays fire in the next iteration, the older deadline first."""
    t.loop.call_later(-1, t, "minus one")
    t.loop.call_later(-2, t, "minus two")
    await asyncio.sleep(0)
    t("main")


async def zero_delay_follows_ready_callbacks(t):
    """A timer that is due runs in the next iteration, behind the callbacks that are ready."""
    t.loop.call_later(0, t, "timer")
    t.loop.call_soon(t, "soon")
    await asyncio.sleep(0)
    t("main")
    await asyncio.sleep(0)
    t("main again")


async def timers_in_one_iteration_before_new_callbacks(t):
    """Timers due together run in one iteration; a callback that the first schedules comes after."""

    def first():
        t("first")
        t.loop.call_soon(t, "from first")
        t.loop.call_later(0, t, "timer from first")

    t.loop.call_later(1, first)
    t.loop.call_later(1, t, "second")
    await asyncio.sleep(2)
    t("end")


async def ready_callbacks_precede_due_timers(t):
    """While callbacks are ready no time passes, so a timer waits."""
    t.loop.call_later(1, t, "timer")

    def again(n):
        t(n)
        if n < 3:
            t.loop.call_soon(again, n + 1)

    t.loop.call_soon(again, 1)
    await asyncio.sleep(1)
    t("slept")


async def cancelled_timer(t):
    """A cancelled timer does not fire and keeps its time."""
    handle = t.loop.call_later(1, t, "never")
    t.loop.call_later(2, t, "two")
    handle.cancel()
    t(handle.cancelled(), t.ms(handle.when()))
    await asyncio.sleep(3)
    t(handle.cancelled(), t.ms(handle.when()))


async def timer_cancels_timer_of_its_batch(t):
    """A timer cancelled by another one of the same iteration does not fire."""
    handles = []
    t.loop.call_later(1, lambda: (t("first"), handles[0].cancel()))
    handles.append(t.loop.call_later(1, t, "never"))
    await asyncio.sleep(2)
    t("end")


async def when_after_firing(t):
    """when() is the deadline, also after the timer fired."""
    handle = t.loop.call_later(1.5, t, "fired")
    t(t.ms(handle.when()))
    await asyncio.sleep(2)
    t(t.ms(handle.when()), handle.cancelled())


async def call_at_absolute(t):
    """call_at() takes a time of the loop; a time that passed fires in the next iteration."""
    now = t.loop.time()
    t.loop.call_at(now + 2, t, "two")
    t.loop.call_at(now + 1, t, "one")
    t.loop.call_at(now - 5, t, "passed")
    await asyncio.sleep(3)
    t("end")


async def timer_sets_timer(t):
    """A timer set by a timer counts from the moment of the first."""

    def first():
        t("first")
        t.loop.call_later(1, t, "second")

    t.loop.call_later(1, first)
    await asyncio.sleep(3)
    t("end")


async def many_cancelled_timers(t):
    """Cleaning up many cancelled timers keeps the order of the others."""
    handles = [t.loop.call_later(1 + i / 8, t, i) for i in range(120)]
    for i, handle in enumerate(handles):
        if i % 12 != 5:
            handle.cancel()
    await asyncio.sleep(20)
    t("end")


async def error_in_a_callback(t):
    """An error in a callback goes to the exception handler; the iteration goes on."""
    t.trace_handler()

    def bad():
        t("bad")
        raise Boom("in a callback")

    t.loop.call_soon(bad)
    t.loop.call_soon(t, "next")
    await asyncio.sleep(0)
    t("main")


async def error_in_a_timer(t):
    """An error in a timer goes to the exception handler; other timers fire."""
    t.trace_handler()

    def bad():
        raise Boom("in a timer")

    t.loop.call_later(1, bad)
    t.loop.call_later(1, t, "next")
    t.loop.call_later(2, t, "later")
    await asyncio.sleep(3)
    t("end")


async def threadsafe_keeps_the_order(t):
    """call_soon_threadsafe() uses the same queue as call_soon()."""
    t.loop.call_soon(t, 1)
    t.loop.call_soon_threadsafe(t, 2)
    t.loop.call_soon(t, 3)
    handle = t.loop.call_soon_threadsafe(t, "never")
    handle.cancel()
    await asyncio.sleep(0)
    t("main")


async def sleep_zero_interleaves(t):
    """Tasks that sleep(0) take turns, an iteration each."""

    async def worker(name):
        for i in range(3):
            t(name, i)
            await asyncio.sleep(0)

    a = asyncio.create_task(worker("a"))
    b = asyncio.create_task(worker("b"))
    await a
    await b
    t("end")


async def timer_then_task(t):
    """sleep() resumes its task one iteration after the timer."""
    t.loop.call_later(1, t, "timer before")
    task = asyncio.create_task(asyncio.sleep(1, "slept"))
    await asyncio.sleep(0)
    t.loop.call_later(1, t, "timer after")
    t(await task)


def run_until_complete_runs_the_batch(t):
    """The run ends one iteration after the future is done; that iteration runs to its end."""
    future = t.loop.create_future()

    def finish():
        t("finish")
        future.set_result("value")
        t.loop.call_soon(t, "same iteration as the stop")
        t.loop.call_soon(lambda: t.loop.call_soon(t, "next run"))

    t.loop.call_soon(finish)
    t(t.loop.run_until_complete(future))
    t.loop.call_soon(t.loop.stop)
    t.loop.run_forever()
    t("end")


def run_until_complete_of_a_done_future(t):
    """A future that is done already takes one iteration."""
    future = t.loop.create_future()
    future.set_result(7)
    t(t.loop.run_until_complete(future))
    t(t.loop.run_until_complete(future))


def run_until_complete_stopped_early(t):
    """A loop stopped before the future is done is an error, and can run it later."""

    async def main():
        t("main")
        t.loop.stop()
        await asyncio.sleep(1)
        t("slept")
        return 5

    task = t.loop.create_task(main())
    try:
        t.loop.run_until_complete(task)
    except RuntimeError as error:
        t(str(error))
    t(task.done())
    t(t.loop.run_until_complete(task))


def run_until_complete_with_an_error(t):
    """The error of the main coroutine comes out of the run; the loop can run again."""

    async def bad():
        await asyncio.sleep(0)
        raise Boom("main")

    async def good():
        t("good")
        return "fine"

    try:
        t.loop.run_until_complete(bad())
    except Boom as error:
        t(error)
    t(t.loop.run_until_complete(good()))


def run_until_complete_cancelled(t):
    """Cancelling the main task ends the run with CancelledError."""

    async def main():
        await asyncio.sleep(10)

    task = t.loop.create_task(main())
    t.loop.call_later(1, task.cancel)
    try:
        t.loop.run_until_complete(task)
    except asyncio.CancelledError as error:
        t(error)
    t(task.cancelled())


def run_keeps_other_tasks(t):
    """A task that outlives a run goes on in the next one."""

    async def worker():
        for i in range(4):
            t("worker", i)
            await asyncio.sleep(0)

    async def main():
        await asyncio.sleep(0)
        t("main")

    task = t.loop.create_task(worker())
    t.loop.run_until_complete(main())
    t("between the runs")
    t.loop.run_until_complete(task)
    t("end")


def states_of_a_loop(t):
    """A closed loop refuses work; closing it again is allowed."""
    t(t.loop.is_running(), t.loop.is_closed())
    t.loop.call_soon(lambda: t("running", t.loop.is_running()))
    t.loop.call_soon(lambda: t("close", thrown(t.loop.close)))
    t.loop.call_soon(t.loop.stop)
    t.loop.run_forever()
    t.loop.close()
    t.loop.close()
    t(t.loop.is_running(), t.loop.is_closed())
    t(thrown(lambda: t.loop.call_soon(t, "never")))
    t(thrown(lambda: t.loop.call_later(1, t, "never")))
    t(thrown(lambda: t.loop.run_forever()))


def close_drops_what_waits(t):
    """What waits when a loop is closed never runs."""
    t.loop.call_soon(t, "never")
    t.loop.call_later(1, t, "never")
    t.loop.close()
    t("closed")


async def nested_run_is_refused(t):
    """A loop that runs cannot be run."""
    t(thrown(t.loop.run_forever))
    future = t.loop.create_future()
    future.set_result(1)
    t(thrown(lambda: t.loop.run_until_complete(future)))
    t(await caught(future))

