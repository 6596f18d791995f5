// What the kernel says about a sandbox, and what its program left in its folder.
#include "launcher.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const tables[] = {"status", "cgroup", "mountinfo", "uid_map", "gid_map", "net/dev", "limits"};
static const char *const spaces[] = {"net", "user", "mnt", "pid", "ipc", "uts", "cgroup"};

void posture_report(pid_t process) {
  static char text[1 << 18];
  char path[128], name[128], link[128];
  for (size_t index = 0; index < sizeof tables / sizeof *tables; index++) {
    snprintf(path, sizeof path, "/proc/%d/%s", (int)process, tables[index]);
    ssize_t count = read_text(path, text, sizeof text);
    if (count >= 0) frame_add_named(&outgoing, 'p', tables[index], text, (size_t)count);
  }
  for (size_t index = 0; index < sizeof spaces / sizeof *spaces; index++) {
    for (int own = 0; own < 2; own++) {
      if (own) snprintf(path, sizeof path, "/proc/self/ns/%s", spaces[index]);
      else snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)process, spaces[index]);
      ssize_t count = readlink(path, link, sizeof link);
      snprintf(name, sizeof name, "%s/%s", own ? "host" : "ns", spaces[index]);
      if (count > 0) frame_add_named(&outgoing, 'p', name, link, (size_t)count);
    }
  }
}

// The descriptor keeps the folder's file system after the last process of its namespace is gone.
int workspace_open(const struct plan *plan, pid_t process) {
  if (!plan->workspace) return -1;
  char path[4096];
  snprintf(path, sizeof path, "/proc/%d/root%s", (int)process, plan->workspace);
  return open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// Names are the program's own words as much as its output, and go where that goes: so they have bounds too.
enum { DEPTH_MAX = 16, ENTRIES_MAX = 8192, NAMED_MAX = 1024, NAME_BYTES_MAX = 64 << 10 };
struct walk {
  const struct plan *plan;
  int root;
  long entries, files, bytes, name_bytes;
};

// Never through a link of any kind, never out of the folder, never onto another mount, never waiting for a pipe's
// other end.
static int open_beneath(int root, const char *path, int flags) {
  // openat2 refuses flags that mean nothing, and O_PATH gives the others no meaning.
  if (!(flags & O_PATH)) flags |= O_NONBLOCK | O_NOCTTY;
  struct open_how how = {
      .flags = (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static void report_file(struct walk *walk, const char *path) {
  // Only a regular file is opened for reading; looking at it first does not open it.
  int peek = open_beneath(walk->root, path, O_PATH);
  struct stat status;
  bool regular = peek >= 0 && fstat(peek, &status) == 0 && S_ISREG(status.st_mode);
  if (peek >= 0) close(peek);
  if (!regular) return;
  walk->name_bytes += (long)strlen(path);
  if (walk->files == NAMED_MAX || walk->name_bytes > NAME_BYTES_MAX) return;
  walk->files++;
  char size[32];
  snprintf(size, sizeof size, "%lld", (long long)status.st_size);
  int file = open_beneath(walk->root, path, O_RDONLY);
  bool fits = walk->files <= walk->plan->artefact_count && status.st_size <= walk->plan->artefact_bytes - walk->bytes;
  if (file < 0 || !fits || status.st_size > FRAME_MAX - 8192) {
    frame_add_named(&outgoing, 'a', path, size, strlen(size));
    if (file >= 0) close(file);
    return;
  }
  char *bytes = grab((size_t)status.st_size);
  size_t total = 0;
  while (total < (size_t)status.st_size) {
    ssize_t count = read(file, bytes + total, (size_t)status.st_size - total);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    total += (size_t)count;
  }
  close(file);
  walk->bytes += (long)total;
  frame_add_named(&outgoing, 'A', path, bytes, total);
  free(bytes);
}

static void report_folder(struct walk *walk, const char *path, int depth) {
  int descriptor = open_beneath(walk->root, *path ? path : ".", O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return;
  DIR *folder = fdopendir(descriptor);
  if (!folder) return (void)close(descriptor);
  for (struct dirent *entry; (entry = readdir(folder)) && walk->entries < ENTRIES_MAX;) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    walk->entries++;
    char child[4096];
    int count = snprintf(child, sizeof child, "%s%s%s", path, *path ? "/" : "", entry->d_name);
    if (count >= (int)sizeof child) continue;
    if (entry->d_type == DT_DIR && depth < DEPTH_MAX) report_folder(walk, child, depth + 1);
    if (entry->d_type == DT_REG) report_file(walk, child);
  }
  closedir(folder);
}

void artefacts_report(const struct plan *plan, int workspace) {
  if (workspace < 0) return;
  struct walk walk = {.plan = plan, .root = workspace};
  report_folder(&walk, "", 0);
}
