public import Base
public import ControlPlane
internal import FoundationEssentials

/// The reports of earlier runs, one JSON file each: `bench/ID.json` in the state folder. The newest `reportsMax` are
/// kept. Has no state of its own; two processes may use one folder.
public struct BenchHistory: Sendable {
  /// What the folder holds.
  public struct Contents: Sendable, Equatable {
    /// Newest first.
    public var reports: [BenchReport]
    /// One line for each file that was skipped, and why.
    public var skipped: [String]
  }

  public static let reportsMax = 200
  /// A larger file is no report of ours.
  static let fileBytesMax = 4 << 20
  /// Names in the folder that are looked at.
  private static let namesMax = 10_000

  private let folder: String

  /// `stateFolder`: where `bench` is or will be made.
  public init(stateFolder: String) { folder = stateFolder + "/bench" }

  /// Writes the report whole or not at all, then removes the oldest beyond `reportsMax`.
  public func save(_ report: BenchReport) throws(Failure) {
    guard Self.isFileName(report.id) else {
      throw Failure(.invalid, "a bench id is 1 to 64 of a-z 0-9 and -, not what was given")
    }
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try encoder.encode(report).write(to: URL(filePath: path(report.id)), options: .atomic)
    } catch {
      throw Failure(.unavailable, "cannot write the bench report to \(folder): \(Self.reason(error))")
    }
    try prune()
  }

  /// At most `limit` reports, newest first. A folder that is not there is an empty history.
  public func load(limit: Int = BenchHistory.reportsMax) throws(Failure) -> Contents {
    var contents = Contents(reports: [], skipped: [])
    for id in try identifiers() {
      switch read(id) {
      case .success(let report): contents.reports.append(report)
      case .failure(let failure): contents.skipped.append(failure.message)
      }
    }
    contents.reports.sort { ($0.timeMilliseconds, $0.id) > ($1.timeMilliseconds, $1.id) }
    contents.reports = Array(contents.reports.prefix(max(0, limit)))
    return contents
  }

  /// Throws `notFound`, or `invalid` for a file that is no report.
  public func report(_ id: String) throws(Failure) -> BenchReport {
    guard Self.isFileName(id), FileManager.default.fileExists(atPath: path(id)) else {
      throw Failure(.notFound, "there is no bench run of this id", hint: "signalbox bench --history")
    }
    return try read(id).get()
  }

  private func read(_ id: String) -> Result<BenchReport, Failure> {
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: path(id))
      guard let size = attributes[.size] as? Int, size <= Self.fileBytesMax else {
        return .failure(Failure(.invalid, "\(path(id)): larger than a bench report can be"))
      }
      let report = try JSONDecoder().decode(BenchReport.self, from: Data(contentsOf: URL(filePath: path(id))))
      guard report.id == id else { return .failure(Failure(.invalid, "\(path(id)): holds a run of another id")) }
      return .success(report)
    } catch {
      return .failure(Failure(.invalid, "\(path(id)): not a bench report (\(Self.reason(error)))"))
    }
  }

  /// Files that cannot be read are left: they may be worth a look, and are not ours to judge.
  private func prune() throws(Failure) {
    for report in try load(limit: .max).reports.dropFirst(Self.reportsMax) {
      // Another process may have removed it first; what remains is tried again at the next run.
      try? FileManager.default.removeItem(atPath: path(report.id))
    }
  }

  private func identifiers() throws(Failure) -> [String] {
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder).prefix(Self.namesMax)
        .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.filter(Self.isFileName)
    } catch {
      throw Failure(.unavailable, "cannot read the bench history in \(folder): \(Self.reason(error))")
    }
  }

  private func path(_ id: String) -> String { "\(folder)/\(id).json" }

  private static func isFileName(_ id: String) -> Bool {
    (1...64).contains(id.utf8.count)
      && id.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
  }

  /// Never the content of a file.
  private static func reason(_ error: any Error) -> String {
    switch error {
    case let error as DecodingError:
      switch error {
      case .keyNotFound(let key, _): "no \(key.stringValue)"
      case .typeMismatch, .valueNotFound: "a value of the wrong kind"
      default: "no valid JSON"
      }
    case let error as CocoaError: "error \(error.code.rawValue)"
    default: "it cannot be read or written"
    }
  }
}
