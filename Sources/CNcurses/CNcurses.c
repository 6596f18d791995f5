#include "CNcurses.h"

const char *sb_curses_version(void) { return curses_version(); }
