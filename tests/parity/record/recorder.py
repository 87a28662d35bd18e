"""Runs scenarios and keeps what they trace."""

import asyncio
import gc
import importlib
import inspect
import json
import re

import parity
import programs
from virtual_loop import VirtualLoop, order_sets

# Told when Python's collector takes an object: not a matter of order.
_COLLECTED = ("never retrieved", "was destroyed but it is pending")


def _run(function, *, stable):
    loop = VirtualLoop(stable=stable)
    trace = parity.Trace(loop)
    unexpected = []

    def handler(_loop, context):
        if any(text in context["message"] for text in _COLLECTED):
            return
        if trace.handler is None:
            unexpected.append(context)
        else:
            trace.handler(context)

    loop.set_exception_handler(handler)
    asyncio.set_event_loop(loop)
    try:
        if inspect.iscoroutinefunction(function):
            loop.run_until_complete(function(trace))
        else:
            function(trace)
        left = [] if loop.is_closed() else asyncio.all_tasks(loop)
        assert not left, f"tasks are left: {left}"
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    assert not unexpected, f"unexpected: {unexpected}"
    assert trace.rows, "nothing was traced"
    return trace.rows


class _Undefined(AssertionError):
    """The trace is not the only one that CPython allows."""


def _defined_order_only(function):
    """The trace; refuses a scenario whose trace CPython does not define."""
    rows = _run(function, stable=False)
    if _run(function, stable=True) != rows:
        raise _Undefined("the trace depends on the order of equal timers")
    return rows


def _prepare():
    order_sets()
    asyncio._set_running_loop(None)


def record(topic):
    """Runs all scenarios of a topic; JSON, a line for each traced value."""
    _prepare()
    module = importlib.import_module(f"scenarios.{topic}")
    parts = []
    for name, function in vars(module).items():
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        if function.__module__ != module.__name__:
            continue
        assert function.__doc__, f"{topic}.{name} does not say what it shows"
        try:
            rows = _defined_order_only(function)
        except BaseException as error:
            error.add_note(f"in scenario {topic}.{name}")
            raise
        gc.collect()
        lines = ",\n".join("      " + json.dumps(row, ensure_ascii=False) for row in rows)
        kind = "task" if inspect.iscoroutinefunction(function) else "drive"
        about = json.dumps(re.sub(r"\s+", " ", function.__doc__.strip()))
        parts.append(
            f'  "{name}": {{\n    "about": {about},\n    "kind": "{kind}",\n'
            f'    "trace": [\n{lines}\n    ]\n  }}'
        )
    return "{\n" + ",\n".join(parts) + "\n}\n"


def record_programs(first, count):
    """Makes and runs the programs of so many numbers; JSON, a line for each."""
    _prepare()
    lines = []
    for seed in range(first, first + count):
        program = programs.make(seed)

        async def main(t):
            await programs.run(t, program)

        try:
            rows = _defined_order_only(main)
        except _Undefined:
            continue
        gc.collect()
        recorded = json.dumps({**program, "trace": rows}, separators=(",", ":"))
        lines.append(f'  "{seed}": {recorded}')
    return "{\n" + ",\n".join(lines) + "\n}\n"
