internal import CModel
internal import Synchronization

/// The embedding model inside this binary: a table of word vectors, no network, the same answer everywhere.
///
/// A text's vector is the sum of its words' rows, each weighted by the root of its count, scaled to length 1. Words are
/// cut at case changes, digits and punctuation; a word the table does not know is put together from its pieces. The
/// exact rules, and what the table was made from, are in `Sources/CModel/model/FORMAT.md`.
public final class BuiltInEmbedder: Sendable {
  /// Changes with the table: records made with another one are not used.
  public static let model = "signalbox-embed-1"
  public static let dimensions = QuantisedVector.dimensions

  /// What the model is, what it was made from, and under which terms.
  public static var notice: String {
    var count = 0
    let bytes = sb_model_notice(&count)
    return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  /// Words that are remembered between texts before the table starts anew (about 40 bytes each).
  private static let termsMax = 200_000

  private let table: Mutex<TermTable>

  /// Throws when there is no memory for the look-up tables.
  public init() throws(IndexError) { table = Mutex(try TermTable()) }

  /// The unit-length vector, or nil when the text has no word the model can use.
  public func embed(_ text: String) throws(IndexError) -> [Float]? {
    try embedCounting(text).vector
  }

  /// The vector and the number of tokens it was made from.
  public func embedCounting(_ text: String) throws(IndexError) -> (vector: [Float]?, tokens: Int) {
    let result = table.withLock { table in
      Result { () throws(IndexError) -> (vector: [Float]?, tokens: Int) in
        if table.count > Self.termsMax { table.forgetAll() }
        let words = try table.split(text)
        var vector = QuantisedVector.zeros()
        let hasToken = words.withUnsafeBufferPointer { table.embed($0, into: &vector) }
        return (hasToken ? vector : nil, words.reduce(0) { $0 + table.tokens(of: $1).count })
      }
    }
    return try result.get()
  }
}
