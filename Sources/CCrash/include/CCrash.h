// Leaves a backtrace behind when the process dies of a fault.
#ifndef SIGNALBOX_CCRASH_H
#define SIGNALBOX_CCRASH_H

/// Installs handlers for SEGV, BUS, ILL, FPE, TRAP, ABRT and SYS that write signal, address and stack to `path` (created
/// only when there is a crash), call `last` if it is given, and then die of the same signal. `last` must be
/// async-signal-safe: it is where a console gives the terminal back. 0, or an errno.
int sb_crash_install(const char *path, const char *version);

/// What to call in the handler, after the report is written and before the process dies; NULL for nothing.
void sb_crash_set_last(void (*last)(int signal));

/// A mangled Swift name as people write it, to be freed with free(3); NULL for any other name.
char *sb_crash_demangle(const char *name);

#endif
