// The first process of a sandbox: the same executable, inside. It starts the program when it is told to, reaps what
// is orphaned, and reports how the program ended. Its own end makes the kernel kill everything else in the namespace.
//
// The program runs under the same user id, so it must find nothing to hold on to here: this process is not dumpable
// (no /proc/1/mem, no /proc/1/fd), signals from inside do not reach a namespace's first process, and ptrace,
// pidfd_getfd and process_vm_* are denied by the filter both live under.
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

// The program's own filter, on top of the one all of the sandbox lives under: threads, but no other process and no
// other program. To become the interpreter takes one execve, and this filter is already there then; so execve is
// allowed with six words of chance in the registers that the call itself ignores. They are gone with our memory, and
// whoever has not got them cannot guess them.
static bool confine(const uint32_t secret[6]) {
  enum { NUMBER = offsetof(struct seccomp_data, nr), WORDS = offsetof(struct seccomp_data, args) };
  enum { REFUSE = SECCOMP_RET_ERRNO | EPERM };
  struct sock_filter code[64];
  unsigned short count = 0;
#define ADD(...) code[count++] = (struct sock_filter)__VA_ARGS__
#define LOAD(offset) ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset)))
#define EQUAL(value, yes, no) ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no))
#define ANSWER(action) ADD(BPF_STMT(BPF_RET | BPF_K, (uint32_t)(action)))
  LOAD(NUMBER);
  EQUAL(SYS_execve, 0, 14);
  for (unsigned word = 0; word < 6; word++) {
    LOAD(WORDS + 3 * sizeof(uint64_t) + word * sizeof(uint32_t));
    EQUAL(secret[word], 0, (unsigned char)(11 - 2 * word));
  }
  ANSWER(SECCOMP_RET_ALLOW);
  ANSWER(REFUSE);
  static const uint32_t denied[] = {SYS_execveat,
#ifdef SYS_fork
      SYS_fork, SYS_vfork,
#endif
  };
  for (size_t index = 0; index < sizeof denied / sizeof *denied; index++) {
    EQUAL(denied[index], 0, 1);
    ANSWER(REFUSE);
  }
  EQUAL(SYS_clone, 0, 4);
  LOAD(WORDS);
  ADD(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1));
  ANSWER(SECCOMP_RET_ALLOW);
  ANSWER(REFUSE);
  EQUAL(SYS_prctl, 0, 3);
  LOAD(WORDS);
  EQUAL(PR_SET_SECCOMP, 0, 1);
  ANSWER(REFUSE);
  ANSWER(SECCOMP_RET_ALLOW);
  struct sock_fprog program = {count, code};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static pid_t start_program(char **command, int control, bool confined) {
  pid_t program = fork();
  if (program != 0) return program;
  prctl(PR_SET_DUMPABLE, 1);
  uint32_t secret[6] = {0};
  if (!confined) execve(command[0], command, environ);
  else if (getrandom(secret, sizeof secret, 0) == sizeof secret && confine(secret)) {
    uint64_t words[3];
    memcpy(words, secret, sizeof words);
    syscall(SYS_execve, command[0], command, environ, words[0], words[1], words[2]);
  }
  int error = errno;
  char message[5] = {'F'};
  memcpy(message + 1, &error, sizeof error);
  tell(control, message, sizeof message);
  _exit(127);
}

int inside_main(int argc, char **argv) {
  if (argc < 6) return 64;
  int control = atoi(argv[2]);
  prctl(PR_SET_DUMPABLE, 0);
  fcntl(control, F_SETFD, FD_CLOEXEC);
  tell(control, "R", 1);
  char order = 0;
  ssize_t count;
  while ((count = recv(control, &order, 1, 0)) < 0 && errno == EINTR) {}
  if (count != 1 || order != 'S') return 70;
  take_file_limit(argv[3]);
  pid_t program = start_program(argv + 5, control, !strcmp(argv[4], "confined"));
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
