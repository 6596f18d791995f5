#include "CHiredis.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

int sb_hiredis_version(void) { return HIREDIS_MAJOR * 10000 + HIREDIS_MINOR * 100 + HIREDIS_PATCH; }

static redisReplyObjectFunctions *original;
static redisReplyObjectFunctions bounded;

// hiredis hands the reader's privdata to every task, so the limit travels with the reader.
static void *create_bounded_array(const redisReadTask *task, int elements) {
  const int64_t *elements_max = task->privdata;
  if (elements_max != NULL && elements > *elements_max) return NULL;
  return original->createArray(task, elements);
}

__attribute__((constructor)) static void prepare(void) {
  redisReader *reader = redisReaderCreate();
  if (reader == NULL) return;
  original = reader->fn;
  bounded = *original;
  bounded.createArray = create_bounded_array;
  redisReaderFree(reader);
}

redisReader *sb_reader_create(const int64_t *elements_max) {
  if (original == NULL) return NULL;
  redisReader *reader = redisReaderCreateWithFunctions(&bounded);
  if (reader != NULL) reader->privdata = (void *)(uintptr_t)elements_max;
  return reader;
}

int64_t sb_reader_buffered(const redisReader *reader) { return (int64_t)(reader->len - reader->pos); }

int sb_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int sb_wait_readable(int descriptor, int other, uint64_t nanoseconds) {
  struct pollfd entries[] = {{.fd = descriptor, .events = POLLIN}, {.fd = other, .events = POLLIN}};
  struct timespec limit = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
  if (ppoll(entries, 2, &limit, NULL) <= 0) return 0;
  return entries[0].revents != 0;
}

redisContext *sb_blocking_connect(const char *path) {
  struct timeval second = {1, 0};
  redisContext *context = redisConnectUnixWithTimeout(path, second);
  if (context == NULL) return NULL;
  if (context->err == 0 && redisSetTimeout(context, second) == REDIS_OK) return context;
  redisFree(context);
  return NULL;
}

int64_t sb_blocking_get(redisContext *context, const char *key, size_t length) {
  const char *words[] = {"GET", key};
  const size_t lengths[] = {3, length};
  redisReply *reply = redisCommandArgv(context, 2, words, lengths);
  if (reply == NULL) return -1;
  int64_t size = reply->type == REDIS_REPLY_STRING ? (int64_t)reply->len : -1;
  freeReplyObject(reply);
  return size;
}
