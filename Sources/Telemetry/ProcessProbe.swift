public import ControlPlane
internal import Glibc
internal import Synchronization

/// What the kernel says of this process. A reading costs a handful of system calls and no allocation that lasts.
public final class ProcessProbe: Sendable {
  private struct State {
    var cpuNanoseconds: Int64
    var atNanoseconds: Int64
    var percent = 0.0
  }

  /// Shorter intervals give the percentage of the one before: the quotient of two tiny numbers says nothing.
  static let intervalNanosecondsMin: Int64 = 50_000_000

  private let state: Mutex<State>

  public init() {
    state = Mutex(
      State(cpuNanoseconds: Self.clock(CLOCK_PROCESS_CPUTIME_ID), atNanoseconds: Self.clock(CLOCK_MONOTONIC)))
  }

  /// `cpuPercent` counts from the previous reading, the first one from `init`.
  public func read() -> ProcessSnapshot {
    let cpu = Self.clock(CLOCK_PROCESS_CPUTIME_ID)
    let now = Self.clock(CLOCK_MONOTONIC)
    let percent = state.withLock { state in
      let elapsed = now - state.atNanoseconds
      guard elapsed >= Self.intervalNanosecondsMin else { return state.percent }
      let percent = 100 * Double(cpu - state.cpuNanoseconds) / Double(elapsed)
      state = State(cpuNanoseconds: cpu, atNanoseconds: now, percent: max(0, percent))
      return state.percent
    }
    return ProcessSnapshot(
      processID: getpid(), cpuSeconds: Double(cpu) / 1e9, cpuPercent: percent, residentBytes: Self.residentBytes(),
      openFiles: Self.openFiles(), openFilesMax: Self.openFilesMax(), threads: Self.threads())
  }

  private static func clock(_ id: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(id, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// The second number of `/proc/self/statm` is the resident pages (proc(5)).
  private static func residentBytes() -> Int64 {
    let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { buffer in
      let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      guard count > 0 else { return 0 }
      var pages: Int64 = 0
      var field = 0
      for byte in buffer.prefix(count) {
        if byte == UInt8(ascii: " ") { field += 1 }
        if field == 1, (48...57).contains(byte) { pages = pages * 10 + Int64(byte - 48) }
      }
      return pages * Int64(getpagesize())
    }
  }

  /// Since Linux 6.2 the size of `/proc/self/fd` is the number of open descriptors; before, they are listed.
  private static func openFiles() -> Int {
    var status = stat()
    if stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return Int(status.st_size) }
    guard let folder = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return max(0, count - 3)  // ".", ".." and the descriptor this listing uses
  }

  private static func openFilesMax() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    return Int(clamping: limit.rlim_cur)
  }

  /// A folder has two links more than it has subfolders, and each thread is a subfolder of `/proc/self/task`.
  private static func threads() -> Int {
    var status = stat()
    guard stat("/proc/self/task", &status) == 0 else { return 1 }
    return max(1, Int(status.st_nlink) - 2)
  }
}
