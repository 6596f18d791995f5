internal import Base
internal import ControlPlane
internal import FoundationEssentials
internal import Glibc

/// The runs that ended, newest last: in `runs/` of the state folder, so that they survive the node.
///
/// Each run is a folder of its own, `runs/ID`, with the record in `run.json` and the files that it left under numbers,
/// never under the names that the program chose. The folder is written beside its place and renamed into it, and then
/// a line goes into `runs/log`: a node that is killed at any moment leaves a run whole or not at all. What the log
/// does not name is removed at the next start.
actor RunLog {
  /// What is kept, at most.
  struct Bounds: Sendable {
    var runs = 1_000
    /// Records: programs with their output.
    var recordBytes = 256 << 20
    /// Files that programs left.
    var fileBytes = 128 << 20
    /// How long those files are kept.
    var fileMilliseconds: Int64 = 7 * 86_400_000
  }

  /// A line of the log.
  private struct Entry: Codable {
    var summary: RunSummary
    var recordBytes: Int
    var fileBytes: Int
  }

  private static let recordBytesMax = 64 << 20

  private let folder: String
  private let bounds: Bounds
  private let clock: any WallClock
  private var entries: [Entry] = []
  private var isOpen = false
  /// Lines in the file; those of removed runs stay there until it is written anew.
  private var lines = 0

  init(folder: String, clock: any WallClock, bounds: Bounds = Bounds()) {
    self.folder = folder
    self.clock = clock
    self.bounds = bounds
  }

  // MARK: Writing

  /// Keeps a run. Throws `unavailable` when it cannot be written; nothing of it is left then.
  func append(_ detail: RunDetail, files: [[UInt8]?]) throws(Failure) {
    try open()
    let id = detail.summary.id
    let place = "\(folder)/\(id)"
    let temporary = "\(folder)/.\(id)"
    Self.remove(temporary)
    guard mkdir(temporary, 0o700) == 0 else { throw unusable(errno) }
    var entry = Entry(summary: detail.summary, recordBytes: 0, fileBytes: 0)
    var isPlaced = false
    do throws(Failure) {
      let record = try Self.encode(detail)
      entry.recordBytes = record.count
      try Self.write(record, to: "\(temporary)/run.json")
      for (number, content) in files.enumerated() {
        guard let content else { continue }
        try Self.write(content, to: "\(temporary)/\(number)")
        entry.fileBytes += content.count
      }
      guard rename(temporary, place) == 0 else { throw unusable(errno) }
      isPlaced = true
      try appendLine(entry)
    } catch {
      Self.remove(temporary)
      // What was there before is another run's.
      if isPlaced { Self.remove(place) }
      throw error
    }
    entries.append(entry)
    trim()
  }

  private func appendLine(_ entry: Entry) throws(Failure) {
    if lines >= 2 * bounds.runs { return try rewrite(entries + [entry]) }
    let descriptor = Glibc.open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw unusable(errno) }
    defer { close(descriptor) }
    // A line that a crash cut short must not swallow this one.
    let line = try Self.encode(entry) + [10]
    let bytes = endsWithNewline(descriptor) ? line : [10] + line
    guard bytes.withUnsafeBytes({ Glibc.write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
      throw unusable(errno)
    }
    lines += 1
  }

  private func endsWithNewline(_ descriptor: Int32) -> Bool {
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_size > 0 else { return true }
    let reader = Glibc.open(logPath, O_RDONLY | O_CLOEXEC)
    guard reader >= 0 else { return false }
    defer { close(reader) }
    var last: UInt8 = 0
    return pread(reader, &last, 1, facts.st_size - 1) == 1 && last == 10
  }

  private func rewrite(_ entries: [Entry]) throws(Failure) {
    var bytes: [UInt8] = []
    for entry in entries { bytes += try Self.encode(entry) + [10] }
    try WholeFile.replace(logPath, with: bytes)
    lines = entries.count
  }

  /// The oldest go first, their files before their records.
  private func trim() {
    var records = entries.reduce(0) { $0 + $1.recordBytes }
    var excess = 0
    while excess < entries.count - 1, entries.count - excess > bounds.runs || records > bounds.recordBytes {
      records -= entries[excess].recordBytes
      Self.remove("\(folder)/\(entries[excess].summary.id)")
      excess += 1
    }
    entries.removeFirst(excess)
    var files = entries.reduce(0) { $0 + $1.fileBytes }
    let oldest = clock.nowMilliseconds() - bounds.fileMilliseconds
    for index in entries.indices where entries[index].fileBytes > 0 {
      guard files > bounds.fileBytes || entries[index].summary.timeMilliseconds < oldest else { break }
      files -= entries[index].fileBytes
      entries[index].fileBytes = 0
      Self.remove("\(folder)/\(entries[index].summary.id)", keeping: "run.json")
    }
  }

  // MARK: Reading

  func contains(_ id: String) throws(Failure) -> Bool {
    try open()
    return entries.contains { $0.summary.id == id }
  }

  /// Newest first. `actor` nil: everybody's.
  func search(_ query: RunQuery, actor: String? = nil) throws(Failure) -> [RunSummary] {
    try open()
    let words = (query.text ?? "").lowercased().split(separator: " ")
    var found: [RunSummary] = []
    for entry in entries.reversed() where found.count < query.limit {
      let run = entry.summary
      guard actor == nil || run.actor == actor, query.outcome == nil || run.outcome == query.outcome else { continue }
      let text = [run.id, run.title, run.language, run.actor, run.project?.rawValue ?? ""].joined(separator: "\n")
      let lowered = text.lowercased()
      if words.allSatisfy({ lowered.contains($0) }) { found.append(run) }
    }
    return found
  }

  /// Nil when there is none of that id.
  func detail(_ id: String) throws(Failure) -> RunDetail? {
    try open()
    guard entries.contains(where: { $0.summary.id == id }),
      let bytes = try WholeFile.read("\(folder)/\(id)/run.json", maxBytes: Self.recordBytesMax)
    else { return nil }
    do { return try JSONDecoder().decode(RunDetail.self, from: Data(bytes)) } catch {
      throw Failure(.internal, "the record of the run \(id) cannot be read")
    }
  }

  /// A file of a run by its number in the result; nil when it is not kept.
  func file(_ id: String, number: Int) throws(Failure) -> [UInt8]? {
    try open()
    guard entries.contains(where: { $0.summary.id == id }) else { return nil }
    return try WholeFile.read("\(folder)/\(id)/\(number)", maxBytes: bounds.fileBytes)
  }

  // MARK: Opening

  /// Reads the log of the lives before, once.
  private func open() throws(Failure) {
    guard !isOpen else { return }
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw unusable(errno) }
    let reading = FileTail.lines(of: logPath)
    if case .unreadable(let reason) = reading { throw Failure(.unavailable, "\(logPath): cannot be read: \(reason)") }
    let decoder = JSONDecoder()
    var byID: [String: Int] = [:]
    if case .lines(let texts) = reading {
      lines = texts.count
      for text in texts.suffix(2 * bounds.runs) {
        // A line that a crash cut short is no run and must not hide the others.
        guard let entry = try? decoder.decode(Entry.self, from: Data(text.utf8)) else { continue }
        byID[entry.summary.id] = entries.count
        entries.append(entry)
      }
    }
    keepWhatIsThere(byID)
    isOpen = true
    trim()
  }

  /// Lines without a folder and folders without a line are the traces of a death in between.
  private func keepWhatIsThere(_ byID: [String: Int]) {
    // A folder that cannot be listed has no run that could be shown.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    var present: Set<String> = []
    for name in names where name != "log" && name != "log.new" {
      if byID[name] == nil { Self.remove("\(folder)/\(name)") } else { present.insert(name) }
    }
    entries = entries.enumerated().filter { index, entry in
      byID[entry.summary.id] == index && present.contains(entry.summary.id)
    }.map(\.element)
  }

  private var logPath: String { "\(folder)/log" }

  // MARK: Files

  private static func encode(_ value: some Encodable) throws(Failure) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return Array(try encoder.encode(value)) } catch {
      throw Failure(.internal, "the record of a run cannot be written as JSON")
    }
  }

  private static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw unwritable(path, errno) }
    defer { close(descriptor) }
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw unwritable(path, errno) }
      written += count
    }
  }

  /// A folder of plain files, and all that is in it. What cannot be removed is met again at the next start.
  private static func remove(_ path: String, keeping kept: String? = nil) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where name != kept {
      unlink("\(path)/\(name)")
    }
    if kept == nil { rmdir(path) }
  }

  private func unusable(_ code: Int32) -> Failure { Self.unwritable(folder, code) }

  private static func unwritable(_ path: String, _ code: Int32) -> Failure {
    Failure(.unavailable, "\(path): cannot be written: \(String(cString: strerror(code)))", isRetriable: false)
  }
}
