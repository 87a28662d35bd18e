"""run() and Runner."""

import asyncio

from parity import Boom, caught, thrown


def _run(t, main):
    return asyncio.run(main, loop_factory=lambda: t.loop)


def result_of_main(t):
    """run() gives the result of main, and closes the loop."""

    async def main():
        t("main")
        await asyncio.sleep(1)
        return "result"

    t(_run(t, main()), t.loop.is_closed())


def error_of_main(t):
    """run() throws the error of main, and closes the loop."""

    async def main():
        await asyncio.sleep(1)
        raise Boom("main")

    t(thrown(lambda: _run(t, main())), t.loop.is_closed())


def cancels_what_is_left(t):
    """Tasks that are left are cancelled, and may clean up."""

    async def left():
        try:
            await asyncio.sleep(10)
        finally:
            t("cleans up")
            await asyncio.sleep(2)
            t("cleaned")

    async def main():
        asyncio.create_task(left())
        await asyncio.sleep(1)
        t("main ends")
        return 123

    t(_run(t, main()))


def left_task_of_the_last_step(t):
    """A task that main made in its last step still starts, in the last iteration of the run."""

    async def left():
        t("starts")

    async def main():
        task = asyncio.create_task(left())
        task.add_done_callback(lambda f: t("callback", f.cancelled()))

    _run(t, main())
    t("end")


def left_task_that_fails(t):
    """An error in answer to the cancellation goes to the exception handler."""
    t.trace_handler()

    async def left():
        try:
            await asyncio.sleep(10)
        finally:
            raise Boom("cleanup")

    async def main():
        asyncio.create_task(left())
        await asyncio.sleep(1)

    _run(t, main())
    t("end")


def left_task_that_is_stubborn(t):
    """A task that swallows the cancellation is waited for."""

    async def left():
        t(await caught(asyncio.sleep(10)))
        t(await caught(asyncio.sleep(5, "slept")))

    async def main():
        asyncio.create_task(left())
        await asyncio.sleep(1)

    _run(t, main())
    t("end", t.now())


def cancels_what_is_left_after_an_error(t):
    """The same when main failed."""

    async def left():
        try:
            await asyncio.sleep(10)
        finally:
            t("cleans up")

    async def main():
        asyncio.create_task(left())
        await asyncio.sleep(1)
        raise Boom("main")

    t(thrown(lambda: _run(t, main())))


def main_cancels_itself(t):
    """If main is cancelled, run() throws CancelledError."""

    async def main():
        asyncio.current_task().cancel("self")
        await asyncio.sleep(1)

    try:
        _run(t, main())
    except asyncio.CancelledError as error:
        t(error, t.loop.is_closed())


def inside_a_running_loop(t):
    """run() in a running loop is refused."""

    async def inner():
        t("never")

    async def main():
        coroutine = inner()
        t(thrown(lambda: asyncio.run(coroutine)))
        coroutine.close()

    _run(t, main())


def runner_runs_several(t):
    """A Runner runs one main after the other in one loop; tasks go on in the next."""

    async def background():
        for i in range(3):
            t("background", i)
            await asyncio.sleep(1)

    tasks = []

    async def first():
        tasks.append(asyncio.create_task(background()))
        await asyncio.sleep(0)
        return "first"

    async def second():
        await asyncio.sleep(1)
        return "second"

    with asyncio.Runner(loop_factory=lambda: t.loop) as runner:
        t(runner.run(first()))
        t(runner.run(second()))
        t(runner.get_loop() is t.loop)
    t(t.loop.is_closed(), tasks[0].cancelled())


def runner_when_closed(t):
    """A closed Runner runs nothing; closing it again is allowed."""

    async def main():
        t("never")

    runner = asyncio.Runner(loop_factory=lambda: t.loop)
    with runner:
        runner.get_loop()
    runner.close()
    coroutine = main()
    t(thrown(lambda: runner.run(coroutine)), thrown(runner.get_loop))
    coroutine.close()


def async_generators_are_closed(t):
    """An asynchronous generator that was left is closed at the end."""

    async def generator():
        try:
            yield 1
            yield 2
        finally:
            t("generator closed")

    kept = []

    async def main():
        kept.append(generator())
        t(await anext(kept[0]))
        t("main ends")

    _run(t, main())
    t("end")
