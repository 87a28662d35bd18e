// The floor: one thread, one buffer, epoll, no allocation; with `udp`, of packets. Prints `ready PORT`.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int serve_packets() {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  socklen_t length = sizeof address;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (sockaddr *)&address, length)) { perror("bind"); return 1; }
  getsockname(fd, (sockaddr *)&address, &length);
  printf("ready %d\n", ntohs(address.sin_port));
  fflush(stdout);

  int epoll = epoll_create1(0);
  epoll_event event{}, ready;
  event.events = EPOLLIN;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  static char buffer[65536];
  for (;;) {
    epoll_wait(epoll, &ready, 1, -1);
    ssize_t got;
    while (length = sizeof address, (got = recvfrom(fd, buffer, sizeof buffer, 0, (sockaddr *)&address, &length)) >= 0)
      sendto(fd, buffer, got, 0, (sockaddr *)&address, length);
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "udp")) return serve_packets();
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  sockaddr_in address{};
  socklen_t length = sizeof address;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (sockaddr *)&address, length) || listen(listener, 512)) { perror("listen"); return 1; }
  getsockname(listener, (sockaddr *)&address, &length);
  printf("ready %d\n", ntohs(address.sin_port));
  fflush(stdout);

  int epoll = epoll_create1(0);
  epoll_event event{}, events[256];
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  static char buffer[262144];
  for (;;) {
    int n = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int accepted = accept4(listener, 0, 0, SOCK_NONBLOCK);
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        event.data.fd = accepted;
        epoll_ctl(epoll, EPOLL_CTL_ADD, accepted, &event);
        continue;
      }
      ssize_t got = read(fd, buffer, sizeof buffer), sent = 0;
      if (got <= 0) { close(fd); continue; }
      while (sent < got) {
        ssize_t n = write(fd, buffer + sent, got - sent);
        if (n > 0) { sent += n; continue; }
        pollfd writable{fd, POLLOUT, 0};
        poll(&writable, 1, 1000);
      }
    }
  }
}
