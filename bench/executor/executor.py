"""The work of executor.ts on CPython's asyncio, in threads or in processes: `executor.py threads|processes`."""

import asyncio
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def double(n):
    return n * 2


def size(data):
    return len(data)


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


async def main(pool):
    loop = asyncio.get_running_loop()

    async def one_by_one(count):
        for i in range(count):
            await loop.run_in_executor(pool, double, i)

    async def at_once(count):
        await asyncio.gather(*[loop.run_in_executor(pool, double, i) for i in range(count)])

    data = bytes(1024 * 1024)

    async def bulk(count):
        for _ in range(count):
            await loop.run_in_executor(pool, size, data)

    async def cpu(count):
        for _ in range(0, count, 8):
            await asyncio.gather(*[loop.run_in_executor(pool, fibonacci, 24) for _ in range(8)])

    async def measure(name, body, count):
        await body(count)
        started = time.perf_counter()
        await body(count)
        print(f"{name}\t{(time.perf_counter() - started) * 1e6 / count}")

    await measure("one after the other", one_by_one, 5000)
    await measure("10 000 at once", at_once, 10_000)
    await measure("1 MiB argument", bulk, 100)
    await measure("fibonacci(24), 8 at once", cpu, 64)


if __name__ == "__main__":
    kinds = {"threads": ThreadPoolExecutor, "processes": ProcessPoolExecutor}
    with kinds[sys.argv[1]](max_workers=2) as executor:
        asyncio.run(main(executor))
