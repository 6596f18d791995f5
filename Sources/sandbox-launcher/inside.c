// The first process of a sandbox: the same executable, inside. It starts the program when it is told to, reaps what
// is orphaned, and reports how the program ended. Its own end makes the kernel kill everything else in the namespace.
//
// The program runs under the same user id, so it must find nothing to hold on to here: this process is not dumpable
// (no /proc/1/mem, no /proc/1/fd), signals from inside do not reach a namespace's first process, and ptrace,
// pidfd_getfd and process_vm_* are denied by the filter both live under.
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void tell(int control, const void *message, size_t count) {
  while (send(control, message, count, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

// A limit that would hinder bubblewrap itself: it writes our executable into the sandbox.
static void take_file_limit(const char *bytes) {
  struct rlimit both = {strtoul(bytes, NULL, 10), strtoul(bytes, NULL, 10)};
  if (both.rlim_cur > 0 && setrlimit(RLIMIT_FSIZE, &both) < 0) _exit(73);
}

static pid_t start_program(char **command, int control) {
  pid_t program = fork();
  if (program != 0) return program;
  prctl(PR_SET_DUMPABLE, 1);
  execve(command[0], command, environ);
  int error = errno;
  char message[5] = {'F'};
  memcpy(message + 1, &error, sizeof error);
  tell(control, message, sizeof message);
  _exit(127);
}

int inside_main(int argc, char **argv) {
  if (argc < 5) return 64;
  int control = atoi(argv[2]);
  prctl(PR_SET_DUMPABLE, 0);
  fcntl(control, F_SETFD, FD_CLOEXEC);
  tell(control, "R", 1);
  char order = 0;
  ssize_t count;
  while ((count = recv(control, &order, 1, 0)) < 0 && errno == EINTR) {}
  if (count != 1 || order != 'S') return 70;
  take_file_limit(argv[3]);
  pid_t program = start_program(argv + 4, control);
  if (program < 0) return 71;
  for (int descriptor = 0; descriptor < 3; descriptor++) close(descriptor);
  for (;;) {
    int status = 0;
    pid_t ended = waitpid(-1, &status, 0);
    if (ended < 0 && errno == EINTR) continue;
    if (ended < 0) return 72;
    if (ended != program) continue;
    char message[5] = {'X'};
    memcpy(message + 1, &status, sizeof status);
    tell(control, message, sizeof message);
    return 0;
  }
}
