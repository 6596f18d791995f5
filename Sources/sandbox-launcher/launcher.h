// What the files of the launcher share. See main.c for what it is for.
#ifndef SANDBOX_LAUNCHER_H
#define SANDBOX_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
  CONTROL = 3,           // the socket to the engine
  TEXTS_MAX = 1024,      // arguments, paths and files in one plan
  FRAME_MAX = 16 << 20,  // bytes of one frame
  BACKLOG_MAX = 1 << 20, // unsent bytes at which the program's output is left in its pipes
};

// A growing byte buffer; `start` is what has been consumed.
struct buffer {
  char *bytes;
  size_t start, end, capacity;
};

void *grab(size_t size);
void buffer_add(struct buffer *buffer, const void *bytes, size_t count);
static inline size_t buffer_count(const struct buffer *buffer) { return buffer->end - buffer->start; }

// Frames: one tag byte, four bytes of length (big endian), the payload.
struct frame {
  char tag;
  const char *payload;
  size_t count;
};
// Takes one whole frame off `buffer`; false: not there yet. The payload lives until the next change of the buffer.
bool frame_take(struct buffer *buffer, struct frame *frame);
void frame_add(struct buffer *out, char tag, const void *payload, size_t count);
// `name`, a zero byte, and the bytes.
void frame_add_named(struct buffer *out, char tag, const char *name, const void *bytes, size_t count);

// The payload as a string of its own, to be freed.
char *frame_text(const struct frame *frame);

// The program's pipes; -1: closed.
struct streams {
  int input, output, errors;
  long long output_bytes, error_bytes;
  bool input_ended;
  struct buffer waiting;  // input that the program has not read
};
void streams_open(struct streams *streams, int input, int output, int errors);
// One read each, reported up to `most` bytes in all (0: unbounded). True: there may be more.
bool streams_read_output(struct streams *streams, long most);
bool streams_read_errors(struct streams *streams, long most);
void streams_feed(struct streams *streams);
void streams_drain(struct streams *streams, long most, void (*flush)(long long deadline));

struct texts {
  char *items[TEXTS_MAX];
  size_t count;
};

// All that the engine asked for. Everything was decided there: this program knows no limit and no path of its own.
struct plan {
  char *bubblewrap;
  struct texts arguments;          // "\001N" stands for the descriptor of file N
  int files[TEXTS_MAX];            // memory files
  size_t file_count;
  struct texts folders;            // control groups to make, and to remove in the opposite order
  struct texts writes;             // "path\nvalue"
  struct texts joins;              // cgroup.procs of each group
  struct texts statistics;         // read at the end
  char *kill_file;                 // cgroup.kill, or null
  char *events_file;               // cgroup.events, or null
  char *workspace;                 // path inside, whose files are handed over at the end, or null
  char *held;                      // name of a program there that the interpreter waits for, or null
  long uid, gid;                   // -1: stay who we are
  long start_ms, run_ms, cleanup_ms; // run_ms 0: no deadline
  long held_ms;                      // how long an interpreter may wait for its program
  long output_max;                 // bytes a stream; 0: unbounded
  long descriptors, data_bytes, cpu_seconds, processes; // resource limits; 0: leave
  long artefact_bytes, artefact_count;
};

// Reports what was tried and what `errno` says, cleans up and ends.
_Noreturn void fail(const char *what, const char *subject);
_Noreturn void give_up(void);
extern struct buffer outgoing;

long long now_ms(void);
ssize_t read_text(const char *path, char *into, size_t capacity);
bool write_text(const char *path, const char *text);

void groups_make(const struct plan *plan);
bool groups_write(const char *entry);
void groups_kill(const struct plan *plan);
bool groups_wait_empty(const struct plan *plan, long long deadline);
void groups_remove(const struct plan *plan);

void posture_report(pid_t process);
int workspace_open(const struct plan *plan, pid_t process);
void artefacts_report(const struct plan *plan, int workspace);

bool held_prepare(const struct plan *plan, int workspace);
int held_descriptor(void);
bool held_is_opened(void);
bool held_add_file(const struct plan *plan, int workspace, const char *payload, size_t count);
bool held_release(void);

pid_t sandbox_start(const struct plan *plan, int input, int output, int errors, int inside);
int inside_main(int argc, char **argv);
int container_main(void);

#endif
