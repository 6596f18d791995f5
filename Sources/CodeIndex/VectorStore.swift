public import Base

/// The address of one vector: a chunk of a record. Like the record it knows no path and no project, so renames,
/// branches and copies have their vectors already. The model is part of the `VectorSpace`.
public struct VectorID: Hashable, Sendable, CustomStringConvertible {
  let record: RecordKey
  /// Of the record's chunks, from 0.
  let row: Int

  init(record: RecordKey, row: Int) {
    self.record = record
    self.row = row
  }

  /// As it is written where names must be text; at most 76 bytes of ASCII.
  public var description: String { "\(record.id)\(record.isTyped ? "t" : "u")\(row)" }

  init?(_ text: some StringProtocol) {
    guard let mark = text.firstIndex(where: { $0 == "t" || $0 == "u" }), let id = ObjectID(hex: text[..<mark]),
      let row = Int(text[text.index(after: mark)...]), (0..<1_000_000).contains(row)
    else { return nil }
    self.init(record: RecordKey(id: id, isTyped: text[mark] == "t"), row: row)
  }
}

/// Whose vectors, and of which model: those of two models never meet.
public struct VectorSpace: Sendable, Hashable {
  public var project: ProjectID
  /// `EmbeddingModel.identity`.
  public var model: String

  /// Sixteen hexadecimal digits for the model and the version of the chunks.
  var tag: String {
    Digest.hex(withUnsafeBytes(of: Checksum64.hash("\(model) \(Chunker.version)").bigEndian) { Array($0) })
  }
}

public struct StoredVector: Sendable {
  public var id: VectorID
  /// Of length 1.
  public var values: [Float]
}

public struct VectorMatch: Sendable, Equatable {
  public var id: VectorID
  /// The cosine of the angle between the two.
  public var score: Float
}

/// What `settle` had to do.
public struct VectorUpkeep: Sendable, Equatable {
  /// Vectors that were written and were not there, and were written again.
  public var repaired = 0
  /// What an operator should know; nil when all is well.
  public var note: String?
}

/// Where the vectors of models other than the built-in one are. (The built-in model's are in the segments, next to the
/// postings, where a scan of a commit ago is a scan of now; that path has no seam.)
public protocol VectorStore: Sendable {
  /// One line that says which store it is; another one has to be filled anew.
  var identity: String { get }
  /// Which of these are not there yet.
  func missing(_ ids: Set<VectorID>, in space: VectorSpace) async throws(IndexError) -> Set<VectorID>
  /// Writes vectors; they are found by queries from now on.
  func upsert(_ vectors: [StoredVector], into space: VectorSpace) async throws(IndexError)
  /// After a run: what is not kept may go, and what was lost is written again.
  func settle(_ space: VectorSpace, keeping: Set<VectorID>) async throws(IndexError) -> VectorUpkeep
  /// The nearest, best first. Only those `isWanted` says yes to; a store that cannot ask while it scans may return
  /// fewer than there are.
  func query(
    _ vector: [Float], in space: VectorSpace, limit: Int, isWanted: @escaping @Sendable (VectorID) -> Bool
  ) async throws(IndexError) -> [VectorMatch]
  /// Everything of a project goes.
  func remove(_ project: ProjectID) async throws(IndexError)
}
