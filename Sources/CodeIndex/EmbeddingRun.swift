internal import Base
internal import ControlPlane

/// The texts of one run on their way to the server and into the store: a window of files at a time, so that memory has
/// a bound and nothing finished is lost.
struct EmbeddingRun {
  struct File: Sendable {
    var entry: SourceEntry
    /// Of its chunks, counted from 0.
    var lines: [Range<Int>]
    var path: String { entry.path }
  }

  private struct Chunk: Sendable {
    var id: VectorID
    var text: String
    var path: String
  }

  static let filesPerWindow = 256
  /// Rejected texts that say nothing about the server yet.
  private static let rejectedMax = 8

  private let vectors: RemoteVectors
  private let id: ProjectID
  private let folder: ProjectFolder
  private let job: IndexJob
  private(set) var computed = 0
  private(set) var known = 0
  private(set) var failed: [ReindexReport.Failed] = []
  private(set) var chunksFailed = 0
  private var failedPaths: Set<String> = []

  init(_ vectors: RemoteVectors, _ id: ProjectID, _ folder: ProjectFolder, _ job: IndexJob) {
    (self.vectors, self.id, self.folder, self.job) = (vectors, id, folder, job)
  }

  func windows(_ files: [File]) -> [ArraySlice<File>] {
    stride(from: 0, to: files.count, by: Self.filesPerWindow).map {
      files[$0..<min($0 + Self.filesPerWindow, files.count)]
    }
  }

  mutating func embed(_ files: ArraySlice<File>, _ missing: Set<VectorID>) async throws(IndexError) {
    let (folder, handles) = (folder, vectors.records.handles)
    let (chunks, unread) = try await IndexJob.onThread {
      Swift.Result { () throws(IndexError) in try Self.chunks(files, missing, folder, handles) }
    }.get()
    for path in unread { fail(path, SkipReason.unreadable.text) }
    // The same lines are one text, wherever they are.
    var byKey: [String: [Chunk]] = [:]
    for chunk in chunks { byKey[vectors.codec.key(chunk.text), default: []].append(chunk) }
    var found = await cached(Array(byKey.keys))
    let keys = byKey.keys.filter { found[$0] == nil }.sorted()
    known += chunks.count - keys.count
    let texts = keys.map { byKey[$0]?.first?.text ?? "" }
    let results = await Self.untilCancelled(job, texts, vectors.options.embedder)
    if job.isCancelled || Task.isCancelled { throw .cancelled }
    let outcome = take(results, keys, byKey, &found)
    try await keep(found, outcome.new, byKey)
    if let stop = outcome.stop { throw .embeddings(stop) }
  }

  /// Sorts what came back; `stop` says why it makes no sense to go on.
  private mutating func take(
    _ results: [Result<[Float]?, EmbeddingError>], _ keys: [String], _ byKey: [String: [Chunk]],
    _ found: inout [String: [Float]]
  ) -> (new: Set<String>, stop: String?) {
    var new: Set<String> = []
    var stop: String?
    for (key, result) in zip(keys, results) {
      switch result {
      case .success(let vector?):
        found[key] = vector
        new.insert(key)
      case .success(nil): for chunk in byKey[key] ?? [] { fail(chunk.path, "the model has no vector for it") }
      case .failure(let error):
        if case .refused(let reason) = error { stop = reason }
        for chunk in byKey[key] ?? [] { fail(chunk.path, error.reason) }
      }
    }
    computed += new.count
    // Not one of a whole window: the next window would fare no better. A few texts may all be to blame themselves.
    if new.isEmpty, case .failure(let error)? = results.first {
      if case .rejected = error, results.count <= Self.rejectedMax { return (new, stop) }
      stop = stop ?? error.reason
    }
    return (new, stop)
  }

  private func keep(
    _ found: [String: [Float]], _ new: Set<String>, _ byKey: [String: [Chunk]]
  ) async throws(IndexError) {
    if let cache = vectors.options.cache, !new.isEmpty {
      var values: [String: [UInt8]] = [:]
      for key in new { values[key] = found[key].map { vectors.codec.value($0, key: key) } }
      await cache.store(values)
    }
    let stored = found.flatMap { key, vector in
      (byKey[key] ?? []).map { StoredVector(id: $0.id, values: vector) }
    }
    if !stored.isEmpty { try await vectors.store.upsert(stored, into: vectors.space(id)) }
  }

  private func cached(_ keys: [String]) async -> [String: [Float]] {
    guard let cache = vectors.options.cache, vectors.options.embedder.model.isRemote, !keys.isEmpty else { return [:] }
    var found: [String: [Float]] = [:]
    for (key, value) in await cache.values(for: keys) { found[key] = vectors.codec.vector(value, key: key) }
    return found
  }

  private mutating func fail(_ path: String, _ reason: String) {
    chunksFailed += 1
    guard failedPaths.insert(path).inserted, failed.count < ReindexReport.listMax else { return }
    failed.append(.init(path: path, error: reason))
  }

  /// A run is cancelled by a flag, and a request by its task.
  private static func untilCancelled(
    _ job: IndexJob, _ texts: [String], _ embedder: any Embedder
  ) async -> [Result<[Float]?, EmbeddingError>] {
    guard !texts.isEmpty else { return [] }
    return await withTaskGroup(of: [Result<[Float]?, EmbeddingError>]?.self) { group in
      group.addTask { await embedder.embedEach(texts) }
      group.addTask {
        while !job.isCancelled {
          do { try await Task.sleep(for: .milliseconds(50)) } catch { return nil }
        }
        return nil
      }
      var results: [Result<[Float]?, EmbeddingError>] = []
      if case .some(.some(let first)) = await group.next() { results = first }
      group.cancelAll()
      return results
    }
  }

  // MARK: Texts

  /// The texts of the chunks that are missing, and the files that cannot be read any more.
  private static func chunks(
    _ files: ArraySlice<File>, _ missing: Set<VectorID>, _ folder: ProjectFolder, _ handles: GitHandles
  ) throws(IndexError) -> ([Chunk], [String]) {
    let reader = ContentReader(folder, handles)
    let lines = Dictionary(files.map { ($0.entry.recordKey, $0.lines) }) { first, _ in first }
    var chunks: [Chunk] = []
    var unread: [String] = []
    try reader.read(files.map(\.entry)[...]) { entry, bytes, _ throws(IndexError) in
      guard let bytes else {
        unread.append(entry.path)
        return
      }
      let text = FileRules.transcoded(bytes) ?? Array(bytes)
      let starts = lineStarts(text)
      for (row, range) in (lines[entry.recordKey] ?? []).enumerated() {
        let id = VectorID(record: entry.recordKey, row: row)
        guard missing.contains(id), range.lowerBound < starts.count - 1 else { continue }
        let end = starts[min(range.upperBound, starts.count - 1)]
        let body = text[starts[range.lowerBound]..<end].prefix(EmbeddingLimits.textBytesMax)
        chunks.append(Chunk(id: id, text: String(decoding: body, as: UTF8.self), path: entry.path))
      }
    }
    return (chunks, unread)
  }

  /// Where each line begins, and the end of the text.
  private static func lineStarts(_ text: [UInt8]) -> [Int] {
    var starts = [0]
    for (index, byte) in text.enumerated() where byte == UInt8(ascii: "\n") && index + 1 < text.count {
      starts.append(index + 1)
    }
    starts.append(text.count)
    return starts
  }
}
