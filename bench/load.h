// What the load generators share: their arguments, the server's CPU time, and the window that is measured.
#pragma once
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

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

// A socket of `type` that is connected to `port` of this machine.
static int connect_socket(int type, int port) {
  int fd = socket(AF_INET, type, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (sockaddr *)&address, sizeof address)) { perror("connect"); exit(1); }
  return fd;
}

struct Arguments {
  int port, count;
  size_t size;
  double seconds, warmup;
  int pid;

  Arguments(int argc, char **argv) {
    if (argc != 7) {
      fprintf(stderr, "%s PORT CONNECTIONS MESSAGE_BYTES SECONDS WARMUP_SECONDS SERVER_PID\n", argv[0]);
      exit(2);
    }
    port = atoi(argv[1]);
    count = atoi(argv[2]);
    size = atol(argv[3]);
    seconds = atof(argv[4]);
    warmup = atof(argv[5]);
    pid = atoi(argv[6]);
  }
};

// The server's CPU time is read at both ends of the window, so that start and JIT do not count.
class Window {
 public:
  // Begins the warm-up.
  explicit Window(const Arguments &arguments)
      : pid(arguments.pid), begin(now() + arguments.warmup), end(begin + arguments.seconds) {
    latency.reserve(4000000);
  }

  // Whether time is left, at `t`.
  bool lasts(double t) {
    if (!open() && t >= begin) { cpu = cpu_seconds(pid); from = t; }
    return t < end;
  }

  // Whether what happens now counts.
  bool open() const { return cpu >= 0; }

  // What was sent at `started` came back at `at`.
  void answered(double started, double at) {
    if (!open()) return;
    done++;
    if (latency.size() < latency.capacity()) latency.push_back(at - started);
  }

  // Ends it, and prints a line of JSON; `more` is the rest of it.
  void print(const char *more = "") {
    double elapsed = now() - from, used = cpu_seconds(pid) - cpu;
    std::sort(latency.begin(), latency.end());
    printf("{\"requests\":%zu,\"seconds\":%.6f,\"cpuSeconds\":%.2f,\"p50\":%.1f,\"p99\":%.1f%s}\n", done, elapsed, used,
           percentile(50), percentile(99), more);
  }

 private:
  double percentile(int p) const { return latency.empty() ? 0 : latency[(latency.size() - 1) * p / 100] * 1e6; }

  int pid;
  double begin, end, cpu = -1, from = begin;
  size_t done = 0;
  std::vector<float> latency;
};
