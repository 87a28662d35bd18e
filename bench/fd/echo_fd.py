"""Echo server on file descriptors: echo_fd.py reader|sock [uvloop]. Prints `ready PORT`."""

import asyncio
import socket
import sys

LIMIT = 262144


def listen():
    listener = socket.socket()
    listener.setblocking(False)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    print("ready", listener.getsockname()[1], flush=True)
    return listener


async def by_reader(loop, listener):
    def accept():
        conn, _ = listener.accept()
        conn.setblocking(False)
        loop.add_reader(conn, echo, conn)

    def echo(conn):
        data = conn.recv(LIMIT)
        if data:
            conn.send(data)
            return
        loop.remove_reader(conn)
        conn.close()

    loop.add_reader(listener, accept)
    await loop.create_future()


async def by_sock(loop, listener):
    async def serve(conn):
        with conn:
            while data := await loop.sock_recv(conn, LIMIT):
                await loop.sock_sendall(conn, data)

    tasks = set()
    while True:
        conn, _ = await loop.sock_accept(listener)
        conn.setblocking(False)
        task = loop.create_task(serve(conn))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def main(mode):
    loop = asyncio.get_running_loop()
    await {"reader": by_reader, "sock": by_sock}[mode](loop, listen())


if sys.argv[2:] == ["uvloop"]:
    import uvloop

    uvloop.install()
asyncio.run(main(sys.argv[1]))
