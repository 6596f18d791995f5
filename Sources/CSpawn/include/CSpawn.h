// Starting a program that ends with whoever started it.
#ifndef SIGNALBOX_CSPAWN_H
#define SIGNALBOX_CSPAWN_H

#include <spawn.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
  const char *program;
  char *const *arguments;
  char *const *environment;
  /// Where standard output and error go: appended to, made with mode 0600.
  const char *output;
  /// Non-zero: it leads a session of its own.
  int32_t new_session;
} sb_launch;

/// Starts `launch->program` so that the kernel kills it (SIGKILL) when the calling process ends, however that comes
/// about. It gets /dev/null as standard input, nothing else that is open here, no blocked and no handled signal.
/// Waits until the program runs: 0 and its number in `child`, or an errno. Its own children are its own concern.
int sb_spawn_bound(const sb_launch *launch, pid_t *child);

/// posix_spawn_file_actions_addclosefrom_np(3), which Swift does not import: the program gets nothing from `first` on.
int sb_close_from(posix_spawn_file_actions_t *actions, int first);

/// A descriptor that becomes readable when the child ends (pidfd_open(2)), close-on-exec; or -1 with errno.
int sb_pidfd(pid_t child);

/// Not of children, but of how a process of ours begins: mallopt(3) with M_ARENA_MAX, which Swift does not import.
/// Non-zero when the allocator took it.
int sb_bind_arenas(int arenas);

#endif
