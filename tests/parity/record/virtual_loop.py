"""CPython's own event loop on a clock that nobody waits for.

Everything that decides an order is asyncio's: `BaseEventLoop._run_once`, the C
implementation of `Task` and `Future`, the locks and queues. Only what a
selector does is replaced: a wait for the next timer moves the clock to it.
"""

import asyncio
import asyncio.taskgroups
import asyncio.tasks
import itertools
from asyncio import events
from collections.abc import MutableSet


class Deadlock(Exception):
    """Nothing is ready, no timer is set, and there is no I/O to wait for."""


class InsertionOrderedSet(MutableSet):
    """A set that iterates in the order of insertion.

    asyncio iterates over sets of tasks in two places (a `TaskGroup` that
    aborts, `wait`), so the order there depends on memory addresses. This is
    one of the orders that may happen, and the one our library promises.
    """

    def __init__(self, items=()):
        self._items = dict.fromkeys(items)

    def __contains__(self, item):
        return item in self._items

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)

    def add(self, item):
        self._items[item] = None

    def discard(self, item):
        self._items.pop(item, None)


def order_sets():
    """Gives the sets of `asyncio.tasks` and `asyncio.taskgroups` an order."""
    asyncio.tasks.set = InsertionOrderedSet
    asyncio.taskgroups.set = InsertionOrderedSet


class StableTimer(asyncio.TimerHandle):
    """A timer that keeps its place among timers of the same deadline."""

    __slots__ = ("_place",)
    _places = itertools.count()

    def __init__(self, *args):
        super().__init__(*args)
        self._place = next(StableTimer._places)

    def __lt__(self, other):
        return (self._when, self._place) < (other._when, other._place)


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop whose selector moves a clock instead of waiting.

    `iteration` counts `_run_once`. With `stable`, timers of one deadline keep
    the order in which they were set; CPython leaves it to its heap, so a
    scenario whose trace depends on `stable` tests something undefined.
    """

    def __init__(self, *, stable):
        super().__init__()
        events.TimerHandle = StableTimer if stable else asyncio.TimerHandle
        self.iteration = 0
        self._now = 0.0
        self._selector = self
        self._clock_resolution = 1e-9

    def time(self):
        return self._now

    def select(self, timeout):
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        # Delays in scenarios are binary fractions, so this sum is exact.
        self._now += timeout
        return []

    def _run_once(self):
        self.iteration += 1
        super()._run_once()

    def _process_events(self, event_list):
        assert not event_list

    def _write_to_self(self):
        pass
