#include "CSockets.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
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
