// Curses and the terminal line for one console: what Swift cannot import from <ncurses.h> (macros, and globals that
// Swift 6 refuses), and what must be C because it runs in signal handlers. Everything but the restore routine is called
// from one thread.
#ifndef SIGNALBOX_CNCURSES_H
#define SIGNALBOX_CNCURSES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// The version of the library that is loaded, such as "ncurses 6.4.20221231".
const char *sb_curses_version(void);

// MARK: Rendering. Curses draws into a memory file, never into the terminal: its bytes are taken frame by frame, so a
// stalled terminal blocks nobody.

/// Opens curses for the terminal type `term` at `width` x `height` cells. 0; ENOTTY when the type is unknown or cannot
/// place the cursor; or another errno.
int sb_curses_open(const char *term, int width, int height);
void sb_curses_close(void);
int sb_curses_resize(int width, int height);

/// Colours and colour pairs of the terminal type; 0 when it has none.
int sb_curses_colors(void);
int sb_curses_pairs(void);
/// Defines a pair; -1 is the terminal's default colour. 0 when curses took it.
int sb_curses_define_pair(int pair, int foreground, int background);

enum { SB_BOLD = 1, SB_DIM = 2, SB_REVERSE = 4, SB_UNDERLINE = 8 };

/// Puts one character (`scalars[0]`, then marks) of `width` cells. What the C library cannot print at this width
/// becomes a question mark or U+FFFD, so that curses and the canvas never disagree about columns.
void sb_curses_put(int y, int x, const uint32_t *scalars, int count, int width, unsigned attributes, int pair);

/// Where the cursor stands after the frame, and whether it shows. With `y` -1 it stays where the last character left
/// it.
void sb_curses_cursor(int y, int x, int is_visible);
/// The next frame is painted whole.
void sb_curses_repaint(void);
/// Renders; `*bytes` holds the frame until the next call. The count of bytes, or -1.
long sb_curses_frame(const uint8_t **bytes);

/// A string, flag or number of the terminal type in use; NULL, 0 or -1 when it has none.
const char *sb_terminfo_string(const char *name);
int sb_terminfo_flag(const char *name);

/// Sets LC_CTYPE from the environment, or to C.UTF-8 when `utf8` is asked for and the environment's locale is not
/// installed. 1 when characters are UTF-8 afterwards.
int sb_locale_open(int utf8);

/// A descriptor that any thread may write eight bytes to, to end a wait. -1 and errno.
int sb_wake_open(void);

// MARK: The terminal line

/// A descriptor of its own for the terminal behind `descriptor`, non-blocking without making the shell's so. -1 and
/// errno.
int sb_tty_reopen(int descriptor);
/// 0 and the size in cells, or an errno.
int sb_tty_size(int descriptor, int *width, int *height);
/// Remembers the line's settings, unless it is raw already, and makes it raw. 0, or an errno.
int sb_tty_raw(int descriptor);

/// Whether the terminal is held: between `sb_tty_raw` and `sb_tty_restore`.
int sb_tty_is_raw(void);

/// What gives the terminal back: written by `sb_tty_restore` before the settings are put back. At most 512 bytes.
void sb_tty_set_farewell(const char *bytes, size_t count);
/// Whether the terminal has got only a part of a frame, whose last sequence must be cancelled first.
void sb_tty_set_partial(int is_partial);
/// Gives the terminal back, once until the next `sb_tty_raw`. Async-signal-safe; waits at most 200 ms for the terminal.
void sb_tty_restore(void);
/// The same as a handler for `sb_crash_set_last` and the like.
void sb_tty_restore_on_signal(int signal);

/// Starts `arguments[0]`, looked for along PATH, as the leader of a process group that has the terminal of
/// standard input; it gets nothing else that is open here, no blocked and no handled signal. 0 and its number in
/// `child`, or an errno.
int sb_tty_lend(char *const arguments[], pid_t *child);
/// Gives the terminal to the process group `group` again.
void sb_tty_hand(int descriptor, pid_t group);
/// Takes the terminal back into this process's own group.
void sb_tty_claim(int descriptor);

// MARK: Signals

/// Installs handlers that write the signal's number into a pipe: HUP INT QUIT TERM TSTP unless they are ignored, CONT
/// and WINCH always. Fatal signals get one that restores the terminal and then does what was done before. The read
/// end, or -1.
int sb_signals_open(void);
/// The same handlers again, after a library may have put its own in their place.
void sb_signals_refresh(void);
/// The handlers that were there before. With `is_lost` a HUP that would kill is ignored: a terminal that goes away says so
/// more than once, and the process still has to end in order.
void sb_signals_close(int is_lost);
/// Stops this process (or its whole group) as the default action of TSTP does.
void sb_stop_self(int whole_group);

#endif
