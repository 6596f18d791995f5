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

#endif
