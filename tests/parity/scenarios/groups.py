"""TaskGroup: one group."""

import asyncio

from parity import Boom, caught, outcome, thrown


async def no_members(t):
    """A group without members ends at once."""
    async with asyncio.TaskGroup():
        t("body")
    t("over")


async def waits_for_all(t):
    """The group ends when its last member has."""

    async def child(name, delay):
        await asyncio.sleep(delay)
        t(name)
        return name

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(child(*args)) for args in (("a", 2), ("b", 1), ("c", 3))]
        t("body ends")
    t("over", [task.result() for task in tasks])


async def members_end_before_the_body(t):
    """A group whose members ended before the body takes no iteration to end."""

    async def child():
        t("child")

    async with asyncio.TaskGroup() as group:
        group.create_task(child())
        await asyncio.sleep(1)
        t("body ends")
    t("over")


async def member_ends_in_the_last_step_of_the_body(t):
    """A member whose end the group has not heard of yet still holds it."""

    async def child():
        t("child")

    async with asyncio.TaskGroup() as group:
        group.create_task(child())
        await asyncio.sleep(0)
        t("body ends")
    t("over")


async def member_fails(t):
    """An error of a member cancels its siblings and the body."""

    async def bad():
        await asyncio.sleep(1)
        raise Boom("member")

    async def sibling(name):
        try:
            await asyncio.sleep(10)
        finally:
            t(name, "ends")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sibling("a"))
            group.create_task(bad())
            group.create_task(sibling("b"))
            try:
                await asyncio.sleep(10)
            finally:
                t("body", asyncio.current_task().cancelling())
    except BaseExceptionGroup as error:
        t(error, asyncio.current_task().cancelling())


async def member_fails_while_the_group_waits(t):
    """The same, when the body has ended."""

    async def bad():
        await asyncio.sleep(1)
        raise Boom("member")

    async def sibling():
        try:
            await asyncio.sleep(10)
        finally:
            t("sibling ends")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sibling())
            group.create_task(bad())
            t("body ends")
    except BaseExceptionGroup as error:
        t(error, asyncio.current_task().cancelling())


async def body_fails(t):
    """An error of the body cancels the members, and comes in the group."""

    async def child(name):
        try:
            await asyncio.sleep(10)
        finally:
            t(name, "ends")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(child("a"))
            group.create_task(child("b"))
            await asyncio.sleep(1)
            raise Boom("body")
    except BaseExceptionGroup as error:
        t(error)


async def body_fails_at_once(t):
    """Members that never started never do."""

    async def child():
        t("never")

    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(child())
            raise Boom("body")
    except BaseExceptionGroup as error:
        t(error, outcome(task))


async def body_fails_without_members(t):
    """Without members the error of the body comes in a group too."""
    try:
        async with asyncio.TaskGroup():
            raise Boom("body")
    except BaseExceptionGroup as error:
        t(error)


async def body_and_member_fail(t):
    """The error of a member comes before that of the body."""

    async def bad():
        raise Boom("member")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(bad())
            try:
                await asyncio.sleep(10)
            finally:
                raise Boom("body")
    except BaseExceptionGroup as error:
        t(error)


async def two_members_fail_in_one_iteration(t):
    """Errors of one iteration are all told, in order."""

    async def bad(name):
        await asyncio.sleep(0)
        raise Boom(name)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(bad("a"))
            group.create_task(bad("b"))
    except BaseExceptionGroup as error:
        t(error)


async def errors_in_the_cleanup(t):
    """Errors with which siblings answer the cancellation are told too."""

    async def bad():
        await asyncio.sleep(1)
        raise Boom("first")

    async def sibling(name, delay):
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(delay)
            raise Boom(name)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sibling("late", 2))
            group.create_task(sibling("early", 1))
            group.create_task(bad())
    except BaseExceptionGroup as error:
        t(error)


async def stubborn_sibling(t):
    """A sibling that swallows the cancellation holds the group until it ends."""

    async def bad():
        raise Boom("member")

    async def stubborn():
        t(await caught(asyncio.sleep(10)))
        await asyncio.sleep(3)
        t("stubborn ends")
        return "value"

    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(stubborn())
            await asyncio.sleep(0)
            group.create_task(bad())
    except BaseExceptionGroup as error:
        t(error, outcome(task))


async def body_swallows_the_cancellation(t):
    """A body that goes on after the group was aborted is not cancelled again."""

    async def bad():
        raise Boom("member")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(bad())
            t(await caught(asyncio.sleep(10)))
            t(await caught(asyncio.sleep(1, "slept")))
            t(asyncio.current_task().cancelling())
    except BaseExceptionGroup as error:
        t(error, asyncio.current_task().cancelling())


async def cancelled_from_outside_in_the_body(t):
    """A cancellation from outside cancels the members and passes."""

    async def child(name):
        try:
            await asyncio.sleep(10)
        finally:
            t(name, "ends")

    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(child("a"))
            group.create_task(child("b"))
            try:
                await asyncio.sleep(10)
            finally:
                t("body ends")

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel("outside")
    t(await caught(task))
    t(task.cancelled(), task.cancelling())


async def cancelled_from_outside_while_it_waits(t):
    """The same, when the body has ended."""

    async def child(name):
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(3 - name)
            t(name, "ends")

    async def work():
        async with asyncio.TaskGroup() as group:
            for i in range(3):
                group.create_task(child(i))

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel("outside")
    t(await caught(task))
    t(task.cancelled(), task.cancelling())


async def cancelled_twice_from_outside(t):
    """A second cancellation, while members clean up, changes nothing but the count."""

    async def child():
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(5)
            t("cleaned")

    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(child())

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel("one")
    await asyncio.sleep(1)
    task.cancel("two")
    t(await caught(task))
    t(task.cancelled(), task.cancelling())


async def error_beats_a_cancellation(t):
    """If members fail when cancelled from outside, the errors are thrown; the count stays."""

    async def child():
        try:
            await asyncio.sleep(10)
        finally:
            raise Boom("cleanup")

    async def work():
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(child())
        except BaseExceptionGroup as error:
            t(error, asyncio.current_task().cancelling())
        t("cancelled at the next await", await caught(asyncio.sleep(10)))

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel("outside")
    t(await caught(task))
    t(task.cancelling())


async def error_and_cancellation_in_one_iteration(t):
    """A member fails and then the parent is cancelled in one iteration: both are told."""

    async def bad():
        await asyncio.sleep(1)
        raise Boom("member")

    async def work():
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(bad())
                await asyncio.sleep(10)
        except BaseExceptionGroup as error:
            t(error, asyncio.current_task().cancelling())
        t(await caught(asyncio.sleep(0)))

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    t.loop.call_later(1, task.cancel)
    t(await caught(task))
    t(task.cancelling())


async def cancellation_before_an_error_of_its_iteration(t):
    """The parent is cancelled before a member would have failed in the same iteration: no error."""

    async def bad():
        await asyncio.sleep(1)
        raise Boom("never")

    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(bad())
            await asyncio.sleep(10)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    t.loop.call_later(1, task.cancel)
    t(await caught(task))
    t(task.cancelling())


async def cancelled_before_entry(t):
    """A task cancelled before it enters a group is cancelled at the first wait inside."""

    async def child():
        t("child starts")

    async def work():
        asyncio.current_task().cancel("before")
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            t("body")
            await asyncio.sleep(0)
            t("never")

    task = asyncio.create_task(work())
    t(await caught(task))


async def member_cancelled_explicitly(t):
    """A member cancelled on its own does not disturb the group."""

    async def child(name):
        try:
            await asyncio.sleep(2)
        finally:
            t(name, "ends")

    async with asyncio.TaskGroup() as group:
        first = group.create_task(child("a"))
        group.create_task(child("b"))
        await asyncio.sleep(1)
        first.cancel()
        t("body ends")
    t("over", outcome(first))


async def member_raises_cancelled_error(t):
    """CancelledError raised by a member is a cancellation of that member only."""

    async def child():
        raise asyncio.CancelledError("own")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(child())
        await asyncio.sleep(1)
        t("body goes on")
    t("over", outcome(task))


async def body_raises_cancelled_error(t):
    """CancelledError raised by the body cancels the members and passes."""

    async def child():
        try:
            await asyncio.sleep(10)
        finally:
            t("child ends")

    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            await asyncio.sleep(0)
            raise asyncio.CancelledError("own")

    t(await caught(work()), asyncio.current_task().cancelling())


async def body_awaits_a_failing_member(t):
    """If the body awaits the member that fails, its error comes once more, from the body."""

    async def bad():
        await asyncio.sleep(0)
        raise Boom("member")

    try:
        async with asyncio.TaskGroup() as group:
            await group.create_task(bad())
    except BaseExceptionGroup as error:
        t(error)


async def body_awaits_a_cancelled_member(t):
    """If the body awaits a member that is cancelled, the body sees CancelledError, and it passes."""

    async def work():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(10))
            t.loop.call_later(1, task.cancel, "member")
            await task

    t(await caught(work()), asyncio.current_task().cancelling())


async def member_makes_members(t):
    """Members may add members, also while the group waits."""

    async def child(group, n):
        t("child", n)
        if n < 3:
            group.create_task(child(group, n + 1))
            await asyncio.sleep(1)
        t("child", n, "ends")

    async with asyncio.TaskGroup() as group:
        group.create_task(child(group, 1))
        t("body ends")
    t("over")


async def member_added_by_a_last_member(t):
    """A member added in the last step of the last one is waited for."""

    async def last():
        await asyncio.sleep(1)
        t("last")

    async def child(group):
        await asyncio.sleep(1)
        group.create_task(last())

    async with asyncio.TaskGroup() as group:
        group.create_task(child(group))
    t("over")


async def no_new_member_after_a_failure(t):
    """A group that was aborted takes no members."""

    async def bad():
        raise Boom("member")

    async def never():
        t("never")

    def add(group):
        coroutine = never()
        return thrown(lambda: group.create_task(coroutine))

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(bad())
            t(await caught(asyncio.sleep(10)))
            t(add(group))
    except BaseExceptionGroup as error:
        t(error, add(group))


async def no_new_member_when_over(t):
    """A group that is over takes no members."""

    async def never():
        t("never")

    async with asyncio.TaskGroup() as group:
        await asyncio.sleep(0)
    coroutine = never()
    t(thrown(lambda: group.create_task(coroutine)))


async def member_made_in_the_iteration_of_a_failure(t):
    """A member made after another one failed, before the group heard of it, never runs."""
    gate = t.loop.create_future()

    async def bad():
        await gate
        raise Boom("member")

    async def never():
        t("never")

    tasks = []

    def add():
        tasks.append(group.create_task(never()))
        t("added")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(bad())
            await asyncio.sleep(0)
            gate.set_result(None)
            t.loop.call_soon(add)
            await asyncio.sleep(10)
    except BaseExceptionGroup as error:
        t(error, outcome(tasks[0]))


async def names_of_members(t):
    """A member takes the options of create_task()."""
    async with asyncio.TaskGroup() as group:
        t(group.create_task(asyncio.sleep(0), name="member").get_name())
    t("over")


async def result_of_a_member_in_the_body(t):
    """The body may await members in any order."""

    async def child(name, delay):
        await asyncio.sleep(delay)
        return name

    async with asyncio.TaskGroup() as group:
        slow = group.create_task(child("slow", 2))
        fast = group.create_task(child("fast", 1))
        t(await slow)
        t(await fast)
    t("over")
