// The program's three streams, moved between its pipes and frames: one way in a launcher outside and in one inside.
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

// Beyond its limit a stream is read on and thrown away: a program that writes much is not stopped by it.
static bool read_some(int *stream, char tag, long long *total, long most) {
  char chunk[65536];
  ssize_t count = read(*stream, chunk, sizeof chunk);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (count <= 0) {
    close(*stream);
    *stream = -1;
    return false;
  }
  long long left = most ? most - *total : count;
  if (left > 0) frame_add(&outgoing, tag, chunk, (size_t)(count < left ? count : left));
  *total += count;
  return true;
}

void streams_open(struct streams *streams, int input, int output, int errors) {
  streams->input = input;
  streams->output = output;
  streams->errors = errors;
  fcntl(input, F_SETFL, O_NONBLOCK);
  fcntl(output, F_SETFL, O_NONBLOCK);
  fcntl(errors, F_SETFL, O_NONBLOCK);
}

bool streams_read_output(struct streams *streams, long most) {
  return streams->output >= 0 && read_some(&streams->output, 'O', &streams->output_bytes, most);
}

bool streams_read_errors(struct streams *streams, long most) {
  return streams->errors >= 0 && read_some(&streams->errors, 'E', &streams->error_bytes, most);
}

void streams_feed(struct streams *streams) {
  struct buffer *waiting = &streams->waiting;
  while (streams->input >= 0 && buffer_count(waiting) > 0) {
    ssize_t count = write(streams->input, waiting->bytes + waiting->start, buffer_count(waiting));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) {
      waiting->start = waiting->end;
      streams->input_ended = true;
      break;
    }
    waiting->start += (size_t)count;
  }
  if (streams->input >= 0 && streams->input_ended && buffer_count(waiting) == 0) {
    close(streams->input);
    streams->input = -1;
  }
}

// What is in the pipes when the program has ended belongs to its output; who still holds them is dead by now.
void streams_drain(struct streams *streams, long most, void (*flush)(long long deadline)) {
  long long deadline = now_ms() + 300;
  while ((streams->output >= 0 || streams->errors >= 0) && now_ms() < deadline) {
    bool more = streams_read_output(streams, most);
    more |= streams_read_errors(streams, most);
    if (buffer_count(&outgoing) > BACKLOG_MAX) flush(deadline);
    struct pollfd sources[] = {{streams->output, POLLIN, 0}, {streams->errors, POLLIN, 0}};
    long long left = deadline - now_ms();
    bool open = streams->output >= 0 || streams->errors >= 0;
    if (!more && open && left > 0) poll(sources, 2, (int)left);
  }
}
