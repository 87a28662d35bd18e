// Load on a UDP echo server over loopback: every socket sends a packet, waits for it to come back, and sends the next.
// One that does not come back in time is sent again, and counted as lost. Prints one line of JSON, as load.cpp does.
//
//   load_udp PORT SOCKETS PACKET_BYTES SECONDS WARMUP_SECONDS SERVER_PID
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include "../load.h"

static const double PATIENCE = 0.2;

struct Client {
  int fd;
  double started;
};

int main(int argc, char **argv) {
  Arguments arguments(argc, argv);
  int port = arguments.port, count = arguments.count;
  size_t size = arguments.size;
  int epoll = epoll_create1(0);
  std::vector<Client> clients(count);
  std::vector<char> buffer(65536), packet(size, 'x');
  size_t lost = 0;
  auto start = [&](Client &client, double at) {
    client.started = at;
    if (send(client.fd, packet.data(), size, 0) < 0 && errno != EAGAIN) { perror("send"); exit(1); }
  };
  for (int i = 0; i < count; i++) {
    clients[i] = {connect_socket(SOCK_DGRAM | SOCK_NONBLOCK, port), 0};
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = i;
    epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
  }
  Window window(arguments);
  double swept = now();
  for (Client &client : clients) start(client, now());
  epoll_event events[1024];
  double t;
  while (window.lasts(t = now())) {
    int n = epoll_wait(epoll, events, 1024, 10);
    for (int j = 0; j < n; j++) {
      Client &client = clients[events[j].data.u32];
      ssize_t got = recv(client.fd, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got < 0) { perror("recv"); return 1; }
      if (size_t(got) != size) { fprintf(stderr, "sent %zu bytes, got %zd\n", size, got); return 1; }
      double at = now();
      window.answered(client.started, at);
      start(client, at);
    }
    if (t - swept < PATIENCE) continue;
    swept = t;
    for (Client &client : clients) {
      if (t - client.started < PATIENCE) continue;
      lost += window.open();
      start(client, t);
    }
  }
  char more[64];
  snprintf(more, sizeof more, ",\"lost\":%zu", lost);
  window.print(more);
}
