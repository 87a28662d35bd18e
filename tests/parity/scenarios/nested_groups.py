"""TaskGroup: groups in groups, and the count of cancellations."""

import asyncio

from parity import Boom, caught


async def inner_member_fails(t):
    """An error in an inner group comes as a group in a group, and aborts the outer one."""

    async def bad():
        await asyncio.sleep(1)
        raise Boom("inner member")

    async def sibling():
        try:
            await asyncio.sleep(10)
        finally:
            t("outer member ends")

    try:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(sibling())
            async with asyncio.TaskGroup() as inner:
                inner.create_task(bad())
                try:
                    await asyncio.sleep(10)
                finally:
                    t("inner body ends")
            t("never")
    except BaseExceptionGroup as error:
        t(error, asyncio.current_task().cancelling())


async def inner_error_handled(t):
    """An error handled between the groups does not reach the outer one."""

    async def bad():
        raise Boom("inner member")

    async def sibling():
        await asyncio.sleep(2)
        t("outer member ends")

    async with asyncio.TaskGroup() as outer:
        outer.create_task(sibling())
        try:
            async with asyncio.TaskGroup() as inner:
                inner.create_task(bad())
        except BaseExceptionGroup as error:
            t(error)
        await asyncio.sleep(1)
        t("outer body goes on", asyncio.current_task().cancelling())
    t("over")


async def outer_member_fails(t):
    """An error in the outer group cancels the inner one."""

    async def bad():
        await asyncio.sleep(1)
        raise Boom("outer member")

    async def child():
        try:
            await asyncio.sleep(10)
        finally:
            t("inner member ends")

    try:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(bad())
            try:
                async with asyncio.TaskGroup() as inner:
                    inner.create_task(child())
                    await asyncio.sleep(10)
            except asyncio.CancelledError:
                t("inner group cancelled", asyncio.current_task().cancelling())
                raise
    except BaseExceptionGroup as error:
        t(error, asyncio.current_task().cancelling())


async def both_fail_at_once(t):
    """Errors in both groups in one iteration: the shapes of both are kept."""

    async def bad(name):
        await asyncio.sleep(1)
        raise Boom(name)

    try:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(bad("outer"))
            try:
                async with asyncio.TaskGroup() as inner:
                    inner.create_task(bad("inner"))
                    await asyncio.sleep(10)
            finally:
                t("between", asyncio.current_task().cancelling())
    except BaseExceptionGroup as error:
        t(error, asyncio.current_task().cancelling())


async def both_fail_inner_first(t):
    """The same, the inner member first."""

    async def bad(name):
        await asyncio.sleep(1)
        raise Boom(name)

    try:
        async with asyncio.TaskGroup() as outer:
            try:
                async with asyncio.TaskGroup() as inner:
                    inner.create_task(bad("inner"))
                    await asyncio.sleep(0)
                    outer.create_task(bad("outer"))
                    await asyncio.sleep(10)
            finally:
                t("between", asyncio.current_task().cancelling())
    except BaseExceptionGroup as error:
        t(error, asyncio.current_task().cancelling())


async def groups_in_members(t):
    """Groups in members: their errors are groups of the outer group."""

    async def bad(name, delay):
        await asyncio.sleep(delay)
        raise Boom(name)

    async def member(name, delay):
        async with asyncio.TaskGroup() as group:
            group.create_task(bad(name, delay))
            group.create_task(asyncio.sleep(10))

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(member("a", 1))
            group.create_task(member("b", 1))
            group.create_task(member("c", 2))
    except BaseExceptionGroup as error:
        t(error, t.now())


async def cancelled_from_outside(t):
    """A cancellation from outside goes through both groups."""

    async def child(name):
        try:
            await asyncio.sleep(10)
        finally:
            t(name, "ends")

    async def work():
        async with asyncio.TaskGroup() as outer:
            outer.create_task(child("outer"))
            async with asyncio.TaskGroup() as inner:
                inner.create_task(child("inner"))

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel("outside")
    t(await caught(task))
    t(task.cancelling())


async def cancelled_with_an_error_inside(t):
    """A cancellation from outside with an error in the inner group: the errors win, level by level."""

    async def child():
        try:
            await asyncio.sleep(10)
        finally:
            raise Boom("inner cleanup")

    async def work():
        try:
            async with asyncio.TaskGroup() as outer:
                outer.create_task(asyncio.sleep(10))
                async with asyncio.TaskGroup() as inner:
                    inner.create_task(child())
        except BaseExceptionGroup as error:
            t(error, asyncio.current_task().cancelling())
        t(await caught(asyncio.sleep(0)))

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel("outside")
    t(await caught(task))
    t(task.cancelling())


async def level_is_kept(t):
    """The count of cancellations is the same before and after a group that fails."""

    async def bad():
        raise Boom("member")

    async def work():
        task = asyncio.current_task()
        t(await caught(asyncio.sleep(10)))
        t(task.cancelling())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(bad())
        except BaseExceptionGroup as error:
            t(error, task.cancelling())
        t(await caught(asyncio.sleep(0)))
        t(task.cancelling())

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel("before the group")
    t(await caught(task))


async def both_groups_cancel_the_parent(t):
    """Inner and outer group cancel the parent in one iteration: each takes its own request back."""

    async def bad(name):
        raise Boom(name)

    async def work():
        task = asyncio.current_task()
        try:
            async with asyncio.TaskGroup() as outer:
                try:
                    async with asyncio.TaskGroup() as inner:
                        inner.create_task(bad("inner"))
                        outer.create_task(bad("outer"))
                        await asyncio.sleep(10)
                except BaseExceptionGroup as error:
                    t("inner", error, task.cancelling())
        except BaseExceptionGroup as error:
            t("outer", error, task.cancelling())
        t(await caught(asyncio.sleep(0)))

    t(await caught(asyncio.create_task(work())))


async def does_not_leak(t):
    """The cancellation of the body by its group does not reach what comes after."""

    async def bad():
        await asyncio.sleep(0)
        raise Boom("member")

    for i in range(2):
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(bad())
                await asyncio.sleep(10)
        except BaseExceptionGroup as error:
            t(i, error)
        await asyncio.sleep(0)
        t(i, asyncio.current_task().cancelling())


async def in_a_timeout_with_a_failing_member(t):
    """An error of a member beats the timeout around the group."""

    async def bad():
        try:
            await asyncio.sleep(10)
        finally:
            raise Boom("cleanup")

    try:
        async with asyncio.timeout(1):
            async with asyncio.TaskGroup() as group:
                group.create_task(bad())
    except BaseExceptionGroup as error:
        t(error, asyncio.current_task().cancelling())
    await asyncio.sleep(0)
    t("undisturbed")


async def timeout_in_the_body(t):
    """A timeout in the body is handled in the body; the members go on."""

    async def child():
        await asyncio.sleep(3)
        t("child ends")

    async with asyncio.TaskGroup() as group:
        group.create_task(child())
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(10)
        except TimeoutError as error:
            t(error)
        t("body ends", asyncio.current_task().cancelling())
    t("over")


async def member_cancels_the_parent(t):
    """A member may cancel the task of the group, and with it itself."""

    async def work():
        task = asyncio.current_task()

        async def child():
            task.cancel("by a member")
            t(await caught(asyncio.sleep(10)))

        async with asyncio.TaskGroup() as group:
            group.create_task(child())

    task = asyncio.create_task(work())
    t(await caught(task))
    t(task.cancelling())


async def gather_in_a_group(t):
    """A gather in the body is cancelled when a member fails."""

    async def bad():
        await asyncio.sleep(1)
        raise Boom("member")

    async def part(name):
        try:
            await asyncio.sleep(10)
        finally:
            t(name, "ends")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(bad())
            await asyncio.gather(part("a"), part("b"))
    except BaseExceptionGroup as error:
        t(error)


async def three_deep(t):
    """Three groups: the innermost error has two groups around it when it reaches the middle."""

    async def bad():
        raise Boom("innermost")

    async def middle():
        async with asyncio.TaskGroup() as two:
            async with asyncio.TaskGroup() as three:
                three.create_task(bad())
            two.create_task(asyncio.sleep(1))

    try:
        async with asyncio.TaskGroup() as one:
            one.create_task(middle())
            one.create_task(asyncio.sleep(10))
    except BaseExceptionGroup as error:
        t(error)
