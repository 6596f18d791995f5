// Programs on pseudo-terminals: what Glibc's Swift view lacks.
#ifndef SIGNALBOX_CPTY_H
#define SIGNALBOX_CPTY_H

#include <sys/types.h>

/// Opens a pseudo-terminal of `width` x `height` cells; `*master` is non-blocking. 0, or an errno.
int sb_pty_open(int width, int height, int *master, int *slave);
/// 0, or an errno. The program in front gets SIGWINCH.
int sb_pty_resize(int descriptor, int width, int height);
/// Starts `program` in a session of its own whose controlling terminal is that of `master`, with default signals and no
/// other descriptors. `directory` may be NULL. 0, or an errno.
int sb_pty_spawn(int master, const char *program, char *const *arguments, char *const *environment,
                 const char *directory, pid_t *child);

#endif
