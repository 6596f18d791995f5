// The first process of a container that a Docker Engine started: the launcher's part inside, when what is outside is
// another program. It speaks the frames of main.c over standard input and output, keeps the program's streams apart
// from its own, holds their limits and the deadline, and hands over the files that are left.
//
// What it reads of /proc and of control groups is read before anything of the user has been started, from inside: the
// Engine may be on another machine. The program can neither signal it (it is the namespace's first process) nor look
// into it (it is not dumpable), and has none of its descriptors.
//
//   engine → launcher   plan frames A N O T, H environment, F file (name, zero, content), S start · G V go · I E input · X D end it
//   launcher → engine   w p R O E A a s x F, as in main.c
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { ENGINE_IN = 0, ENGINE_OUT = 1 };

static struct buffer incoming;
static struct plan plan;
static struct {
  pid_t program;
  struct streams streams;
  int workspace;
  long long deadline, started_ms;
  bool over;
  int status;
  const char *reason;
} run = {.streams = {.input = -1, .output = -1, .errors = -1}, .workspace = -1, .status = -1, .reason = "exit"};

// MARK: Frames

// Blocking writes would let an engine that does not read stop the watch over the deadline.
static void flush_outgoing(long long deadline) {
  while (buffer_count(&outgoing) > 0) {
    ssize_t count = write(ENGINE_OUT, outgoing.bytes + outgoing.start, buffer_count(&outgoing));
    if (count > 0) outgoing.start += (size_t)count;
    if (count > 0 || errno == EINTR) continue;
    if (errno != EAGAIN) exit(71);
    long long left = deadline - now_ms();
    if (left <= 0) return;
    struct pollfd ready = {ENGINE_OUT, POLLOUT, 0};
    poll(&ready, 1, (int)left);
  }
}

static _Noreturn void refuse(const char *what, const char *subject) {
  char text[512];
  int count = snprintf(text, sizeof text, "%s %.300s: %s", what, subject, strerror(errno));
  frame_add(&outgoing, 'F', text, (size_t)count < sizeof text ? (size_t)count : sizeof text - 1);
  flush_outgoing(now_ms() + 1000);
  exit(71);
}

static void add_text(struct texts *texts, const struct frame *frame) {
  if (texts->count + 1 >= TEXTS_MAX) errno = E2BIG, refuse("too many", "arguments");
  texts->items[texts->count++] = frame_text(frame);
}

static long file_bytes;
static struct texts environment;

static void set_number(const struct frame *frame) {
  const struct {
    const char *name;
    long *value;
  } numbers[] = {{"startMilliseconds", &plan.start_ms}, {"runMilliseconds", &plan.run_ms},
      {"cleanupMilliseconds", &plan.cleanup_ms}, {"outputBytes", &plan.output_max}, {"fileBytes", &file_bytes},
      {"artefactBytes", &plan.artefact_bytes}, {"artefactCount", &plan.artefact_count}};
  char *text = frame_text(frame), *equals = strchr(text, '=');
  if (!equals) errno = EINVAL, refuse("no number", text);
  *equals = 0;
  for (size_t index = 0; index < sizeof numbers / sizeof *numbers; index++) {
    if (!strcmp(numbers[index].name, text)) *numbers[index].value = strtol(equals + 1, NULL, 10);
  }
  free(text);
}

// The engine has looked at the name: relative, and nowhere out of the folder, which is empty and has no link yet.
static void make_file(const struct frame *frame) {
  char *path = frame_text(frame);
  size_t name = strlen(path) + 1;
  if (name > frame->count) errno = EINVAL, refuse("no file", path);
  for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (mkdirat(run.workspace, path, 0755) < 0 && errno != EEXIST) refuse("cannot make", path);
    *slash = '/';
  }
  int file = openat(run.workspace, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file < 0) refuse("cannot make", path);
  for (size_t done = name; done < frame->count;) {
    ssize_t count = write(file, frame->payload + done, frame->count - done);
    if (count < 0 && errno != EINTR) refuse("cannot write", path);
    if (count > 0) done += (size_t)count;
  }
  close(file);
  free(path);
}

// MARK: The program

static void start_program(void) {
  int in[2], out[2], err[2];
  if (run.program > 0) return;
  if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0) refuse("cannot make", "pipes");
  run.program = fork();
  if (run.program < 0) refuse("cannot start", plan.arguments.items[0]);
  if (run.program == 0) {
    struct rlimit both = {(rlim_t)file_bytes, (rlim_t)file_bytes};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    if (file_bytes > 0 && setrlimit(RLIMIT_FSIZE, &both) < 0) _exit(126);
    if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0) _exit(126);
    prctl(PR_SET_DUMPABLE, 1);
    // What the image and the Engine think belongs there is not for the program.
    environ = environment.items;
    execvp(plan.arguments.items[0], plan.arguments.items);
    dprintf(2, "%s: %s\n", plan.arguments.items[0], strerror(errno));
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  close(err[1]);
  streams_open(&run.streams, in[1], out[0], err[0]);
  run.started_ms = now_ms();
  if (plan.run_ms) run.deadline = run.started_ms + plan.run_ms;
}

static void finish(const char *reason) {
  if (run.over) return;
  run.over = true;
  run.reason = reason;
}

static void report_texts(char tag) {
  char text[65536];
  for (size_t index = 0; index < plan.statistics.count; index++) {
    ssize_t count = read_text(plan.statistics.items[index], text, sizeof text);
    if (count >= 0) frame_add_named(&outgoing, tag, plan.statistics.items[index], text, (size_t)count);
  }
}

static void on_frame(const struct frame *frame) {
  switch (frame->tag) {
    case 'A': add_text(&plan.arguments, frame); break;
    case 'H': add_text(&environment, frame); break;
    case 'N': set_number(frame); break;
    case 'T': add_text(&plan.statistics, frame); break;
    case 'O':
      plan.workspace = frame_text(frame);
      run.workspace = open(plan.workspace, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (run.workspace < 0) refuse("cannot open", plan.workspace);
      break;
    case 'F': make_file(frame); break;
    case 'S':
      posture_report(getpid());
      report_texts('w');
      frame_add(&outgoing, 'R', NULL, 0);
      break;
    case 'V': start_program(); break;
    case 'I': buffer_add(&run.streams.waiting, frame->payload, frame->count); break;
    case 'E': run.streams.input_ended = true; break;
    case 'X': finish("killed"); break;
    case 'D': finish("timeout"); break;
    default: break;
  }
}

static void on_engine(void) {
  static char chunk[65536];
  struct frame frame;
  ssize_t count = read(ENGINE_IN, chunk, sizeof chunk);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) return finish("hangup");
  buffer_add(&incoming, chunk, (size_t)count);
  while (!run.over && frame_take(&incoming, &frame)) on_frame(&frame);
}

static void on_children(int signals) {
  struct signalfd_siginfo ignored;
  while (read(signals, &ignored, sizeof ignored) > 0) {}
  int status = 0;
  for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended != run.program) continue;
    run.status = status;
    finish("exit");
  }
}

static void watch_once(int signals) {
  bool crowded = buffer_count(&outgoing) > BACKLOG_MAX;
  struct pollfd sources[] = {
      {ENGINE_IN, POLLIN, 0}, {signals, POLLIN, 0},
      {crowded ? -1 : run.streams.output, POLLIN, 0}, {crowded ? -1 : run.streams.errors, POLLIN, 0},
      {buffer_count(&run.streams.waiting) ? run.streams.input : -1, POLLOUT, 0},
      {buffer_count(&outgoing) ? ENGINE_OUT : -1, POLLOUT, 0}};
  long long left = run.deadline ? run.deadline - now_ms() : 60000;
  if (left <= 0) return finish(run.program > 0 ? "timeout" : "start");
  if (poll(sources, sizeof sources / sizeof *sources, (int)(left > 60000 ? 60000 : left)) < 0) return;
  if (sources[2].revents) streams_read_output(&run.streams, plan.output_max);
  if (sources[3].revents) streams_read_errors(&run.streams, plan.output_max);
  if (sources[0].revents) on_engine();
  if (sources[1].revents) on_children(signals);
  streams_feed(&run.streams);
  flush_outgoing(0);
}

// Everything in the namespace but us, until there is nothing left. New ones may be made while the signal goes round.
static bool bury(void) {
  long long deadline = now_ms() + plan.cleanup_ms;
  while (now_ms() < deadline) {
    kill(-1, SIGKILL);
    pid_t ended;
    while ((ended = waitpid(-1, NULL, WNOHANG)) > 0) {}
    if (ended < 0 && errno == ECHILD) return true;
    usleep(500);
  }
  return false;
}

static void report_end(bool clean, long long ended) {
  char text[1024];
  report_texts('s');
  artefacts_report(&plan, run.workspace);
  int count = snprintf(text, sizeof text,
      "reason=%s\nstatus=%d\nstdoutBytes=%lld\nstderrBytes=%lld\nrunMilliseconds=%lld\ncleanupMilliseconds=%lld\n"
      "clean=%d\n", run.reason, run.status, run.streams.output_bytes, run.streams.error_bytes,
      run.started_ms ? ended - run.started_ms : 0, now_ms() - ended, clean);
  frame_add(&outgoing, 'x', text, (size_t)count);
}

int container_main(void) {
  // Anywhere else, the end of a run would end processes of others.
  if (getpid() != 1) return 64;
  prctl(PR_SET_DUMPABLE, 0);
  signal(SIGPIPE, SIG_IGN);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, NULL);
  int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) refuse("cannot wait for", "processes");
  fcntl(ENGINE_IN, F_SETFL, O_NONBLOCK);
  fcntl(ENGINE_OUT, F_SETFL, O_NONBLOCK);
  plan.start_ms = plan.cleanup_ms = 5000;
  while (!run.over) watch_once(signals);
  long long ended = now_ms();
  bool clean = bury();
  streams_drain(&run.streams, plan.output_max, flush_outgoing);
  report_end(clean, ended);
  flush_outgoing(now_ms() + plan.cleanup_ms);
  return 0;
}
