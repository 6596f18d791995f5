// The themes of the folder `themes`, compiled in: the binary shows them wherever it is moved.
#ifndef SIGNALBOX_CTHEMES_H
#define SIGNALBOX_CTHEMES_H

#include <stddef.h>
#include <stdint.h>

int sb_theme_count(void);
/// The file's name without `.yaml`; NULL when there is no such index.
const char *sb_theme_name(int index);
/// The file's bytes; NULL when there is no such index.
const uint8_t *sb_theme_text(int index, size_t *count);

#endif
