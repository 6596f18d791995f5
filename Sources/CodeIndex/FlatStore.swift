internal import Base
internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// Vectors in files of the index folder, compared one by one: exact, and nothing to keep up to date. Content decides
/// the address, so all projects share them.
final class FlatStore: VectorStore {
  /// So many small files become one.
  private static let filesMax = 8
  private static let smallRows = 32_768

  private struct Files {
    var files: [VectorFile] = []
    /// Where each vector is; a newer file wins.
    var places: [VectorID: ObjectIdentifier] = [:]

    mutating func add(_ file: VectorFile) {
      files.append(file)
      for row in 0..<file.rows { if let id = file.id(row) { places[id] = ObjectIdentifier(file) } }
    }

    mutating func remove(_ gone: [VectorFile]) {
      let set = Set(gone.map { ObjectIdentifier($0) })
      files.removeAll { set.contains(ObjectIdentifier($0)) }
      places = places.filter { !set.contains($0.value) }
    }
  }

  private let folder: IndexFolder
  private let state = Mutex<[String: Files]>([:])

  init(_ folder: IndexFolder) { self.folder = folder }

  var identity: String { "the embedded store" }

  func missing(_ ids: Set<VectorID>, in space: VectorSpace) throws(IndexError) -> Set<VectorID> {
    try withFiles(space) { files in ids.filter { files.places[$0] == nil } }
  }

  func upsert(_ vectors: [StoredVector], into space: VectorSpace) throws(IndexError) {
    guard let dimensions = vectors.first?.values.count else { return }
    let rows = vectors.map { VectorFile.Row(id: $0.id, $0.values) }
    try withFiles(space) { files throws(IndexError) in
      if let known = files.files.first, known.dimensions != dimensions {
        throw .embeddings("the model makes vectors of \(dimensions) dimensions, and made \(known.dimensions) before")
      }
      files.add(try write(rows, dimensions, space.tag, after: files))
    }
  }

  func settle(_ space: VectorSpace, keeping: Set<VectorID>) throws(IndexError) -> VectorUpkeep {
    try withFiles(space) { files throws(IndexError) in
      let small = files.files.filter { $0.rows < Self.smallRows }
      if small.count >= Self.filesMax { try rewrite(small, &files, space.tag) { _ in true } }
    }
    return VectorUpkeep()
  }

  func query(
    _ vector: [Float], in space: VectorSpace, limit: Int, isWanted: @escaping @Sendable (VectorID) -> Bool
  ) throws(IndexError) -> [VectorMatch] {
    let files = try withFiles(space) { $0 }
    guard files.files.first.map({ $0.dimensions == vector.count }) ?? true else {
      throw .embeddings("the query has \(vector.count) dimensions, and the index another number")
    }
    let query = VectorFile.Row(id: nil, vector)
    var best = BestCandidates(limit: limit)
    for (number, file) in files.files.enumerated() {
      for (row, score) in file.products(query).enumerated() where best.accepts(score) {
        guard let id = file.id(row), files.places[id] == ObjectIdentifier(file), isWanted(id) else { continue }
        best.add(Searcher.Candidate(part: 0, file: number, slot: row, score: score))
      }
    }
    return best.sorted().compactMap { found in
      files.files[found.file].id(found.slot).map { VectorMatch(id: $0, score: found.score) }
    }
  }

  /// Content is shared between projects; `collect` takes what nobody needs.
  func remove(_ project: ProjectID) {}

  /// Removes the vectors of records that are gone, once they are at least half of a file.
  func collect(isKept: (RecordKey) -> Bool) throws(IndexError) {
    for tag in tags() {
      try withFiles(tag) { files throws(IndexError) in
        for file in files.files {
          let kept = (0..<file.rows).count { file.id($0).map { isKept($0.record) } ?? false }
          if kept * 2 < file.rows { try rewrite([file], &files, tag) { isKept($0.record) } }
        }
      }
    }
  }

  // MARK: Files

  private func withFiles<Value>(
    _ space: VectorSpace, _ body: (inout Files) throws(IndexError) -> Value
  ) throws(IndexError) -> Value {
    try withFiles(space.tag, body)
  }

  private func withFiles<Value>(
    _ tag: String, _ body: (inout Files) throws(IndexError) -> Value
  ) throws(IndexError) -> Value {
    try state.withLock { state throws(IndexError) in
      // Taken out and put back, so that it has one owner while it changes.
      var files: Files
      if let known = state.removeValue(forKey: tag) { files = known } else { files = try load(tag) }
      defer { state[tag] = files }
      return try body(&files)
    }
  }

  /// A damaged file is dropped: what it held is missing, and computed again.
  private func load(_ tag: String) throws(IndexError) -> Files {
    do {
      try FileManager.default.createDirectory(
        atPath: path(tag), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw .storage(file: path(tag), reason: "the folder cannot be made")
    }
    var files = Files()
    for name in names(path(tag)) {
      guard name.hasSuffix(".vec"), let file = try? VectorFile(path: "\(path(tag))/\(name)", name: name, tag: tag)
      else {
        unlink("\(path(tag))/\(name)")
        continue
      }
      files.add(file)
    }
    return files
  }

  /// Names begin with a number that rises, so that the newest file wins after a restart too.
  private func write(
    _ rows: [VectorFile.Row], _ dimensions: Int, _ tag: String, after files: Files
  ) throws(IndexError) -> VectorFile {
    let bytes = VectorFile.encoded(rows, dimensions: dimensions, tag: tag)
    let last = files.files.compactMap { UInt64($0.name.prefix(16), radix: 16) }.max() ?? 0
    let name = Digest.hex(withUnsafeBytes(of: (last &+ 1).bigEndian) { Array($0) }) + ".vec"
    try folder.write(bytes, to: "\(path(tag))/\(name)")
    return try VectorFile(path: "\(path(tag))/\(name)", name: name, tag: tag)
  }

  private func rewrite(
    _ old: [VectorFile], _ files: inout Files, _ tag: String, isKept: (VectorID) -> Bool
  ) throws(IndexError) {
    let rows = old.flatMap { file in
      (0..<file.rows).compactMap { number -> VectorFile.Row? in
        guard let id = file.id(number), files.places[id] == ObjectIdentifier(file), isKept(id) else { return nil }
        return file.row(number)
      }
    }
    let merged = rows.isEmpty ? nil : try write(rows, old[0].dimensions, tag, after: files)
    files.remove(old)
    if let merged { files.add(merged) }
    for file in old { unlink("\(path(tag))/\(file.name)") }
  }

  private func path(_ tag: String) -> String { "\(folder.path)/vectors/\(tag)" }
  private func tags() -> [String] { names("\(folder.path)/vectors").filter { $0.utf8.count == 16 } }

  private func names(_ path: String) -> [String] {
    // A folder that cannot be listed has no files that could be used.
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}
