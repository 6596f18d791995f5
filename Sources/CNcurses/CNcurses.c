#define NCURSES_WIDECHAR 1
#include <ncurses.h>
// term.h defines names such as `lines` and `columns` as macros; only its functions are used here.
#include <term.h>

#include "CNcurses.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

const char *sb_curses_version(void) { return curses_version(); }

// MARK: Rendering

static SCREEN *screen;
static FILE *sink, *nothing;
static uint8_t *frame;
static size_t frame_size;
static int is_cursor_visible;

int sb_curses_open(const char *term, int width, int height) {
  int memory = memfd_create("signalbox-frame", MFD_CLOEXEC);
  if (memory < 0) return errno;
  sink = fdopen(memory, "r+");
  nothing = fopen("/dev/null", "re");
  if (!sink || !nothing) return errno;
  use_extended_names(TRUE);
  // The size is ours to say: not the environment's. Without the second call types that name no size are refused.
  use_env(FALSE);
  use_tioctl(TRUE);
  screen = newterm(term, sink, nothing);
  if (!screen) {
    sb_curses_close();
    return ENOTTY;
  }
  const char *move = sb_terminfo_string("cup");
  if (!move || sb_terminfo_flag("hc") == 1) {
    sb_curses_close();
    return ENOTTY;
  }
  nonl();
  idlok(stdscr, FALSE);
  idcok(stdscr, FALSE);
  scrollok(stdscr, FALSE);
  leaveok(stdscr, FALSE);
  if (has_colors()) {
    start_color();
    use_default_colors();
  }
  is_cursor_visible = 0;
  curs_set(0);
  resizeterm(height, width);
  // What curses says to a fresh terminal is thrown away: the greeting says it, also after a stop.
  const uint8_t *unused;
  sb_curses_frame(&unused);
  sb_curses_repaint();
  return 0;
}

void sb_curses_close(void) {
  // No endwin: the farewell bytes do its work on the terminal, and the memory file is thrown away.
  if (screen) delscreen(screen);
  screen = NULL;
  if (sink) fclose(sink);
  if (nothing) fclose(nothing);
  sink = nothing = NULL;
  free(frame);
  frame = NULL;
  frame_size = 0;
}

int sb_curses_resize(int width, int height) { return resizeterm(height, width) == OK ? 0 : EINVAL; }

int sb_curses_colors(void) { return has_colors() ? COLORS : 0; }
int sb_curses_pairs(void) { return has_colors() ? COLOR_PAIRS : 0; }

int sb_curses_define_pair(int pair, int foreground, int background) {
  return init_extended_pair(pair, foreground, background) == OK ? 0 : EINVAL;
}

static void to_wide(const uint32_t *scalars, int count, int width, wchar_t *out) {
  int used = 0;
  out[used++] = (wchar_t)scalars[0];
  if (wcwidth(out[0]) != width) {
    out[0] = MB_CUR_MAX > 1 && width == 1 ? 0xFFFD : L'?';
    out[1] = 0;
    return;
  }
  for (int i = 1; i < count && used < CCHARW_MAX; i++)
    if (wcwidth((wchar_t)scalars[i]) == 0) out[used++] = (wchar_t)scalars[i];
  out[used] = 0;
}

void sb_curses_put(int y, int x, const uint32_t *scalars, int count, int width, unsigned attributes, int pair) {
  wchar_t text[CCHARW_MAX + 1];
  to_wide(scalars, count, width, text);
  attr_t look = A_NORMAL;
  if (attributes & SB_BOLD) look |= A_BOLD;
  if (attributes & SB_DIM) look |= A_DIM;
  if (attributes & SB_REVERSE) look |= A_REVERSE;
  if (attributes & SB_UNDERLINE) look |= A_UNDERLINE;
  cchar_t cell;
  if (setcchar(&cell, text, look, 0, &pair) != OK) return;
  mvwadd_wchnstr(stdscr, y, x, &cell, 1);
  if (width == 2 && wcwidth(text[0]) != 2) mvwadd_wchnstr(stdscr, y, x + 1, &cell, 1);
}

void sb_curses_cursor(int y, int x, int is_visible) {
  leaveok(stdscr, y < 0);
  if (y >= 0) wmove(stdscr, y, x);
  if (is_visible != is_cursor_visible) curs_set(is_visible);
  is_cursor_visible = is_visible;
}

void sb_curses_repaint(void) { clearok(curscr, TRUE); }

long sb_curses_frame(const uint8_t **bytes) {
  int memory = fileno(sink);
  if (wnoutrefresh(stdscr) != OK || doupdate() != OK) return -1;
  off_t count = lseek(memory, 0, SEEK_END);
  if (count < 0) return -1;
  if ((size_t)count > frame_size) {
    uint8_t *larger = realloc(frame, (size_t)count);
    if (!larger) return -1;
    frame = larger;
    frame_size = (size_t)count;
  }
  if (pread(memory, frame, (size_t)count, 0) != count) return -1;
  if (ftruncate(memory, 0) != 0 || lseek(memory, 0, SEEK_SET) != 0) return -1;
  *bytes = frame;
  return (long)count;
}

const char *sb_terminfo_string(const char *name) {
  char *value = tigetstr(name);
  return value == (char *)-1 ? NULL : value;
}

int sb_terminfo_flag(const char *name) { return tigetflag(name); }

int sb_locale_open(int utf8) {
  const char *set = setlocale(LC_CTYPE, "");
  if (utf8 && (!set || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)) setlocale(LC_CTYPE, "C.UTF-8");
  return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int sb_wake_open(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

// MARK: The terminal line

static struct termios saved;
static volatile sig_atomic_t is_raw, is_partial_frame;
static volatile int line = -1;
// Two, so that a signal on another thread finds a whole one while the other is written.
static struct {
  char bytes[512];
  size_t count;
} farewells[2];
static volatile sig_atomic_t farewell_index;

int sb_tty_reopen(int descriptor) {
  char path[32];
  const int flags = O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  int own = open(path, flags);
  if (own >= 0) return own;
  const char *name = ttyname(descriptor);
  return name ? open(name, flags) : -1;
}

int sb_tty_size(int descriptor, int *width, int *height) {
  struct winsize size;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return errno;
  *width = size.ws_col;
  *height = size.ws_row;
  return 0;
}

int sb_tty_raw(int descriptor) {
  struct termios raw;
  if (tcgetattr(descriptor, &raw) != 0) return errno;
  // Raw already means: continued after a stop, when the settings at hand are not the shell's.
  if (!is_raw) saved = raw;
  raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON | IXOFF);
  raw.c_oflag &= ~(tcflag_t)OPOST;
  raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
  raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  line = descriptor;
  is_raw = 1;
  if (tcsetattr(descriptor, TCSANOW, &raw) == 0) return 0;
  is_raw = 0;
  return errno;
}

int sb_tty_is_raw(void) { return is_raw; }

void sb_tty_set_farewell(const char *bytes, size_t count) {
  int other = 1 - farewell_index;
  if (count > sizeof farewells[other].bytes) count = sizeof farewells[other].bytes;
  memcpy(farewells[other].bytes, bytes, count);
  farewells[other].count = count;
  atomic_thread_fence(memory_order_seq_cst);
  farewell_index = other;
}

void sb_tty_set_partial(int is_partial) { is_partial_frame = is_partial; }

static int write_all(const char *bytes, size_t count) {
  while (count > 0) {
    struct pollfd room = {.fd = line, .events = POLLOUT};
    if (poll(&room, 1, 200) <= 0 || !(room.revents & POLLOUT)) return -1;
    ssize_t written = write(line, bytes, count);
    if (written < 0 && errno != EINTR && errno != EAGAIN) return -1;
    if (written > 0) bytes += written, count -= (size_t)written;
  }
  return 0;
}

void sb_tty_restore(void) {
  if (!is_raw) return;
  is_raw = 0;
  int before = errno;
  // Writing or setting from the background would stop the process for ever; with TTOU blocked both go through.
  sigset_t output, old;
  sigemptyset(&output);
  sigaddset(&output, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &output, &old);
  if (is_partial_frame) write_all("\x18\x1b\\", 3);
  int index = farewell_index;
  if (write_all(farewells[index].bytes, farewells[index].count) != 0) tcflush(line, TCOFLUSH);
  tcsetattr(line, TCSANOW, &saved);
  // What was typed into the console, and late replies of the terminal, are no commands for the shell.
  tcflush(line, TCIFLUSH);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  errno = before;
}

void sb_tty_hand(int descriptor, pid_t group) {
  // From the background this would stop the process, and with it whoever is to have the terminal.
  sigset_t output, old;
  sigemptyset(&output);
  sigaddset(&output, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &output, &old);
  tcsetpgrp(descriptor, group);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void sb_tty_claim(int descriptor) { sb_tty_hand(descriptor, getpgrp()); }

int sb_tty_lend(char *const arguments[], pid_t *child) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  sigset_t all, none;
  int failure = posix_spawnattr_init(&attributes);
  if (failure != 0) return failure;
  failure = posix_spawn_file_actions_init(&actions);
  if (failure != 0) {
    posix_spawnattr_destroy(&attributes);
    return failure;
  }
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  // Before it runs, so that its first read is no read from the background.
  failure = posix_spawn_file_actions_addtcsetpgrp_np(&actions, 0);
  if (failure == 0) failure = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (failure == 0) failure = posix_spawnp(child, arguments[0], &actions, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return failure;
}

void sb_tty_restore_on_signal(int signal) {
  (void)signal;
  sb_tty_restore();
}

// MARK: Signals

static const int watched[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH};
static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
enum { WATCHED = sizeof watched / sizeof *watched, FATAL = sizeof fatal / sizeof *fatal };
static struct sigaction before_watched[WATCHED], before_fatal[FATAL];
static int is_taken[WATCHED];
static int signal_pipe[2] = {-1, -1};

static void note(int signal) {
  int before = errno;
  char number = (char)signal;
  // A full pipe holds the same signals already.
  ssize_t written = write(signal_pipe[1], &number, 1);
  (void)written;
  errno = before;
}

// First the terminal, then whoever handled the signal before: a crash report, the language's backtrace, or the default
// action, which SA_RESETHAND has put back.
static void die(int signal, siginfo_t *info, void *context) {
  sb_tty_restore();
  for (int i = 0; i < FATAL; i++) {
    if (fatal[i] != signal) continue;
    if (before_fatal[i].sa_flags & SA_SIGINFO) before_fatal[i].sa_sigaction(signal, info, context);
    else if (before_fatal[i].sa_handler != SIG_DFL && before_fatal[i].sa_handler != SIG_IGN)
      before_fatal[i].sa_handler(signal);
  }
  // The signal is blocked until this handler returns; then it kills.
  kill(getpid(), signal);
}

static void install(int signal, void (*handler)(int), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

int sb_signals_open(void) {
  static int is_registered;
  if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return -1;
  if (!is_registered) is_registered = atexit(sb_tty_restore) == 0;
  for (int i = 0; i < WATCHED; i++) {
    sigaction(watched[i], NULL, &before_watched[i]);
    is_taken[i] = watched[i] == SIGCONT || watched[i] == SIGWINCH || before_watched[i].sa_handler != SIG_IGN;
  }
  for (int i = 0; i < FATAL; i++) {
    sigaction(fatal[i], NULL, &before_fatal[i]);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = die;
    action.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(fatal[i], &action, NULL);
  }
  sb_signals_refresh();
  return signal_pipe[0];
}

void sb_signals_refresh(void) {
  for (int i = 0; i < WATCHED; i++)
    if (is_taken[i]) install(watched[i], note, SA_RESTART);
}

void sb_signals_close(int is_lost) {
  for (int i = 0; i < WATCHED; i++) {
    if (!is_taken[i]) continue;
    int would_kill = watched[i] == SIGHUP && before_watched[i].sa_handler == SIG_DFL;
    if (is_lost && would_kill) install(SIGHUP, SIG_IGN, 0);
    else sigaction(watched[i], &before_watched[i], NULL);
  }
  for (int i = 0; i < FATAL; i++) sigaction(fatal[i], &before_fatal[i], NULL);
  close(signal_pipe[0]);
  close(signal_pipe[1]);
  signal_pipe[0] = signal_pipe[1] = -1;
}

void sb_stop_self(int whole_group) {
  sigset_t stop, old;
  install(SIGTSTP, SIG_DFL, 0);
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  pthread_sigmask(SIG_UNBLOCK, &stop, &old);
  kill(whole_group ? 0 : getpid(), SIGTSTP);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}
