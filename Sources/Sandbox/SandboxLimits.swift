/// What a run may use at most. The defaults are those of the contract.
public struct SandboxLimits: Sendable, Hashable, Codable {
  /// Bytes of memory of the whole tree, with what it writes into its folders, without swap.
  public var memoryBytes: Int
  /// Percent of one core.
  public var cpuPercent: Int
  public var timeoutMilliseconds: Int
  /// Processes and threads of the whole tree, bubblewrap's own two among them.
  public var processes: Int
  /// Bytes of each of the two writable folders.
  public var tmpBytes: Int
  /// Bytes kept of each output stream; the rest is read and thrown away.
  public var outputBytes: Int
  /// Open files of one process.
  public var descriptors: Int
  /// Bytes of one file.
  public var fileBytes: Int

  public init(
    memoryBytes: Int = 512 << 20, cpuPercent: Int = 50, timeoutMilliseconds: Int = 30_000, processes: Int = 64,
    tmpBytes: Int = 10 << 20, outputBytes: Int = 1 << 20, descriptors: Int = 256, fileBytes: Int = 10 << 20
  ) {
    self.memoryBytes = memoryBytes
    self.cpuPercent = cpuPercent
    self.timeoutMilliseconds = timeoutMilliseconds
    self.processes = processes
    self.tmpBytes = tmpBytes
    self.outputBytes = outputBytes
    self.descriptors = descriptors
    self.fileBytes = fileBytes
  }

  /// The first value out of range, in words; nil when all are fine.
  var objection: String? {
    let rows: [(String, Int, ClosedRange<Int>)] = [
      ("memoryBytes", memoryBytes, (16 << 20)...(64 << 30)), ("cpuPercent", cpuPercent, 1...6_400),
      ("timeoutMilliseconds", timeoutMilliseconds, 100...300_000), ("processes", processes, 8...4_096),
      ("tmpBytes", tmpBytes, 4_096...(1 << 30)), ("outputBytes", outputBytes, 1...(8 << 20)),
      ("descriptors", descriptors, 64...65_536), ("fileBytes", fileBytes, 4_096...(1 << 30)),
    ]
    for (name, value, range) in rows where !range.contains(value) {
      return "\(name) is \(value); allowed is \(range.lowerBound) to \(range.upperBound)"
    }
    return nil
  }
}
