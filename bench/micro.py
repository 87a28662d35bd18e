"""Scheduling micro-benchmarks of asyncio: micro.py [uvloop]. Prints `name<TAB>ns per operation`.

The twin of micro.ts: the same work, the same counts, each preceded by a tenth of it as warm-up.
"""

import asyncio
import sys
import time

N = 300_000


async def measure(name, count, work):
    await work(count // 10)
    started = time.perf_counter()
    await work(count)
    print(f"{name}\t{(time.perf_counter() - started) * 1e9 / count:.1f}", flush=True)


async def call_soon_chain(count):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = count

    def step():
        nonlocal left
        left -= 1
        if left == 0:
            done.set_result(None)
        else:
            loop.call_soon(step)

    loop.call_soon(step)
    await done


async def call_soon_burst(count):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = count

    def step():
        nonlocal left
        left -= 1
        if left == 0:
            done.set_result(None)

    for _ in range(count):
        loop.call_soon(step)
    await done


async def sleep_zero(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def future_round_trip(count):
    loop = asyncio.get_running_loop()
    for _ in range(count):
        future = loop.create_future()
        loop.call_soon(future.set_result, 1)
        await future


async def create_task(count):
    async def nothing():
        pass

    for _ in range(count):
        await asyncio.create_task(nothing())


async def gather_10k(count):
    async def one():
        await asyncio.sleep(0)
        return 1

    for _ in range(count // 10_000):
        await asyncio.gather(*[one() for _ in range(10_000)])


async def call_later_cancel(count):
    loop = asyncio.get_running_loop()

    def never():
        pass

    handles = [loop.call_later(100 + k * 0.001, never) for k in range(count)]
    for handle in handles:
        handle.cancel()


async def queue(count):
    items = asyncio.Queue(100)

    async def produce():
        for k in range(count):
            await items.put(k)

    async def consume():
        for _ in range(count):
            await items.get()

    await asyncio.gather(produce(), consume())


async def lock_contended(count):
    lock = asyncio.Lock()

    async def worker():
        for _ in range(count // 10):
            async with lock:
                await asyncio.sleep(0)

    await asyncio.gather(*[worker() for _ in range(10)])


async def timeout_sleep(count):
    for _ in range(count):
        async with asyncio.timeout(10):
            await asyncio.sleep(0)


async def readline(count):
    reader = asyncio.StreamReader(limit=2**20)
    lines = (b"x" * 79 + b"\n") * 500
    for _ in range(count // 500):
        reader.feed_data(lines)
        for _ in range(500):
            await reader.readline()


async def main():
    await measure("callSoon chain", N, call_soon_chain)
    await measure("callSoon burst", N, call_soon_burst)
    await measure("sleep(0)", N, sleep_zero)
    await measure("future round trip", N, future_round_trip)
    await measure("createTask + await", 100_000, create_task)
    await measure("gather 10k, per task", 100_000, gather_10k)
    await measure("callLater + cancel", 100_000, call_later_cancel)
    await measure("queue put + get", N, queue)
    await measure("lock, contended", 100_000, lock_contended)
    await measure("timeout + sleep(0)", 50_000, timeout_sleep)
    await measure("readline, 80 bytes", 100_000, readline)


if sys.argv[1:] == ["uvloop"]:
    import uvloop

    uvloop.install()
asyncio.run(main())
