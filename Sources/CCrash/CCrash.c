#include "CCrash.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Everything the handler needs is prepared before: in a dying process only async-signal-safe calls are allowed, and
// backtrace(3) is one of them only after its first call has loaded the unwinder.
static char report_path[PATH_MAX];
static char report_head[256];
static void (*volatile last_call)(int);
static char alternate_stack[64 * 1024];
static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};

static void put(int file, const char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    ssize_t written = write(file, text, left);
    if (written <= 0) return;
    text += written;
    left -= (size_t)written;
  }
}

static void put_number(int file, unsigned long value, unsigned base) {
  char digits[32];
  size_t at = sizeof digits;
  digits[--at] = 0;
  do {
    digits[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value > 0 && at > 0);
  put(file, digits + at);
}

static const char *name_of(int signal) {
  switch (signal) {
  case SIGSEGV: return "SEGV";
  case SIGBUS: return "BUS";
  case SIGILL: return "ILL";
  case SIGFPE: return "FPE";
  case SIGTRAP: return "TRAP";
  case SIGABRT: return "ABRT";
  default: return "SYS";
  }
}

static void write_report(int signal, siginfo_t *info) {
  int file = open(report_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return;
  put(file, report_head);
  put(file, "signal ");
  put(file, name_of(signal));
  put(file, " address 0x");
  put_number(file, (unsigned long)info->si_addr, 16);
  put(file, " time ");
  put_number(file, (unsigned long)time(NULL), 10);
  put(file, " pid ");
  put_number(file, (unsigned long)getpid(), 10);
  put(file, "\n");
  void *frames[128];
  int count = backtrace(frames, 128);
  backtrace_symbols_fd(frames, count, file);
  close(file);
}

static void die(int signal, siginfo_t *info, void *context) {
  (void)context;
  write_report(signal, info);
  void (*last)(int) = last_call;
  if (last) last(signal);
  // SA_RESETHAND has put the default action back; raise again so that the parent sees the true cause. The signal is
  // blocked until this handler returns, so a kill to ourselves is delivered then.
  kill(getpid(), signal);
}

void sb_crash_set_last(void (*last)(int signal)) { last_call = last; }

int sb_crash_install(const char *path, const char *version) {
  if (strlen(path) >= sizeof report_path) return ENAMETOOLONG;
  strcpy(report_path, path);
  strcpy(report_head, "signalbox ");
  strncat(report_head, version, sizeof report_head - 32);
  strcat(report_head, "\n");

  void *warm[2];
  backtrace(warm, 2);

  stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack};
  if (sigaltstack(&stack, NULL) != 0) return errno;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = die;
  action.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof fatal_signals / sizeof *fatal_signals; i++)
    if (sigaction(fatal_signals[i], &action, NULL) != 0) return errno;
  return 0;
}

// From the Swift runtime (stdlib/public/runtime/Demangle.cpp), which has no header for it.
extern char *swift_demangle(const char *name, size_t length, char *out, size_t *out_size, uint32_t flags);

char *sb_crash_demangle(const char *name) { return swift_demangle(name, strlen(name), NULL, NULL, 0); }
