"""What scenarios see: the trace, and errors in neutral form.

A traced value is JSON that means the same in both languages. A row is
`[iteration, milliseconds since the start, value]`.
"""

import asyncio

# Python's names of errors to ours; the rest have the same name in both.
_NAMES = {"ValueError": "RangeError"}
# Errors of which only the name is part of the contract, not the text.
_WITH_TEXT = ("Boom", "CancelledError")


class Boom(Exception):
    """An error of the program under test."""


def neutral(value):
    """A value as JSON that TypeScript writes alike."""
    if isinstance(value, BaseExceptionGroup):
        return ["ExceptionGroup", [neutral(one) for one in value.exceptions]]
    if isinstance(value, asyncio.IncompleteReadError):
        return ["IncompleteReadError", neutral(value.partial), value.expected]
    if isinstance(value, asyncio.LimitOverrunError):
        return ["LimitOverrunError", value.consumed]
    if isinstance(value, BaseException):
        name = type(value).__name__
        name = _NAMES.get(name, name)
        text = str(value) if name in _WITH_TEXT else ""
        return f"{name}: {text}" if text else name
    if isinstance(value, (bytes, bytearray)):
        return value.decode("latin-1")
    if isinstance(value, (list, tuple)):
        return [neutral(one) for one in value]
    assert value is None or isinstance(value, (bool, int, str)), repr(value)
    return value


def outcome(future):
    """How a future ended, as a neutral value."""
    if not future.done():
        return "pending"
    if future.cancelled():
        return "cancelled"
    if future.exception() is not None:
        return ["error", neutral(future.exception())]
    return ["result", neutral(future.result())]


async def caught(awaitable):
    """Awaits; what came of it, as a neutral value, whatever it was."""
    try:
        return ["result", neutral(await awaitable)]
    except BaseException as error:
        return ["error", neutral(error)]


def thrown(function):
    """Calls; the error it raised, as a neutral value."""
    try:
        function()
    except Exception as error:
        return neutral(error)
    return "no error"


class Trace:
    """Call it to append a value, or several as a list."""

    def __init__(self, loop):
        self.loop = loop
        self.rows = []
        self.handler = None
        self._start = loop.time()

    def __call__(self, *values):
        value = neutral(values[0] if len(values) == 1 else values)
        self.rows.append([self.loop.iteration, self.now(), value])

    def now(self):
        """Milliseconds since the scenario began."""
        return self.ms(self.loop.time())

    def ms(self, when):
        """A time of the loop as milliseconds since the scenario began."""
        return round((when - self._start) * 1000)

    def trace_handler(self):
        """From now on, what reaches the exception handler is traced."""
        self.handler = lambda context: self("handler", context.get("exception"))
