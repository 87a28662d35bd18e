// Load on a TLS echo server over loopback, as ../echo/load.cpp makes on a plain one: every connection sends a message,
// waits for all of it to come back, and sends the next. Prints the same line of JSON.
//
//   load_tls PORT CONNECTIONS MESSAGE_BYTES SECONDS WARMUP_SECONDS SERVER_PID
//
// TLS 1.3 with AES-256-GCM, which is what Deno's engine chooses, so that all servers do the same work.
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>

#include "../load.h"

struct Connection {
  SSL *ssl;
  int fd;
  size_t got, sent;
  double started;
  bool writing;
};

static void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

static Connection open_connection(SSL_CTX *context, int port) {
  int fd = connect_socket(SOCK_STREAM, port), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  SSL *ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  if (SSL_connect(ssl) != 1) fail("handshake");
  return {ssl, fd, 0, 0, 0, false};
}

int main(int argc, char **argv) {
  Arguments arguments(argc, argv);
  int port = arguments.port, count = arguments.count;
  size_t size = arguments.size;

  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  if (!SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384")) fail("ciphersuites");
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

  // One connection comes and goes before the others, as in load.cpp.
  Connection visitor = open_connection(context, port);
  SSL_shutdown(visitor.ssl);
  char ignored;
  while (SSL_read(visitor.ssl, &ignored, 1) > 0) {}
  close(visitor.fd);

  int epoll = epoll_create1(0);
  std::vector<Connection> connections;
  std::vector<char> buffer(1 << 20), message(size, 'x');
  message.back() = '\n';  // for servers that echo lines
  for (int i = 0; i < count; i++) {
    connections.push_back(open_connection(context, port));
    fcntl(connections[i].fd, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = i;
    epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event);
  }

  auto watch = [&](int i, bool writable) {
    if (connections[i].writing == writable) return;
    connections[i].writing = writable;
    epoll_event event{};
    event.events = EPOLLIN | (writable ? EPOLLOUT : 0);
    event.data.u32 = i;
    epoll_ctl(epoll, EPOLL_CTL_MOD, connections[i].fd, &event);
  };
  auto send_more = [&](int i) {
    Connection &c = connections[i];
    while (c.sent < size) {
      int n = SSL_write(c.ssl, message.data() + c.sent, size - c.sent);
      if (n <= 0) {
        if (SSL_get_error(c.ssl, n) != SSL_ERROR_WANT_WRITE) fail("write");
        return watch(i, true);
      }
      c.sent += n;
    }
    watch(i, false);
  };

  Window window(arguments);
  for (int i = 0; i < count; i++) {
    connections[i].started = now();
    send_more(i);
  }
  epoll_event events[1024];
  double t;
  while (window.lasts(t = now())) {
    int n = epoll_wait(epoll, events, 1024, 10);
    for (int j = 0; j < n; j++) {
      int i = events[j].data.u32;
      Connection &c = connections[i];
      if (events[j].events & EPOLLOUT) send_more(i);
      if (!(events[j].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
      for (;;) {
        int got = SSL_read(c.ssl, buffer.data(), buffer.size());
        if (got <= 0) {
          if (SSL_get_error(c.ssl, got) != SSL_ERROR_WANT_READ) fail("connection lost");
          break;
        }
        c.got += got;
        if (c.got < size) continue;
        double at = now();
        window.answered(c.started, at);
        c.got = c.sent = 0;
        c.started = at;
        send_more(i);
      }
    }
  }
  window.print();
}
