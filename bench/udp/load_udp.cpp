// Load on a UDP echo server over loopback: every socket sends a packet, waits for it to come back, and sends the next.
// One that does not come back in time is sent again, and counted as lost. Prints one line of JSON, as load.cpp does.
//
//   load_udp PORT SOCKETS PACKET_BYTES SECONDS WARMUP_SECONDS SERVER_PID
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

static const double PATIENCE = 0.2;

struct Client {
  int fd;
  double started;
};

static double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

// User and system time of a process, threads that ended included.
static double cpu_seconds(int pid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file) { perror(path); exit(1); }
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  unsigned long user, system;
  const char *rest = strrchr(text, ')');
  if (!rest || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  return double(user + system) / sysconf(_SC_CLK_TCK);
}

static int open_client(int port) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (sockaddr *)&address, sizeof address)) { perror("connect"); exit(1); }
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 7) { fprintf(stderr, "load_udp PORT SOCKETS PACKET_BYTES SECONDS WARMUP_SECONDS SERVER_PID\n"); return 2; }
  int port = atoi(argv[1]), count = atoi(argv[2]), pid = atoi(argv[6]);
  size_t size = atol(argv[3]);
  double seconds = atof(argv[4]), warmup = atof(argv[5]);
  int epoll = epoll_create1(0);
  std::vector<Client> clients(count);
  std::vector<char> buffer(65536), packet(size, 'x');
  size_t done = 0, lost = 0;
  auto start = [&](Client &client, double at) {
    client.started = at;
    if (send(client.fd, packet.data(), size, 0) < 0 && errno != EAGAIN) { perror("send"); exit(1); }
  };
  for (int i = 0; i < count; i++) {
    clients[i] = {open_client(port), 0};
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = i;
    epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
  }
  std::vector<float> latency;
  latency.reserve(4000000);
  double begin = now() + warmup, end = begin + seconds, cpu = -1, measured_from = begin, swept = now();
  for (Client &client : clients) start(client, now());
  epoll_event events[1024];
  double t;
  while ((t = now()) < end) {
    if (cpu < 0 && t >= begin) { cpu = cpu_seconds(pid); measured_from = t; }
    int n = epoll_wait(epoll, events, 1024, 10);
    for (int j = 0; j < n; j++) {
      Client &client = clients[events[j].data.u32];
      ssize_t got = recv(client.fd, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got < 0) { perror("recv"); return 1; }
      if (size_t(got) != size) { fprintf(stderr, "sent %zu bytes, got %zd\n", size, got); return 1; }
      double at = now();
      if (cpu >= 0) {
        done++;
        if (latency.size() < latency.capacity()) latency.push_back(at - client.started);
      }
      start(client, at);
    }
    if (t - swept < PATIENCE) continue;
    swept = t;
    for (Client &client : clients) {
      if (t - client.started < PATIENCE) continue;
      lost += cpu >= 0;
      start(client, t);
    }
  }
  double elapsed = now() - measured_from;
  double used = cpu_seconds(pid) - cpu;
  std::sort(latency.begin(), latency.end());
  auto percentile = [&](int p) { return latency.empty() ? 0 : latency[(latency.size() - 1) * p / 100] * 1e6; };
  printf("{\"requests\":%zu,\"seconds\":%.6f,\"cpuSeconds\":%.2f,\"p50\":%.1f,\"p99\":%.1f,\"lost\":%zu}\n", done, elapsed,
         used, percentile(50), percentile(99), lost);
}
