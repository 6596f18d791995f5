internal import CSockets
internal import Glibc

/// What the kernel says that other processes have used, together.
struct ServerCost {
  let processes: [Int32]

  /// User and system time, from the processes' own clocks.
  func cpuSeconds() throws(LoadError) -> Double {
    var sum = 0.0
    for process in processes {
      var clock = clockid_t()
      var time = timespec()
      guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else { throw .serverGone }
      sum += Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }
    return sum
  }

  /// Resident bytes: the second number of `/proc/PID/statm`, in pages (proc(5)).
  func residentBytes() throws(LoadError) -> Int {
    var sum = 0
    for process in processes {
      guard let text = Self.read("/proc/\(process)/statm") else { throw .serverGone }
      let fields = text.split(separator: " ")
      guard fields.count > 1, let pages = Int(fields[1]) else { throw .serverGone }
      sum += pages * Int(getpagesize())
    }
    return sum
  }

  private static func read(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
  }
}
