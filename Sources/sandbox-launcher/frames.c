// Bytes in and out: growing buffers, frames, small files.
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void *grab(size_t size) {
  void *memory = malloc(size ? size : 1);
  if (!memory) _exit(70);
  return memory;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t count) {
  if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
  if (buffer->end + count > buffer->capacity && buffer->start > 0) {
    memmove(buffer->bytes, buffer->bytes + buffer->start, buffer_count(buffer));
    buffer->end -= buffer->start;
    buffer->start = 0;
  }
  if (buffer->end + count > buffer->capacity) {
    size_t capacity = buffer->capacity ? buffer->capacity : 4096;
    while (capacity < buffer->end + count) capacity *= 2;
    char *larger = realloc(buffer->bytes, capacity);
    if (!larger) _exit(70);
    buffer->bytes = larger;
    buffer->capacity = capacity;
  }
  if (count) memcpy(buffer->bytes + buffer->end, bytes, count);
  buffer->end += count;
}

bool frame_take(struct buffer *buffer, struct frame *frame) {
  if (buffer_count(buffer) < 5) return false;
  const unsigned char *head = (const unsigned char *)buffer->bytes + buffer->start;
  size_t count = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
  if (count > FRAME_MAX) give_up();
  if (buffer_count(buffer) < 5 + count) return false;
  frame->tag = (char)head[0];
  frame->payload = (const char *)head + 5;
  frame->count = count;
  buffer->start += 5 + count;
  return true;
}

char *frame_text(const struct frame *frame) {
  char *text = grab(frame->count + 1);
  memcpy(text, frame->payload, frame->count);
  text[frame->count] = 0;
  return text;
}

static void head_add(struct buffer *out, char tag, size_t count) {
  unsigned char head[5] = {(unsigned char)tag, count >> 24 & 255, count >> 16 & 255, count >> 8 & 255, count & 255};
  buffer_add(out, head, sizeof head);
}

void frame_add(struct buffer *out, char tag, const void *payload, size_t count) {
  head_add(out, tag, count);
  buffer_add(out, payload, count);
}

void frame_add_named(struct buffer *out, char tag, const char *name, const void *bytes, size_t count) {
  size_t name_count = strlen(name) + 1;
  head_add(out, tag, name_count + count);
  buffer_add(out, name, name_count);
  buffer_add(out, bytes, count);
}

long long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

ssize_t read_text(const char *path, char *into, size_t capacity) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  size_t total = 0;
  while (total < capacity) {
    ssize_t count = read(descriptor, into + total, capacity - total);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    total += (size_t)count;
  }
  close(descriptor);
  return (ssize_t)total;
}

bool write_text(const char *path, const char *text) {
  int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  ssize_t count = write(descriptor, text, strlen(text));
  int error = errno;
  close(descriptor);
  errno = error;
  return count == (ssize_t)strlen(text);
}
