public import ControlPlane
internal import Glibc

/// What the bench runs on, asked of the kernel.
public enum Machine {
  public static func current() -> BenchReport.Machine {
    var load = [0.0]
    let hasLoad = getloadavg(&load, 1) == 1
    return BenchReport.Machine(
      cores: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), memoryBytes: memory(), kernel: kernel(),
      load: hasLoad ? load[0] : 0)
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
