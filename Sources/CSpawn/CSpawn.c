// posix_spawn(3) cannot ask for PR_SET_PDEATHSIG, so this starts programs itself. Two things make that right:
//
// - "Parent" in prctl(2) means the thread that forked, and threads of a pool come and go. So one thread, which never
//   ends before the process does, starts all of them.
// - The parent may die between the fork and the prctl. So the child looks afterwards whether it still has its parent.
//
// vfork(2), as posix_spawn does it: the child borrows our memory until it execs, and the keeper waits for that. All
// signals are blocked meanwhile, so that no handler of ours runs in the child, and set back to their defaults before
// they are let through.
#include "CSpawn.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct job {
  const sb_launch *launch;
  pid_t child;
  int failure;
  int is_done;
  struct job *next;
} job;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t posted = PTHREAD_COND_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static job *jobs;
static int keeper_failure;

/// In the child. Returns only on failure, with errno.
static void become(const sb_launch *launch, pid_t parent) {
  if (launch->new_session && setsid() < 0) return;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return;
  if (getppid() != parent) _exit(127);
  int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, 0) < 0) return;
  int output = open(launch->output, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (output < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) return;
  if (close_range(3, ~0u, 0) != 0) return;
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) != 0) return;
  execve(launch->program, launch->arguments, launch->environment);
}

static void start(job *job) {
  volatile int failure = 0;
  const pid_t parent = getpid();
  pid_t child = vfork();
  if (child == 0) {
    become(job->launch, parent);
    failure = errno;
    _exit(127);
  }
  job->failure = child < 0 ? errno : failure;
  job->child = child;
  if (child > 0 && failure != 0) {
    while (waitpid(child, NULL, 0) == -1 && errno == EINTR) {}
  }
}

static void *keep(void *unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (jobs == NULL) pthread_cond_wait(&posted, &lock);
    job *first = jobs;
    jobs = first->next;
    pthread_mutex_unlock(&lock);
    start(first);
    pthread_mutex_lock(&lock);
    first->is_done = 1;
    pthread_cond_broadcast(&done);
  }
}

static void start_keeper(void) {
  sigset_t all, before;
  pthread_t thread;
  sigfillset(&all);
  // A new thread has the signal mask of its maker.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  keeper_failure = pthread_create(&thread, NULL, keep, NULL);
  if (keeper_failure == 0) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int sb_spawn_bound(const sb_launch *launch, pid_t *child) {
  pthread_once(&once, start_keeper);
  if (keeper_failure != 0) return keeper_failure;
  job mine = {.launch = launch};
  pthread_mutex_lock(&lock);
  job **end = &jobs;
  while (*end != NULL) end = &(*end)->next;
  *end = &mine;
  pthread_cond_signal(&posted);
  while (!mine.is_done) pthread_cond_wait(&done, &lock);
  pthread_mutex_unlock(&lock);
  *child = mine.child;
  return mine.failure;
}

int sb_close_from(posix_spawn_file_actions_t *actions, int first) {
  return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int sb_pidfd(pid_t child) { return (int)syscall(SYS_pidfd_open, child, 0); }

int sb_bind_arenas(int arenas) { return mallopt(M_ARENA_MAX, arenas); }
