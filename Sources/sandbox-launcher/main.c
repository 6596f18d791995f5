// sandbox-launcher: one process for one sandbox, bubblewrap's parent.
//
// The engine sends a plan over a socket (descriptor 3): bubblewrap's arguments, files to hand in, control groups with
// their limits. The launcher makes the groups, starts bubblewrap in them with an empty environment, closed descriptors
// and a user id of its own, and then stands guard: it moves the streams (each up to its limit), keeps the deadline,
// and at the end, whatever the reason, kills the whole tree and removes the groups. When the engine's end of the
// socket closes, it kills the tree too, so that nothing outlives a crashed engine. When the launcher itself is killed,
// the kernel kills bubblewrap (parent-death signal), which takes its namespace along.
//
// It is C, single-threaded and small, because a parent-death signal follows the thread that forked, and because
// nothing of a large process may be copied into a sandbox.
//
//   engine → launcher   plan frames, S start · V program · G go · Q write a limit · I input · E end of input · X kill
//                       N number · Y posture again · F file · C hand the program over (these for one that was held)
//   launcher → engine   w limit read back · p posture · R ready · H held · O E output · A a artefacts · s statistics
//                       x end · F failure (text)
//
// Between R and G nothing of the user's has run: the engine compares what the kernel says with what it asked for, and
// closes the socket when it does not like what it sees.
// V starts the program; an interpreter that is held (held.c) gets it long before its program, and G with the program.
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct buffer outgoing;
static struct buffer incoming;
static struct plan plan = {.uid = -1, .gid = -1};

enum phase { STARTING, READY, RUNNING, OVER };
static struct {
  enum phase phase;
  pid_t bubblewrap, inside;
  int control_open, inside_socket, workspace, children;
  struct streams streams;
  bool reaped;
  int status;          // wait status of the program; -1: not known
  const char *reason;
  long long deadline;  // 0: none
  long long started_ms;
} run = {.status = -1, .reason = "exit", .streams = {.input = -1, .output = -1, .errors = -1}, .workspace = -1,
    .children = -1, .control_open = 1};

// MARK: Sending

static void flush_outgoing(void) {
  while (run.control_open && buffer_count(&outgoing) > 0) {
    ssize_t count = send(CONTROL, outgoing.bytes + outgoing.start, buffer_count(&outgoing), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) run.control_open = 0;
    else outgoing.start += (size_t)count;
  }
}

static void flush_until(long long deadline) {
  for (;;) {
    flush_outgoing();
    long long left = deadline - now_ms();
    if (!run.control_open || buffer_count(&outgoing) == 0 || left <= 0) return;
    struct pollfd ready = {CONTROL, POLLOUT, 0};
    poll(&ready, 1, (int)left);
  }
}

// Orphans of the tree are ours too (see main): nothing of it may stay as a zombie of the host. True: none is left.
static bool reap_until(long long deadline) {
  for (;;) {
    pid_t ended = waitpid(-1, NULL, WNOHANG);
    if (ended < 0 && errno == ECHILD) return true;
    long long left = deadline - now_ms();
    if (left <= 0) return false;
    if (ended != 0) continue;
    struct pollfd died = {run.children, POLLIN, 0};
    struct signalfd_siginfo ignored;
    if (poll(&died, 1, (int)left) > 0) (void)!read(run.children, &ignored, sizeof ignored);
  }
}

void give_up(void) {
  if (run.bubblewrap > 0) kill(run.bubblewrap, SIGKILL);
  groups_kill(&plan);
  long long deadline = now_ms() + 2000;
  reap_until(deadline);
  groups_wait_empty(&plan, deadline);
  groups_remove(&plan);
  flush_until(now_ms() + 1000);
  _exit(71);
}

void fail(const char *what, const char *subject) {
  char text[512];
  int count = snprintf(text, sizeof text, "%s %.300s: %s", what, subject, strerror(errno));
  frame_add(&outgoing, 'F', text, (size_t)count < sizeof text ? (size_t)count : sizeof text - 1);
  give_up();
}

// MARK: The plan

static void add_text(struct texts *texts, const struct frame *frame) {
  if (texts->count == TEXTS_MAX) give_up();
  texts->items[texts->count++] = frame_text(frame);
}

static void add_file(const struct frame *frame) {
  if (plan.file_count == TEXTS_MAX) give_up();
  int file = memfd_create("file", MFD_CLOEXEC);
  if (file < 0) fail("cannot make a file in", "memory");
  for (size_t done = 0; done < frame->count;) {
    ssize_t count = pwrite(file, frame->payload + done, frame->count - done, (off_t)done);
    if (count < 0) fail("cannot write a file in", "memory");
    done += (size_t)count;
  }
  plan.files[plan.file_count++] = file;
}

// Its own executable: it is the first process inside as well.
static void add_self(void) {
  if (plan.file_count == TEXTS_MAX) give_up();
  int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (file < 0) fail("cannot open", "/proc/self/exe");
  plan.files[plan.file_count++] = file;
}

static void set_number(const struct frame *frame) {
  static const struct {
    const char *name;
    long *value;
  } numbers[] = {{"uid", &plan.uid}, {"gid", &plan.gid}, {"startMilliseconds", &plan.start_ms},
      {"runMilliseconds", &plan.run_ms}, {"heldMilliseconds", &plan.held_ms},
      {"cleanupMilliseconds", &plan.cleanup_ms}, {"outputBytes", &plan.output_max},
      {"descriptors", &plan.descriptors}, {"dataBytes", &plan.data_bytes},
      {"cpuSeconds", &plan.cpu_seconds}, {"processes", &plan.processes}, {"artefactBytes", &plan.artefact_bytes},
      {"artefactCount", &plan.artefact_count}};
  char *text = frame_text(frame), *equals = strchr(text, '=');
  if (!equals) give_up();
  *equals = 0;
  for (size_t index = 0; index < sizeof numbers / sizeof *numbers; index++) {
    if (!strcmp(numbers[index].name, text)) *numbers[index].value = strtol(equals + 1, NULL, 10);
  }
  free(text);
}

// True: the plan is whole.
static bool take_plan(const struct frame *frame) {
  switch (frame->tag) {
    case 'B': plan.bubblewrap = frame_text(frame); break;
    case 'A': add_text(&plan.arguments, frame); break;
    case 'M': add_file(frame); break;
    case 'L': add_self(); break;
    case 'D': add_text(&plan.folders, frame); break;
    case 'W': add_text(&plan.writes, frame); break;
    case 'J': add_text(&plan.joins, frame); break;
    case 'T': add_text(&plan.statistics, frame); break;
    case 'K': plan.kill_file = frame_text(frame); break;
    case 'P': plan.events_file = frame_text(frame); break;
    case 'O': plan.workspace = frame_text(frame); break;
    case 'H': plan.held = frame_text(frame); break;
    case 'N': set_number(frame); break;
    case 'S': return true;
    default: give_up();
  }
  return false;
}

static bool receive(void) {
  static char chunk[65536];
  ssize_t count = recv(CONTROL, chunk, sizeof chunk, 0);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (count <= 0) return false;
  buffer_add(&incoming, chunk, (size_t)count);
  return true;
}

static void read_plan(void) {
  struct frame frame;
  for (;;) {
    while (frame_take(&incoming, &frame)) {
      if (take_plan(&frame)) return;
    }
    if (!receive()) _exit(0);
  }
}

// MARK: Starting

static void start(void) {
  int in[2], out[2], err[2], inside[2], on = 1;
  groups_make(&plan);
  if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 ||
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, inside) < 0)
    fail("cannot make", "pipes");
  if (setsockopt(inside[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) fail("cannot ask for", "credentials");
  run.bubblewrap = sandbox_start(&plan, in[0], out[1], err[1], inside[1]);
  if (run.bubblewrap < 0) fail("cannot start", plan.bubblewrap);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  close(inside[1]);
  for (size_t index = 0; index < plan.file_count; index++) close(plan.files[index]);
  streams_open(&run.streams, in[1], out[0], err[0]);
  run.inside_socket = inside[0];
  run.phase = STARTING;
  run.started_ms = now_ms();
  run.deadline = run.started_ms + plan.start_ms;
}

static void finish(const char *reason) {
  if (run.phase == OVER) return;
  run.phase = OVER;
  run.reason = reason;
}

// MARK: Events

static void on_ready(pid_t process) {
  run.inside = process;
  posture_report(process);
  run.workspace = workspace_open(&plan, process);
  if (plan.workspace && run.workspace < 0) return finish("workspace");
  if (plan.held && !held_prepare(&plan, run.workspace)) return finish("hold");
  frame_add(&outgoing, 'R', NULL, 0);
  run.phase = READY;
  run.deadline = 0;
}

// The sender's id comes from the kernel, in the numbers of our own namespace.
static void on_inside(void) {
  char message[8], space[CMSG_SPACE(sizeof(struct ucred))];
  struct iovec piece = {message, sizeof message};
  struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  ssize_t count = recvmsg(run.inside_socket, &header, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return finish("lost");
  struct cmsghdr *credentials = CMSG_FIRSTHDR(&header);
  if (!credentials || credentials->cmsg_type != SCM_CREDENTIALS) return finish("lost");
  struct ucred sender;
  memcpy(&sender, CMSG_DATA(credentials), sizeof sender);
  if (message[0] == 'R' && run.phase == STARTING) return on_ready(sender.pid);
  if (count == 5 && message[0] == 'F') return finish("interpreter");
  if (count == 5 && message[0] == 'X' && sender.pid == run.inside) {
    memcpy(&run.status, message + 1, sizeof run.status);
    return finish("exit");
  }
}

static void on_limit(const struct frame *frame) {
  char *entry = frame_text(frame);
  if (!groups_write(entry)) finish("limit");
  free(entry);
}

static void on_order(const struct frame *frame) {
  switch (frame->tag) {
    case 'Q': on_limit(frame); break;
    case 'N': set_number(frame); break;
    case 'Y':
      if (run.phase != READY) break;
      run.deadline = now_ms() + plan.start_ms;
      posture_report(run.inside);
      frame_add(&outgoing, 'R', NULL, 0);
      break;
    case 'F':
      if (!held_add_file(&plan, run.workspace, frame->payload, frame->count)) finish("files");
      break;
    case 'C':
      if (!held_release()) finish("handover");
      break;
    case 'V':  // start the program; one that is held has to come to its program within the time of a start
      if (send(run.inside_socket, "S", 1, MSG_NOSIGNAL) < 0) finish("lost");
      if (plan.held && run.phase == READY) run.deadline = now_ms() + plan.start_ms;
      break;
    case 'G':
      if (run.phase != READY) break;
      run.phase = RUNNING;
      run.started_ms = now_ms();
      run.deadline = plan.run_ms ? run.started_ms + plan.run_ms : 0;
      break;
    case 'I': buffer_add(&run.streams.waiting, frame->payload, frame->count); break;
    case 'E': run.streams.input_ended = true; break;
    case 'X': finish("killed"); break;
    default: finish("protocol"); break;
  }
}

static void on_control(void) {
  struct frame frame;
  if (!receive()) {
    run.control_open = 0;
    return finish("hangup");
  }
  while (run.phase != OVER && frame_take(&incoming, &frame)) on_order(&frame);
}

// MARK: The watch

static void on_held(void) {
  if (!held_is_opened() || run.phase != READY) return;
  run.deadline = now_ms() + plan.held_ms;
  frame_add(&outgoing, 'H', NULL, 0);
}

enum { ON_CONTROL, ON_INSIDE, ON_OUTPUT, ON_ERRORS, ON_INPUT, ON_HELD, SOURCES };

static void watch_once(void) {
  bool crowded = buffer_count(&outgoing) > BACKLOG_MAX;
  struct pollfd sources[SOURCES] = {
      {CONTROL, (short)(POLLIN | (buffer_count(&outgoing) ? POLLOUT : 0)), 0},
      {run.inside_socket, POLLIN, 0},
      {crowded ? -1 : run.streams.output, POLLIN, 0},
      {crowded ? -1 : run.streams.errors, POLLIN, 0},
      {buffer_count(&run.streams.waiting) ? run.streams.input : -1, POLLOUT, 0},
      {held_descriptor(), POLLIN, 0},
  };
  long long left = run.deadline ? run.deadline - now_ms() : -1;
  if (run.deadline && left <= 0) return finish(run.phase == RUNNING ? "timeout" : "start");
  if (poll(sources, SOURCES, (int)(left > 60000 ? 60000 : left)) < 0) return;
  if (sources[ON_OUTPUT].revents) streams_read_output(&run.streams, plan.output_max);
  if (sources[ON_ERRORS].revents) streams_read_errors(&run.streams, plan.output_max);
  if (sources[ON_INSIDE].revents) on_inside();
  if (sources[ON_HELD].revents) on_held();
  if (sources[ON_CONTROL].revents & (POLLIN | POLLHUP | POLLERR)) on_control();
  streams_feed(&run.streams);
  flush_outgoing();
}

// True: nothing of the sandbox is left.
static bool bury(void) {
  long long deadline = now_ms() + plan.cleanup_ms;
  if (run.inside > 0) kill(run.inside, SIGKILL);
  kill(run.bubblewrap, SIGKILL);
  groups_kill(&plan);
  run.reaped = reap_until(deadline);
  return groups_wait_empty(&plan, deadline) && run.reaped;
}

static void report_end(bool clean, long long ended) {
  char text[65536];
  for (size_t index = 0; index < plan.statistics.count; index++) {
    ssize_t count = read_text(plan.statistics.items[index], text, sizeof text);
    if (count >= 0) frame_add_named(&outgoing, 's', plan.statistics.items[index], text, (size_t)count);
  }
  artefacts_report(&plan, run.workspace);
  int count = snprintf(text, sizeof text,
      "reason=%s\nstatus=%d\nstdoutBytes=%lld\nstderrBytes=%lld\nrunMilliseconds=%lld\ncleanupMilliseconds=%lld\n"
      "clean=%d\n", run.reason, run.status, run.streams.output_bytes, run.streams.error_bytes, ended - run.started_ms,
      now_ms() - ended, clean);
  frame_add(&outgoing, 'x', text, (size_t)count);
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "inside")) return inside_main(argc, argv);
  if (argc > 1 && !strcmp(argv[1], "container")) return container_main();
  // Someone at a terminal has found a program that is not for them.
  if (fcntl(CONTROL, F_GETFD) < 0) {
    fprintf(stderr, "sandbox-launcher is started by signalbox for every sandbox; it does nothing alone\n");
    return 64;
  }
  signal(SIGPIPE, SIG_IGN);
  syscall(SYS_close_range, CONTROL + 1, ~0U, 0);
  // Whoever loses its parent in the sandbox becomes our child, so that all of it can be waited for.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t ended_child;
  sigemptyset(&ended_child);
  sigaddset(&ended_child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ended_child, NULL);
  run.children = signalfd(-1, &ended_child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (run.children < 0) return 71;
  read_plan();
  start();
  while (run.phase != OVER) watch_once();
  long long ended = now_ms();
  bool clean = bury();
  streams_drain(&run.streams, plan.output_max, flush_until);
  report_end(clean, ended);
  if (run.workspace >= 0) close(run.workspace);
  groups_remove(&plan);
  flush_until(now_ms() + plan.cleanup_ms);
  return 0;
}
