// A program that is not there yet: an interpreter is started with its usual command line, and where the program would
// lie there is a named pipe. The interpreter comes up, opens its program and waits in the read. When a program arrives,
// it is put under that name as an ordinary file and sent through the pipe: from there on the interpreter does what it
// always does. Nothing of ours runs in it, so a held run and a fresh one cannot be told apart by what they see.
//
// Nobody's program has run in the sandbox while these functions work in its folder.
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
  int pipe, watch;
  char *program;
  size_t count;
} held = {.pipe = -1, .watch = -1};

// Files belong to the sandbox's user: the host's root has no id there at all.
static void act_as(long uid, long gid) {
  if (uid < 0) return;
  setfsgid((gid_t)gid);
  setfsuid((uid_t)uid);
}

static void act_as_self(const struct plan *plan) {
  if (plan->uid < 0) return;
  setfsuid(geteuid());
  setfsgid(getegid());
}

static bool prepare(const struct plan *plan, int workspace) {
  if (workspace < 0 || mkfifoat(workspace, plan->held, 0600) < 0) return false;
  // Opened for both, so that the interpreter's open does not wait and a later close is its end of file.
  held.pipe = openat(workspace, plan->held, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  held.watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (held.pipe < 0 || held.watch < 0) return false;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", held.pipe);
  return inotify_add_watch(held.watch, path, IN_OPEN) >= 0;
}

bool held_prepare(const struct plan *plan, int workspace) {
  act_as(plan->uid, plan->gid);
  bool done = prepare(plan, workspace);
  act_as_self(plan);
  return done;
}

// Readable when the interpreter has opened its program.
int held_descriptor(void) { return held.watch; }

bool held_is_opened(void) {
  char events[4096];
  bool opened = read(held.watch, events, sizeof events) > 0;
  if (opened) {
    close(held.watch);
    held.watch = -1;
  }
  return opened;
}

static bool make_folders(int workspace, char *path) {
  for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    bool made = mkdirat(workspace, path, 0755) == 0;
    // Whatever umask we were started with.
    if (made && fchmodat(workspace, path, 0755, 0) < 0) return false;
    if (!made && errno != EEXIST) return false;
    *slash = '/';
  }
  return true;
}

static bool write_file(int workspace, const char *path, const char *bytes, size_t count) {
  int file = openat(workspace, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file < 0) return false;
  bool done = fchmod(file, 0644) == 0;
  for (size_t total = 0; done && total < count;) {
    ssize_t written = write(file, bytes + total, count - total);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) done = false;
    else total += (size_t)written;
  }
  return close(file) == 0 && done;
}

// `path`, a zero byte, and the content. The program itself takes the pipe's place.
bool held_add_file(const struct plan *plan, int workspace, const char *payload, size_t count) {
  const char *zero = memchr(payload, 0, count);
  if (!plan->held || held.pipe < 0 || !zero) return false;
  char *path = strdup(payload);
  const char *bytes = zero + 1;
  size_t left = count - (size_t)(bytes - payload);
  act_as(plan->uid, plan->gid);
  bool done = path != NULL;
  if (done && !strcmp(path, plan->held) && !held.program) {
    held.program = grab(left);
    memcpy(held.program, bytes, left);
    held.count = left;
    done = unlinkat(workspace, path, 0) == 0;
  }
  done = done && make_folders(workspace, path) && write_file(workspace, path, bytes, left);
  act_as_self(plan);
  free(path);
  return done;
}

// All of it fits into the pipe or nothing is handed over: an interpreter runs nothing before the end of the file.
bool held_release(void) {
  if (held.pipe < 0 || !held.program) return false;
  bool done = held.count == 0 || write(held.pipe, held.program, held.count) == (ssize_t)held.count;
  free(held.program);
  held.program = NULL;
  if (!done) return false;
  close(held.pipe);
  held.pipe = -1;
  return true;
}
