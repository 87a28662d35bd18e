// Load on an echo server over loopback: every connection sends a message, waits for all of it to come back, and
// sends the next. Prints one line of JSON: requests, seconds, CPU seconds of the server process, latency.
//
//   load PORT CONNECTIONS MESSAGE_BYTES SECONDS WARMUP_SECONDS SERVER_PID
//
// The server's CPU time is read at both ends of the measured window, so that start and JIT do not count, and is the
// figure to compare: the core of the load saturates too, and the rate then says more about this file than about the server.
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include "../load.h"

struct Connection {
  int fd;
  size_t got, sent;
  double started;
};

static int open_connection(int port) {
  int fd = connect_socket(SOCK_STREAM, port), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

int main(int argc, char **argv) {
  Arguments arguments(argc, argv);
  int port = arguments.port, count = arguments.count;
  size_t size = arguments.size;

  // One connection comes and goes before the others. CPython's asyncio reads into a fresh 256 KiB object, which glibc
  // maps and unmaps each time until it has seen one of that size freed, as a read of EOF does: 27 us a request before,
  // 8 us after. A server that runs has seen an EOF.
  int visitor = open_connection(port);
  shutdown(visitor, SHUT_WR);
  char ignored;
  if (read(visitor, &ignored, 1) != 0) { fprintf(stderr, "no EOF in answer to an EOF\n"); return 1; }
  close(visitor);

  int epoll = epoll_create1(0);
  std::vector<Connection> connections(count);
  std::vector<char> buffer(1 << 20), message(size, 'x');
  message.back() = '\n';  // for servers that echo lines
  for (int i = 0; i < count; i++) {
    int fd = open_connection(port);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    connections[i] = {fd, 0, 0, 0};
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = i;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }

  // Whether all of the message is out.
  auto send_more = [&](Connection &c) {
    while (c.sent < size) {
      ssize_t n = write(c.fd, message.data() + c.sent, size - c.sent);
      if (n < 0 && errno == EAGAIN) return false;
      if (n < 0) { perror("write"); exit(1); }
      c.sent += n;
    }
    return true;
  };
  auto watch = [&](int i, bool writable) {
    epoll_event event{};
    event.events = EPOLLIN | (writable ? EPOLLOUT : 0);
    event.data.u32 = i;
    epoll_ctl(epoll, EPOLL_CTL_MOD, connections[i].fd, &event);
  };

  Window window(arguments);
  for (int i = 0; i < count; i++) {
    connections[i].started = now();
    if (!send_more(connections[i])) watch(i, true);
  }
  epoll_event events[1024];
  double t;
  while (window.lasts(t = now())) {
    int n = epoll_wait(epoll, events, 1024, 10);
    for (int j = 0; j < n; j++) {
      int i = events[j].data.u32;
      Connection &c = connections[i];
      if (events[j].events & EPOLLOUT && send_more(c)) watch(i, false);
      if (!(events[j].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
      ssize_t got = read(c.fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) { fprintf(stderr, "connection lost: %s\n", got ? strerror(errno) : "EOF"); return 1; }
      c.got += got;
      if (c.got < size) continue;
      double at = now();
      window.answered(c.started, at);
      c.got = c.sent = 0;
      c.started = at;
      if (!send_more(c)) watch(i, true);
    }
  }
  window.print();
}
