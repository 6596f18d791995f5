/// System calls by name, with their numbers on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl) and on arm64, which uses
/// the generic table (include/uapi/asm-generic/unistd.h). Nil: the architecture does not have the call.
enum SystemCalls {
  typealias Row = (name: String, x86: UInt32?, arm: UInt32?)

  /// What CPython and Node need: files below the folders of the sandbox, memory, threads, processes, signals, timers,
  /// pipes. Nothing here makes a socket, a namespace, a mount, a device or a key, or looks into another process.
  static let allowed: [Row] = [
    ("read", 0, 63), ("write", 1, 64), ("readv", 19, 65), ("writev", 20, 66), ("pread64", 17, 67),
    ("pwrite64", 18, 68), ("preadv", 295, 69), ("pwritev", 296, 70), ("preadv2", 327, 286), ("pwritev2", 328, 287),
    ("lseek", 8, 62), ("open", 2, nil), ("openat", 257, 56), ("openat2", 437, 437), ("creat", 85, nil),
    ("close", 3, 57), ("close_range", 436, 436), ("stat", 4, nil), ("fstat", 5, 80), ("lstat", 6, nil),
    ("newfstatat", 262, 79), ("statx", 332, 291), ("access", 21, nil), ("faccessat", 269, 48),
    ("faccessat2", 439, 439), ("readlink", 89, nil), ("readlinkat", 267, 78), ("getdents", 78, nil),
    ("getdents64", 217, 61), ("getcwd", 79, 17), ("chdir", 80, 49), ("fchdir", 81, 50), ("mkdir", 83, nil),
    ("mkdirat", 258, 34), ("rmdir", 84, nil), ("unlink", 87, nil), ("unlinkat", 263, 35), ("rename", 82, nil),
    ("renameat", 264, 38), ("renameat2", 316, 276), ("link", 86, nil), ("linkat", 265, 37), ("symlink", 88, nil),
    ("symlinkat", 266, 36), ("chmod", 90, nil), ("fchmod", 91, 52), ("fchmodat", 268, 53), ("chown", 92, nil),
    ("fchown", 93, 55), ("lchown", 94, nil), ("fchownat", 260, 54), ("utime", 132, nil), ("utimes", 235, nil),
    ("utimensat", 280, 88), ("futimesat", 261, nil), ("truncate", 76, 45), ("ftruncate", 77, 46),
    ("fallocate", 285, 47), ("fsync", 74, 82), ("fdatasync", 75, 83), ("sync_file_range", 277, 84),
    ("fadvise64", 221, 223), ("statfs", 137, 43), ("fstatfs", 138, 44), ("umask", 95, 166), ("flock", 73, 32),
    ("dup", 32, 23), ("dup2", 33, nil), ("dup3", 292, 24), ("pipe", 22, nil), ("pipe2", 293, 59), ("fcntl", 72, 25),
    ("copy_file_range", 326, 285), ("sendfile", 40, 71), ("splice", 275, 76), ("tee", 276, 77), ("getxattr", 191, 8),
    ("lgetxattr", 192, 9), ("fgetxattr", 193, 10), ("listxattr", 194, 11), ("llistxattr", 195, 12),
    ("flistxattr", 196, 13), ("inotify_init1", 294, 26), ("inotify_add_watch", 254, 27),
    ("inotify_rm_watch", 255, 28), ("poll", 7, nil), ("ppoll", 271, 73), ("select", 23, nil), ("pselect6", 270, 72),
    ("epoll_create", 213, nil), ("epoll_create1", 291, 20), ("epoll_ctl", 233, 21), ("epoll_wait", 232, nil),
    ("epoll_pwait", 281, 22), ("epoll_pwait2", 441, 441), ("eventfd", 284, nil), ("eventfd2", 290, 19),
    ("signalfd", 282, nil), ("signalfd4", 289, 74), ("timerfd_create", 283, 85), ("timerfd_settime", 286, 86),
    ("timerfd_gettime", 287, 87), ("mmap", 9, 222), ("munmap", 11, 215), ("mprotect", 10, 226), ("mremap", 25, 216),
    ("madvise", 28, 233), ("brk", 12, 214), ("msync", 26, 227), ("mincore", 27, 232), ("mlock", 149, 228),
    ("munlock", 150, 229), ("membarrier", 324, 283), ("memfd_create", 319, 279), ("fork", 57, nil),
    ("vfork", 58, nil), ("execve", 59, 221), ("execveat", 322, 281), ("exit", 60, 93), ("exit_group", 231, 94),
    ("wait4", 61, 260), ("waitid", 247, 95), ("futex", 202, 98), ("futex_waitv", 449, 449),
    ("set_robust_list", 273, 99), ("get_robust_list", 274, 100), ("rseq", 334, 293), ("set_tid_address", 218, 96),
    ("sched_yield", 24, 124), ("sched_getaffinity", 204, 123), ("sched_setaffinity", 203, 122),
    ("sched_getparam", 143, 121), ("sched_getscheduler", 145, 120), ("sched_get_priority_max", 146, 125),
    ("sched_get_priority_min", 147, 126), ("sched_rr_get_interval", 148, 127), ("getpid", 39, 172),
    ("getppid", 110, 173), ("gettid", 186, 178), ("getuid", 102, 174), ("geteuid", 107, 175), ("getgid", 104, 176),
    ("getegid", 108, 177), ("getresuid", 118, 148), ("getresgid", 120, 150), ("getgroups", 115, 158),
    ("getpgid", 121, 155), ("getpgrp", 111, nil), ("getsid", 124, 156), ("setsid", 112, 157), ("setpgid", 109, 154),
    ("getpriority", 140, 141), ("rt_sigaction", 13, 134), ("rt_sigprocmask", 14, 135), ("rt_sigreturn", 15, 139),
    ("rt_sigpending", 127, 136), ("rt_sigsuspend", 130, 133), ("rt_sigtimedwait", 128, 137),
    ("rt_sigqueueinfo", 129, 138), ("sigaltstack", 131, 132), ("kill", 62, 129), ("tkill", 200, 130),
    ("tgkill", 234, 131), ("pause", 34, nil), ("alarm", 37, nil), ("restart_syscall", 219, 128),
    ("pidfd_open", 434, 434), ("pidfd_send_signal", 424, 424), ("nanosleep", 35, 101), ("clock_nanosleep", 230, 115),
    ("clock_gettime", 228, 113), ("clock_getres", 229, 114), ("gettimeofday", 96, 169), ("time", 201, nil),
    ("times", 100, 153), ("getitimer", 36, 102), ("setitimer", 38, 103), ("timer_create", 222, 107),
    ("timer_settime", 223, 110), ("timer_gettime", 224, 108), ("timer_getoverrun", 225, 109),
    ("timer_delete", 226, 111), ("getrandom", 318, 278), ("uname", 63, 160), ("sysinfo", 99, 179),
    ("getrusage", 98, 165), ("getrlimit", 97, 163), ("prlimit64", 302, 261), ("setrlimit", 160, 164),
    ("getcpu", 309, 168), ("arch_prctl", 158, nil), ("prctl", 157, 167), ("sendto", 44, 206), ("recvfrom", 45, 207),
    ("sendmsg", 46, 211), ("recvmsg", 47, 212), ("shutdown", 48, 210), ("getsockname", 51, 204),
    ("getpeername", 52, 205), ("getsockopt", 55, 209), ("setsockopt", 54, 208),
  ]

  /// Calls whose arguments decide, or that pretend not to exist so that libraries fall back to older ones.
  static let special: [Row] = [
    ("clone", 56, 220), ("clone3", 435, 435), ("ioctl", 16, 29), ("socketpair", 53, 199),
    ("io_uring_setup", 425, 425), ("io_uring_enter", 426, 426), ("io_uring_register", 427, 427),
  ]

  /// Not in the list above on purpose; tests look that they stay out.
  static let denied: [Row] = [
    ("socket", 41, 198), ("connect", 42, 203), ("bind", 49, 200), ("listen", 50, 201), ("accept", 43, 202),
    ("accept4", 288, 242), ("ptrace", 101, 117), ("process_vm_readv", 310, 270), ("process_vm_writev", 311, 271),
    ("keyctl", 250, 219), ("add_key", 248, 217), ("request_key", 249, 218), ("bpf", 321, 280),
    ("perf_event_open", 298, 241), ("userfaultfd", 323, 282), ("mount", 165, 40), ("umount2", 166, 39),
    ("pivot_root", 155, 41), ("fsopen", 430, 430), ("open_tree", 428, 428), ("move_mount", 429, 429),
    ("open_by_handle_at", 304, 265), ("setns", 308, 268), ("unshare", 272, 97), ("personality", 135, 92),
    ("pidfd_getfd", 438, 438), ("setuid", 105, 146), ("setgid", 106, 144), ("setresuid", 117, 147),
    ("setgroups", 116, 159), ("mknodat", 259, 33), ("reboot", 169, 142), ("kexec_load", 246, 104),
    ("init_module", 175, 105), ("finit_module", 313, 273), ("swapon", 167, 224), ("chroot", 161, 51),
    ("acct", 163, 89), ("quotactl", 179, 60),
  ]
}
