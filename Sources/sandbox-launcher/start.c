// From the launcher to bubblewrap: everything a child must give up or take on before it becomes bubblewrap.
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

static _Noreturn void refuse(const char *what) {
  // Standard error is the program's own by now; a sandbox that cannot start says why there.
  dprintf(2, "sandbox-launcher: %s: %s\n", what, strerror(errno));
  _exit(71);
}

static void limit(__rlimit_resource_t resource, long value, const char *name) {
  struct rlimit both = {(rlim_t)value, (rlim_t)value};
  if (setrlimit(resource, &both) < 0) refuse(name);
}

static void take_limits(const struct plan *plan) {
  limit(RLIMIT_CORE, 0, "RLIMIT_CORE");
  limit(RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE");
  limit(RLIMIT_MEMLOCK, 0, "RLIMIT_MEMLOCK");
  if (plan->descriptors) limit(RLIMIT_NOFILE, plan->descriptors, "RLIMIT_NOFILE");
  if (plan->data_bytes) limit(RLIMIT_DATA, plan->data_bytes, "RLIMIT_DATA");
  if (plan->cpu_seconds) limit(RLIMIT_CPU, plan->cpu_seconds, "RLIMIT_CPU");
  if (plan->processes) limit(RLIMIT_NPROC, plan->processes, "RLIMIT_NPROC");
}

// As root, bubblewrap's --uid would still be the host's root behind the mapping: an own id must be taken before.
static void take_identity(const struct plan *plan) {
  if (plan->uid < 0) return;
  gid_t group = (gid_t)plan->gid;
  uid_t user = (uid_t)plan->uid;
  if (setgroups(0, NULL) < 0) refuse("setgroups");
  if (setresgid(group, group, group) < 0) refuse("setresgid");
  if (setresuid(user, user, user) < 0) refuse("setresuid");
}

static void become(const struct plan *plan, int input, int output, int errors, int inside, pid_t launcher) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  if (setpgid(0, 0) < 0) refuse("setpgid");
  for (size_t index = 0; index < plan->joins.count; index++) {
    if (!write_text(plan->joins.items[index], "0")) refuse(plan->joins.items[index]);
  }
  // The first to go when the machine itself is short of memory; a kernel that refuses this keeps its own order.
  (void)write_text("/proc/self/oom_score_adj", "1000");
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) refuse("dup2");
  if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) refuse("close_range");
  take_limits(plan);
  take_identity(plan);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != launcher) refuse("PR_SET_PDEATHSIG");
  fcntl(inside, F_SETFD, 0);
  for (size_t index = 0; index < plan->file_count; index++) fcntl(plan->files[index], F_SETFD, 0);

  static char numbers[TEXTS_MAX][12];
  char *arguments[TEXTS_MAX + 2] = {plan->bubblewrap};
  for (size_t index = 0; index < plan->arguments.count; index++) {
    char *text = plan->arguments.items[index];
    arguments[index + 1] = text;
    if (text[0] != 1) continue;
    // "\001N" is a file of the plan, "\001i" the socket of the process inside.
    size_t file = (size_t)strtoul(text + 1, NULL, 10);
    int descriptor = text[1] == 'i' ? inside : file < plan->file_count ? plan->files[file] : -1;
    snprintf(numbers[index], sizeof numbers[index], "%d", descriptor);
    arguments[index + 1] = numbers[index];
  }
  char *const nothing[] = {NULL};
  execve(plan->bubblewrap, arguments, nothing);
  refuse(plan->bubblewrap);
}

pid_t sandbox_start(const struct plan *plan, int input, int output, int errors, int inside) {
  // The program may open its streams again by name (/dev/stdout), so they belong to its user.
  if (plan->uid >= 0) {
    int streams[] = {input, output, errors};
    for (int index = 0; index < 3; index++) {
      if (fchown(streams[index], (uid_t)plan->uid, (gid_t)plan->gid) < 0) return -1;
    }
  }
  pid_t launcher = getpid();
  pid_t child = fork();
  if (child == 0) become(plan, input, output, errors, inside, launcher);
  return child;
}
