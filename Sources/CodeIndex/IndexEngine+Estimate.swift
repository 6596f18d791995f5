public import Base
internal import Synchronization

/// What a run would have to compute.
public struct IndexCost: Sendable, Equatable {
  public var files: Int
  public var chunks: Int
  /// As models of the day count them, about four bytes each.
  public var tokens: Int
}

extension IndexEngine {
  private static let bytesPerToken = 4

  /// Reads what a run would read, and computes nothing. About a second for 10,000 new files; call it on a thread that
  /// may wait.
  public func estimate(_ id: ProjectID, full: Bool) throws(IndexError) -> IndexCost {
    guard let slot = projects.withLock({ $0[id] }) else { throw .unknownProject(id.rawValue) }
    let run = IndexRun(
      id: id, slot: slot, job: IndexJob(report: nil), store: store, workers: 1, isFull: full,
      readsWorkTree: options.readsWorkTree)
    let (folder, entries) = try run.missingSources()
    var cost = IndexCost(files: 0, chunks: 0, tokens: 0)
    try ContentReader(folder, store.handles).read(entries[...]) { _, bytes, _ in
      guard let bytes, !bytes.isEmpty else { return }
      let lines = bytes.count { $0 == UInt8(ascii: "\n") } + 1
      let more = max(0, lines - Chunker.linesPerChunk)
      cost.files += 1
      cost.chunks += 1 + (more + Chunker.step - 1) / Chunker.step
      // Neighbours share lines, which are embedded twice.
      cost.tokens += bytes.count * Chunker.linesPerChunk / Chunker.step / Self.bytesPerToken
    }
    return cost
  }
}
