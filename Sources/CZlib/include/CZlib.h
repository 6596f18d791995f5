// Deflate streams without a header (RFC 1951): what of zlib are macros or wants a struct's size.
#ifndef SIGNALBOX_CZLIB_H
#define SIGNALBOX_CZLIB_H

#include <stddef.h>
#include <stdint.h>

typedef struct sb_zlib sb_zlib;

typedef enum {
  SB_ZLIB_MORE_INPUT = 0,  /// all input is taken, and all output it gives is written
  SB_ZLIB_MORE_OUTPUT = 1, /// the output is full; call again with room
  SB_ZLIB_ENDED = 2,       /// inflating only: a final block ended the stream
  SB_ZLIB_DATA = 3,        /// the data is no deflate stream
  SB_ZLIB_MEMORY = 4,
} sb_zlib_status;

/// A compressor or decompressor with a window of 2^window_bits (9...15) bytes, or NULL when there is no memory.
sb_zlib *sb_deflate_open(int level, int window_bits, int memory_level);
sb_zlib *sb_inflate_open(int window_bits);
void sb_deflate_close(sb_zlib *stream);
void sb_inflate_close(sb_zlib *stream);
/// Forgets what was before; the window is empty again.
void sb_deflate_reset(sb_zlib *stream);
void sb_inflate_reset(sb_zlib *stream);
/// Compresses, and flushes to a byte boundary with Z_SYNC_FLUSH. *taken and *written are set to what was used.
sb_zlib_status sb_deflate_flush(sb_zlib *stream, const uint8_t *input, size_t input_count, size_t *taken,
                                uint8_t *output, size_t output_count, size_t *written);
sb_zlib_status sb_inflate_some(sb_zlib *stream, const uint8_t *input, size_t input_count, size_t *taken,
                               uint8_t *output, size_t output_count, size_t *written);
/// Whether what was inflated so far ends with a block, at a byte boundary.
int sb_inflate_is_between_blocks(const sb_zlib *stream);

#endif
