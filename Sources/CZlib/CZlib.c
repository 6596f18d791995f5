#include "CZlib.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct sb_zlib {
  z_stream stream;
};

static uInt at_most(size_t count) { return count > UINT_MAX ? UINT_MAX : (uInt)count; }

sb_zlib *sb_deflate_open(int level, int window_bits, int memory_level) {
  sb_zlib *self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  if (deflateInit2(&self->stream, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) {
    free(self);
    return NULL;
  }
  return self;
}

sb_zlib *sb_inflate_open(int window_bits) {
  sb_zlib *self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  if (inflateInit2(&self->stream, -window_bits) != Z_OK) {
    free(self);
    return NULL;
  }
  return self;
}

void sb_deflate_close(sb_zlib *self) {
  deflateEnd(&self->stream);
  free(self);
}

void sb_inflate_close(sb_zlib *self) {
  inflateEnd(&self->stream);
  free(self);
}

void sb_deflate_reset(sb_zlib *self) { deflateReset(&self->stream); }

void sb_inflate_reset(sb_zlib *self) { inflateReset(&self->stream); }

typedef int (*step)(z_streamp, int);

static int run(sb_zlib *self, step step, int flush, const uint8_t *input, size_t input_count, size_t *taken,
               uint8_t *output, size_t output_count, size_t *written) {
  uInt in = at_most(input_count), out = at_most(output_count);
  self->stream.next_in = (Bytef *)input;
  self->stream.avail_in = in;
  self->stream.next_out = output;
  self->stream.avail_out = out;
  int code = step(&self->stream, flush);
  *taken = in - self->stream.avail_in;
  *written = out - self->stream.avail_out;
  self->stream.next_in = NULL;
  self->stream.next_out = NULL;
  return code;
}

sb_zlib_status sb_deflate_flush(sb_zlib *self, const uint8_t *input, size_t input_count, size_t *taken,
                                uint8_t *output, size_t output_count, size_t *written) {
  int flush = input_count > UINT_MAX ? Z_NO_FLUSH : Z_SYNC_FLUSH;
  int code = run(self, deflate, flush, input, input_count, taken, output, output_count, written);
  if (code != Z_OK && code != Z_BUF_ERROR) return SB_ZLIB_DATA;
  // zlib says that a flush is complete by leaving room in the output.
  return *taken < input_count || self->stream.avail_out == 0 ? SB_ZLIB_MORE_OUTPUT : SB_ZLIB_MORE_INPUT;
}

sb_zlib_status sb_inflate_some(sb_zlib *self, const uint8_t *input, size_t input_count, size_t *taken,
                               uint8_t *output, size_t output_count, size_t *written) {
  int code = run(self, inflate, Z_SYNC_FLUSH, input, input_count, taken, output, output_count, written);
  if (code == Z_STREAM_END) return SB_ZLIB_ENDED;
  if (code == Z_MEM_ERROR) return SB_ZLIB_MEMORY;
  if (code != Z_OK && code != Z_BUF_ERROR) return SB_ZLIB_DATA;
  return *taken < input_count || self->stream.avail_out == 0 ? SB_ZLIB_MORE_OUTPUT : SB_ZLIB_MORE_INPUT;
}

int sb_inflate_is_between_blocks(const sb_zlib *self) {
  // zlib.h, inflate: 128 right after the end of a block, and the number of unused bits of the last byte.
  return (self->stream.data_type & 128) != 0 && (self->stream.data_type & 63) == 0;
}
