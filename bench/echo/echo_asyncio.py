"""Echo server of asyncio: echo_asyncio.py proto|stream|line [uvloop]. Prints `ready PORT`."""

import asyncio
import sys

LIMIT = 262144


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def echo_chunks(reader, writer):
    try:
        while data := await reader.read(LIMIT):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def echo_lines(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def main(mode):
    loop = asyncio.get_running_loop()
    if mode == "proto":
        server = await loop.create_server(Echo, "127.0.0.1", 0)
    else:
        handler = echo_chunks if mode == "stream" else echo_lines
        server = await asyncio.start_server(handler, "127.0.0.1", 0, limit=LIMIT)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if sys.argv[2:] == ["uvloop"]:
    import uvloop

    uvloop.install()
asyncio.run(main(sys.argv[1]))
