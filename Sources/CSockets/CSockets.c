#include "CSockets.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int sb_so_peercred(void) { return SO_PEERCRED; }

int sb_peer_credentials_of(int descriptor, sb_peer_credentials *out) {
  struct ucred credentials;
  socklen_t length = sizeof credentials;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return errno;
  out->pid = credentials.pid;
  out->uid = credentials.uid;
  out->gid = credentials.gid;
  return 0;
}

static int fill_id(struct inet_diag_sockid *id, const struct sockaddr *local, const struct sockaddr *remote) {
  if (local->sa_family != remote->sa_family) return EINVAL;
  if (local->sa_family == AF_INET) {
    const struct sockaddr_in *l = (const struct sockaddr_in *)local, *r = (const struct sockaddr_in *)remote;
    id->idiag_sport = l->sin_port;
    id->idiag_dport = r->sin_port;
    memcpy(id->idiag_src, &l->sin_addr, 4);
    memcpy(id->idiag_dst, &r->sin_addr, 4);
  } else if (local->sa_family == AF_INET6) {
    const struct sockaddr_in6 *l = (const struct sockaddr_in6 *)local, *r = (const struct sockaddr_in6 *)remote;
    id->idiag_sport = l->sin6_port;
    id->idiag_dport = r->sin6_port;
    memcpy(id->idiag_src, &l->sin6_addr, 16);
    memcpy(id->idiag_dst, &r->sin6_addr, 16);
  } else {
    return EAFNOSUPPORT;
  }
  id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return 0;
}

static int read_answer(int netlink, uint32_t *uid) {
  union {
    struct nlmsghdr header;
    char bytes[4096];
  } answer;
  ssize_t length = recv(netlink, &answer, sizeof answer, 0);
  if (length < 0) return errno;
  if ((size_t)length < sizeof answer.header || !NLMSG_OK(&answer.header, (size_t)length)) return EPROTO;
  if (answer.header.nlmsg_type == NLMSG_ERROR) {
    if (answer.header.nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))) return EPROTO;
    int error = ((struct nlmsgerr *)NLMSG_DATA(&answer.header))->error;
    return error == 0 ? EPROTO : -error;
  }
  if (answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      answer.header.nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
    return EPROTO;
  const struct inet_diag_msg *found = NLMSG_DATA(&answer.header);
  // Once its process has closed it, a socket has no inode and the kernel reports user 0 for it: whoever connects,
  // writes and closes at once would pass for root.
  if (found->idiag_inode == 0) return ENOENT;
  *uid = found->idiag_uid;
  return 0;
}

int sb_tcp_owner(const struct sockaddr *local, const struct sockaddr *remote, uint32_t *uid) {
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
  } request;
  memset(&request, 0, sizeof request);
  int bad = fill_id(&request.body.id, local, remote);
  if (bad) return bad;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.body.sdiag_family = (uint8_t)local->sa_family;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = 0xffffffffu;

  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0) return errno;
  // The kernel answers within the send itself; the deadline only guards against one that never does.
  struct timeval deadline = {.tv_sec = 1, .tv_usec = 0};
  int result = 0;
  if (setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) != 0) result = errno;
  if (result == 0 && send(netlink, &request, sizeof request, 0) < 0) result = errno;
  if (result == 0) result = read_answer(netlink, uid);
  close(netlink);
  return result;
}

_Static_assert(SB_READABLE == EPOLLIN && SB_WRITABLE == EPOLLOUT && SB_ERROR == EPOLLERR && SB_HANGUP == EPOLLHUP &&
                   SB_PEER_CLOSED == EPOLLRDHUP,
               "the bits are the kernel's");

int sb_epoll_create(void) {
  int poller = epoll_create1(EPOLL_CLOEXEC);
  return poller < 0 ? -errno : poller;
}

static int control(int poller, int operation, int descriptor, uint32_t events, uint64_t tag) {
  struct epoll_event event = {.events = events, .data = {.u64 = tag}};
  return epoll_ctl(poller, operation, descriptor, &event) == 0 ? 0 : errno;
}

int sb_epoll_add(int poller, int descriptor, uint32_t events, uint64_t tag) {
  return control(poller, EPOLL_CTL_ADD, descriptor, events, tag);
}

int sb_epoll_change(int poller, int descriptor, uint32_t events, uint64_t tag) {
  return control(poller, EPOLL_CTL_MOD, descriptor, events, tag);
}

int sb_epoll_remove(int poller, int descriptor) { return control(poller, EPOLL_CTL_DEL, descriptor, 0, 0); }

enum { READY_MAX = 1024 };

static int wait_exactly(int poller, struct epoll_event *events, int capacity, int64_t nanoseconds) {
#ifdef SYS_epoll_pwait2
  static _Atomic int is_missing = 0;
  if (!is_missing) {
    struct timespec timeout = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    long count =
        syscall(SYS_epoll_pwait2, poller, events, capacity, nanoseconds < 0 ? NULL : &timeout, NULL, (size_t)0);
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return (int)count;
    is_missing = 1;
  }
#endif
  int64_t milliseconds = nanoseconds < 0 ? -1 : (nanoseconds + 999999) / 1000000;
  return epoll_wait(poller, events, capacity, milliseconds > 3600000 ? 3600000 : (int)milliseconds);
}

int sb_epoll_wait(int poller, sb_ready *ready, int capacity, int64_t nanoseconds) {
  struct epoll_event events[READY_MAX];
  int count = wait_exactly(poller, events, capacity < READY_MAX ? capacity : READY_MAX, nanoseconds);
  if (count < 0) return errno == EINTR ? 0 : -errno;
  for (int index = 0; index < count; index++) {
    ready[index].tag = events[index].data.u64;
    ready[index].events = events[index].events;
  }
  return count;
}

void sb_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

int sb_event_descriptor(void) {
  int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return descriptor < 0 ? -errno : descriptor;
}

int sb_accept(int listener, struct sockaddr_storage *peer) {
  socklen_t length = sizeof *peer;
  int descriptor = accept4(listener, (struct sockaddr *)peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return descriptor < 0 ? -errno : descriptor;
}
