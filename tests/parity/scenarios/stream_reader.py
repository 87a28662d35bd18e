"""StreamReader, fed by hand."""

import asyncio

from parity import Boom, caught, outcome, thrown


async def read_what_is_there(t):
    """read(n) gives what is there, up to n; read(0) nothing."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"hello world")
    t.loop.call_soon(t, "callback")
    t(await reader.read(5), await reader.read(0), await reader.read(100))
    await asyncio.sleep(0)
    t("end")


async def read_waits_for_data(t):
    """read(n) waits only while there is nothing at all."""
    reader = asyncio.StreamReader()

    def feed():
        t("feed")
        reader.feed_data(b"ab")
        reader.feed_data(b"cd")

    t.loop.call_soon(feed)
    t(await reader.read(3))
    t(await reader.read(3))


async def read_to_the_end(t):
    """read() gives everything up to the end of the stream."""
    reader = asyncio.StreamReader()

    async def feeder():
        for part in (b"one ", b"two ", b"three"):
            reader.feed_data(part)
            await asyncio.sleep(1)
        reader.feed_eof()

    task = asyncio.create_task(feeder())
    t(await reader.read(), reader.at_eof())
    await task


async def read_at_the_end(t):
    """At the end of the stream reads give nothing."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"x")
    t(reader.at_eof())
    reader.feed_eof()
    t(reader.at_eof(), await reader.read(10), reader.at_eof())
    t(await reader.read(10), await reader.read(), await reader.readline())


async def eof_wakes_the_reader(t):
    """The end of the stream wakes who waits."""
    reader = asyncio.StreamReader()
    t.loop.call_later(1, reader.feed_eof)
    t(await reader.read(10))


async def readline_across_chunks(t):
    """A line may come in pieces, several lines in one."""
    reader = asyncio.StreamReader()

    async def feeder():
        for part in (b"first ", b"line\nsecond li", b"ne\nthird\nfou"):
            await asyncio.sleep(1)
            reader.feed_data(part)
        reader.feed_eof()

    task = asyncio.create_task(feeder())
    for _ in range(5):
        t(await reader.readline())
    await task


async def readline_over_the_limit(t):
    """A line over the limit is an error, and is dropped."""
    reader = asyncio.StreamReader(limit=4)
    reader.feed_data(b"too long a line\nok\nlast")
    t(await caught(reader.readline()))
    t(await reader.readline())
    reader.feed_eof()
    t(await caught(reader.readline()))


async def readline_over_the_limit_without_an_end(t):
    """Without its end in sight, all that came of the line is dropped."""
    reader = asyncio.StreamReader(limit=4)
    reader.feed_data(b"no end")
    t(await caught(reader.readline()))
    reader.feed_data(b"rest\nok\n")
    t(await reader.readline(), await reader.readline())


async def readexactly(t):
    """readexactly(n) waits for all n."""
    reader = asyncio.StreamReader(limit=4)

    async def feeder():
        for part in (b"0123", b"4567", b"89ab"):
            await asyncio.sleep(1)
            reader.feed_data(part)

    task = asyncio.create_task(feeder())
    t(await reader.readexactly(0), await reader.readexactly(10), await reader.readexactly(2))
    t(await caught(reader.readexactly(-1)))
    await task


async def readexactly_cut_short(t):
    """The end of the stream before that is an error that has what came."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"abc")
    t.loop.call_later(1, reader.feed_eof)
    t(await caught(reader.readexactly(5)))
    t(await reader.read())


async def readuntil_across_chunks(t):
    """A separator may come in pieces."""
    reader = asyncio.StreamReader()

    async def feeder():
        for part in (b"first\r", b"\nsecond\r\r", b"\nthird", b"\r\n"):
            await asyncio.sleep(1)
            reader.feed_data(part)

    task = asyncio.create_task(feeder())
    for _ in range(3):
        t(await reader.readuntil(b"\r\n"))
    await task


async def readuntil_cut_short(t):
    """The end of the stream before the separator is an error that has what came."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"no separator")
    reader.feed_eof()
    t(await caught(reader.readuntil(b"\n")))
    t(await reader.read())


async def readuntil_over_the_limit(t):
    """Over the limit the data stays, and the error says how much may be skipped."""
    reader = asyncio.StreamReader(limit=4)
    reader.feed_data(b"some data without it")
    t(await caught(reader.readuntil(b"END")))
    reader.feed_data(b"END")
    t(await caught(reader.readuntil(b"END")))
    t(await reader.readexactly(20), await reader.readuntil(b"END"))


async def readuntil_one_of_several(t):
    """Of several separators the one that ends first counts."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"a;b,c;;d")
    t(await reader.readuntil((b",", b";")))
    t(await reader.readuntil((b",", b";")))
    t(await reader.readuntil((b";;", b";")))
    t(await reader.readuntil((b"d", b";d")))


async def readuntil_refuses(t):
    """An empty separator, or none, is refused."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"abc")
    t(await caught(reader.readuntil(b"")), await caught(reader.readuntil(())))
    t(await reader.read(10))


async def exception_while_waiting(t):
    """set_exception() wakes who waits, and every later read throws it."""
    reader = asyncio.StreamReader()
    t.loop.call_later(1, lambda: reader.set_exception(Boom("lost")))
    t(await caught(reader.read(10)))
    t(await caught(reader.readline()), reader.exception())


async def exception_with_data_there(t):
    """The exception comes before data that is there."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"data\n")
    reader.set_exception(Boom("lost"))
    t(await caught(reader.readline()), await caught(reader.readexactly(1)), await caught(reader.read(1)))


async def two_readers(t):
    """A second reader is refused while the first waits."""
    reader = asyncio.StreamReader()

    async def first():
        t("first", await reader.read(10))

    task = asyncio.create_task(first())
    await asyncio.sleep(0)
    t(await caught(reader.read(10)))
    reader.feed_data(b"data")
    await task


async def reader_cancelled(t):
    """A cancelled read loses no data."""
    reader = asyncio.StreamReader()

    async def first():
        t("never", await reader.readexactly(4))

    task = asyncio.create_task(first())
    await asyncio.sleep(0)
    reader.feed_data(b"ab")
    await asyncio.sleep(1)
    task.cancel()
    t(await caught(task))
    reader.feed_data(b"cd")
    t(await reader.readexactly(4))


async def reader_cancelled_when_woken(t):
    """A read cancelled after its wake-up loses no data."""
    reader = asyncio.StreamReader()

    async def first():
        t("never", await reader.read(10))

    task = asyncio.create_task(first())
    await asyncio.sleep(0)
    reader.feed_data(b"data")
    task.cancel()
    t(await caught(task))
    t(await reader.read(10))


async def read_with_a_timeout(t):
    """A timeout on a read loses no data."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"par")
    t(await caught(asyncio.wait_for(reader.readline(), 1)))
    reader.feed_data(b"tial\n")
    t(await reader.readline())


async def lines_by_iteration(t):
    """Asynchronous iteration gives the lines."""
    reader = asyncio.StreamReader()

    async def feeder():
        for part in (b"a\nb", b"\n", b"c"):
            await asyncio.sleep(1)
            reader.feed_data(part)
        reader.feed_eof()

    task = asyncio.create_task(feeder())
    async for line in reader:
        t(line)
    await task
    t("end", outcome(task))


async def limit_must_be_positive(t):
    """A limit of zero or less is refused."""
    t(thrown(lambda: asyncio.StreamReader(limit=0)), thrown(lambda: asyncio.StreamReader(limit=-1)))


async def empty_chunks_wake_nobody(t):
    """Feeding nothing does nothing."""
    reader = asyncio.StreamReader()

    async def first():
        t(await reader.read(10))

    task = asyncio.create_task(first())
    await asyncio.sleep(0)
    reader.feed_data(b"")
    await asyncio.sleep(1)
    t(task.done())
    reader.feed_data(b"data")
    await task
