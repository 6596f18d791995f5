// What Glibc's Swift view of sockets lacks: credentials of the other end, and the kernel's socket diagnostics.
#ifndef SIGNALBOX_CSOCKETS_H
#define SIGNALBOX_CSOCKETS_H

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

/// Who is at the other end of a Unix socket, as the kernel saw it at connect time.
typedef struct {
  int32_t pid;
  uint32_t uid;
  uint32_t gid;
} sb_peer_credentials;

/// The value of SO_PEERCRED, which Swift does not import.
int sb_so_peercred(void);

/// Fills `out` for a connected Unix socket. 0, or an errno.
int sb_peer_credentials_of(int descriptor, sb_peer_credentials *out);

/// Asks the kernel (NETLINK_SOCK_DIAG, exact match) which user owns the TCP socket whose own end is `local` and whose
/// other end is `remote`: called with a server connection's addresses swapped, it names the user of a loopback peer.
/// Both are of one family, IPv4 or IPv6. 0 and the user id in `uid`; ENOENT when there is no such socket, or none that
/// a process still holds open; another errno when the kernel cannot be asked.
int sb_tcp_owner(const struct sockaddr *local, const struct sockaddr *remote, uint32_t *uid);

/// What a descriptor is watched for, and what became of it: bits of EPOLLIN and its kin, which Swift does not import.
enum {
  SB_READABLE = 0x001,
  SB_WRITABLE = 0x004,
  SB_ERROR = 0x008,
  SB_HANGUP = 0x010,
  SB_PEER_CLOSED = 0x2000,
};

/// One ready descriptor. The kernel's own epoll_event is packed, which Swift cannot lay out.
typedef struct {
  uint64_t tag;
  uint32_t events;
} sb_ready;

/// A new epoll instance (close on exec), or -errno.
int sb_epoll_create(void);

/// Adds, changes or removes a descriptor. 0, or an errno.
int sb_epoll_add(int poller, int descriptor, uint32_t events, uint64_t tag);
int sb_epoll_change(int poller, int descriptor, uint32_t events, uint64_t tag);
int sb_epoll_remove(int poller, int descriptor);

/// Waits until something is ready or `nanoseconds` have passed (negative: for ever). At most 1,024 of `capacity` are
/// filled. The number of ready descriptors; 0 after a signal; -errno. Before Linux 5.11 it counts in milliseconds.
int sb_epoll_wait(int poller, sb_ready *ready, int capacity, int64_t nanoseconds);

/// Names the calling thread, for ps and debuggers: at most 15 bytes.
void sb_name_thread(const char *name);

/// A counter that wakes a poller (non-blocking, close on exec), or -errno.
int sb_event_descriptor(void);

/// Accepts a connection (non-blocking, close on exec) and fills in its peer. The descriptor, or -errno.
int sb_accept(int listener, struct sockaddr_storage *peer);

#endif
