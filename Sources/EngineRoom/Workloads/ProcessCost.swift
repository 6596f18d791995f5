internal import Base
internal import FoundationEssentials
internal import Glibc

/// What the kernel says another process has used.
enum ProcessCost {
  private static let threadsMax = 1_000

  /// User and system time from the process's own clock: nanoseconds, where `/proc/PID/stat` counts in hundredths of a
  /// second, of which ten seconds at a target of 0.2 % hold two.
  static func cpuSeconds(_ processID: Int32) throws(Failure) -> Double {
    var clock = clockid_t()
    var time = timespec()
    guard clock_getcpuclockid(processID, &clock) == 0, clock_gettime(clock, &time) == 0 else { throw gone }
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
  }

  /// Times that its threads gave up their core to wait: each is one wakeup. Those of ended threads are not counted.
  static func voluntarySwitches(_ processID: Int32) throws(Failure) -> Int {
    let tasks = "/proc/\(processID)/task"
    let threads: [String]
    do { threads = try FileManager.default.contentsOfDirectory(atPath: tasks) } catch { throw gone }
    var sum = 0
    for thread in threads.prefix(threadsMax) {
      // A thread may end between the two looks.
      guard let data = FileManager.default.contents(atPath: "\(tasks)/\(thread)/status") else { continue }
      let line = String(decoding: data, as: UTF8.self).split(separator: "\n").first {
        $0.hasPrefix("voluntary_ctxt_switches:")
      }
      sum += line.flatMap { $0.split(separator: "\t").last }.flatMap { Int($0) } ?? 0
    }
    return sum
  }

  private static let gone = Failure(.internal, "the measured process ended")
}
