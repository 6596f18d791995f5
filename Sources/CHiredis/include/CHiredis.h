// hiredis as Swift sees it: the version macros, a reply reader with bounds that hiredis itself does not set, and the
// descriptors a connection thread sleeps on that Glibc's Swift view lacks.
#ifndef SIGNALBOX_CHIREDIS_H
#define SIGNALBOX_CHIREDIS_H

#include <hiredis/hiredis.h>
#include <stdint.h>

/// Major * 10,000 + minor * 100 + patch of the headers this was built with.
int sb_hiredis_version(void);

/// A `redisReader` that refuses arrays of more than `elements_max` elements. hiredis 0.14 accepts `*1000000000` and
/// reserves 8 GB for it. The limit must outlive the reader. Null when there is no memory.
redisReader *sb_reader_create(const int64_t *elements_max);

/// Bytes the reader holds that are not yet part of a returned reply.
int64_t sb_reader_buffered(const redisReader *reader);

/// A non-blocking, close-on-exec eventfd, or -1 with errno.
int sb_eventfd(void);

/// Waits until `descriptor` or `other` has something to read, at most so long: 1 when `descriptor` has, else 0.
int sb_wait_readable(int descriptor, int other, uint64_t nanoseconds);

/// A blocking connection to a Unix socket, as a plain C program has it, for benches; null when there is none.
redisContext *sb_blocking_connect(const char *path);

/// GETs a key and waits: the length of its value, or -1.
int64_t sb_blocking_get(redisContext *context, const char *key, size_t length);

#endif
