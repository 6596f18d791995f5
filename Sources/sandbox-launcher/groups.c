// Control groups, version 1 and 2 alike: which files hold which limit is the engine's knowledge.
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void groups_make(const struct plan *plan) {
  for (size_t index = 0; index < plan->folders.count; index++) {
    if (mkdir(plan->folders.items[index], 0755) < 0) fail("cannot make the control group", plan->folders.items[index]);
  }
  for (size_t index = 0; index < plan->writes.count; index++) {
    if (!groups_write(plan->writes.items[index])) fail("cannot set a limit", plan->writes.items[index]);
  }
}

// Writes, and reports what the kernel then says the value is.
bool groups_write(const char *entry) {
  const char *newline = strchr(entry, '\n');
  if (!newline) return errno = EINVAL, false;
  char path[4096], actual[256];
  if (newline - entry >= (long)sizeof path) return errno = ENAMETOOLONG, false;
  memcpy(path, entry, (size_t)(newline - entry));
  path[newline - entry] = 0;
  if (!write_text(path, newline + 1)) return false;
  ssize_t count = read_text(path, actual, sizeof actual);
  if (count < 0) return false;
  frame_add_named(&outgoing, 'w', path, actual, (size_t)count);
  return true;
}

// Every process of a group, one by one: for kernels without cgroup.kill. A fork between the reading and the kill is
// met by the next round; the namespace's first process is already dead, so no new one can be made for long.
static void kill_each(const char *procs) {
  char text[65536];
  ssize_t count = read_text(procs, text, sizeof text - 1);
  if (count <= 0) return;
  text[count] = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    long process = strtol(line, NULL, 10);
    if (process > 1 && process != getpid()) kill((pid_t)process, SIGKILL);
  }
}

void groups_kill(const struct plan *plan) {
  if (plan->kill_file && write_text(plan->kill_file, "1")) return;
  for (size_t index = 0; index < plan->joins.count; index++) kill_each(plan->joins.items[index]);
}

static bool is_unpopulated(int events) {
  char text[512];
  ssize_t count = pread(events, text, sizeof text - 1, 0);
  if (count <= 0) return false;
  text[count] = 0;
  return strstr(text, "populated 0") != NULL;
}

static bool is_empty(const struct plan *plan) {
  char text[4096];
  for (size_t index = 0; index < plan->joins.count; index++) {
    if (read_text(plan->joins.items[index], text, sizeof text) > 0) return false;
  }
  return true;
}

// Version 2 says when its state changes (POLLPRI); version 1 alone has to be asked.
bool groups_wait_empty(const struct plan *plan, long long deadline) {
  if (!plan->folders.count) return true;
  int events = plan->events_file ? open(plan->events_file, O_RDONLY | O_CLOEXEC) : -1;
  bool empty;
  while (!(empty = events >= 0 ? is_unpopulated(events) : is_empty(plan))) {
    long long left = deadline - now_ms();
    if (left <= 0) break;
    struct pollfd changed = {events, POLLPRI, 0};
    if (events >= 0) poll(&changed, 1, (int)left);
    else usleep(500);
  }
  if (events >= 0) close(events);
  return empty;
}

void groups_remove(const struct plan *plan) {
  long long deadline = now_ms() + 1000;
  for (size_t index = plan->folders.count; index-- > 0;) {
    // A dying process may hold its version 1 group a moment longer than `populated` says.
    while (rmdir(plan->folders.items[index]) < 0 && errno == EBUSY && now_ms() < deadline) usleep(1000);
  }
}
