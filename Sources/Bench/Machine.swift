public import ControlPlane
internal import Glibc

/// What the bench runs on, asked of the kernel.
public enum Machine {
  public static func current() -> BenchReport.Machine {
    var load = [0.0]
    let hasLoad = getloadavg(&load, 1) == 1
    return BenchReport.Machine(
      cores: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), memoryBytes: memory(), kernel: kernel(),
      load: hasLoad ? load[0] : 0, processor: processor())
  }

  /// `model name` of `/proc/cpuinfo` (proc(5)); other architectures than x86 have no such line.
  private static func processor() -> String? {
    let descriptor = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let lines = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n")
    guard let line = lines.first(where: { $0.hasPrefix("model name") }), let colon = line.firstIndex(of: ":") else {
      return nil
    }
    return String(line[line.index(after: colon)...].drop { $0 == " " }.prefix(100))
  }

  private static func memory() -> Int64 {
    Int64(max(0, sysconf(Int32(_SC_PHYS_PAGES)))) * Int64(max(0, sysconf(Int32(_SC_PAGESIZE))))
  }

  private static func kernel() -> String {
    var names = utsname()
    guard uname(&names) == 0 else { return "unknown" }
    return withUnsafeBytes(of: &names.sysname) { text($0) } + " " + withUnsafeBytes(of: &names.release) { text($0) }
  }

  private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
