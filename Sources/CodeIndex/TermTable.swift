internal import CModel
internal import Synchronization

/// The words that one worker has met, each with a dense number (a "term") and the model's tokens for it. A word is
/// looked up in the vocabulary once; after that its 64-bit hash is enough.
struct TermTable: ~Copyable {
  private let handle: OpaquePointer

  /// Fails when there is no memory, or the model in this binary is not what FORMAT.md describes.
  init() throws(IndexError) {
    guard let handle = sb_terms_new() else { throw .modelUnusable }
    self.handle = handle
  }

  /// Takes over what `release` gave away.
  init(adopting address: UInt) {
    let pointer = OpaquePointer(bitPattern: address)
    precondition(pointer != nil, "a table has an address")
    handle = pointer.unsafelyUnwrapped
  }

  /// Gives the table away; it has to be adopted by exactly one.
  consuming func release() -> UInt {
    let address = UInt(bitPattern: handle)
    discard self
    return address
  }

  deinit { sb_terms_free(handle) }

  var count: Int { Int(sb_terms_count(handle)) }

  func forgetAll() { sb_terms_reset(handle) }

  /// The 64-bit hash of every term, by number. Words of two texts are the same when their hashes are.
  func withHashes<Result>(_ body: (UnsafeBufferPointer<UInt64>) -> Result) -> Result {
    body(UnsafeBufferPointer(start: sb_terms_hashes(handle), count: count))
  }

  func tokens(of term: UInt32) -> [UInt32] {
    var tokens: UnsafePointer<UInt32>?
    let count = sb_term_tokens(handle, term, &tokens)
    return Array(UnsafeBufferPointer(start: tokens, count: Int(count)))
  }

  /// The words of a text in order.
  func split(_ text: UnsafeBufferPointer<UInt8>) throws(IndexError) -> [UInt32] {
    var found: Int64 = 0
    let words = [UInt32](unsafeUninitializedCapacity: text.count + 1) { buffer, initialized in
      found = sb_split(handle, text.baseAddress, text.count, buffer.baseAddress)
      initialized = max(0, Int(found))
    }
    guard found >= 0 else { throw .outOfMemory }
    return words
  }

  func split(_ text: String) throws(IndexError) -> [UInt32] {
    let bytes = Array(text.utf8)
    return try bytes.withUnsafeBufferPointer { bytes throws(IndexError) in try split(bytes) }
  }

  /// Splits a text into lines and their words, into a buffer that the worker keeps.
  func split(_ text: UnsafeBufferPointer<UInt8>, into lines: inout LineWords) throws(IndexError) {
    lines.reserve(bytes: text.count)
    let count = lines.words.withUnsafeMutableBufferPointer { words in
      lines.lineWords.withUnsafeMutableBufferPointer { lineWords in
        lines.lineBytes.withUnsafeMutableBufferPointer { lineBytes in
          sb_split_lines(
            handle, text.baseAddress, text.count, words.baseAddress, lineWords.baseAddress, lineBytes.baseAddress,
            lineBytes.count - 1)
        }
      }
    }
    guard count >= 0 else { throw .outOfMemory }
    lines.count = Int(count)
  }

  /// Writes the unit vector of these words; false, and zeros, when they have no token.
  func embed(_ words: UnsafeBufferPointer<UInt32>, into vector: inout [Float]) -> Bool {
    vector.withUnsafeMutableBufferPointer { sb_embed(handle, words.baseAddress, words.count, $0.baseAddress) > 0 }
  }

  /// Distinct terms and how often each occurs; both buffers have room for every word.
  func frequencies(
    _ words: UnsafeBufferPointer<UInt32>, terms: inout [UInt32], counts: inout [UInt32]
  ) -> Int {
    terms.withUnsafeMutableBufferPointer { terms in
      counts.withUnsafeMutableBufferPointer { counts in
        sb_frequencies(handle, words.baseAddress, words.count, terms.baseAddress, counts.baseAddress)
      }
    }
  }
}

/// The lines of one text and the words on each. Line i has the words `lineWords[i]..<lineWords[i + 1]` and begins at
/// byte `lineBytes[i]`.
struct LineWords {
  var words: [UInt32] = []
  var lineWords: [UInt32] = []
  var lineBytes: [UInt32] = []
  /// Lines of the text; what follows the last line feed is one only if it is not empty.
  var count = 0

  /// Every byte may be a word, and every byte a line.
  fileprivate mutating func reserve(bytes: Int) {
    guard words.count < bytes + 1 || words.isEmpty else { return }
    let room = max(4_096, bytes + bytes / 2 + 2)
    words = [UInt32](repeating: 0, count: room)
    lineWords = [UInt32](repeating: 0, count: room)
    lineBytes = [UInt32](repeating: 0, count: room)
  }
}

/// Word tables that no query uses at the moment: making one costs as much as a search in a small project.
final class TermTables: Sendable {
  private static let idleMax = 8
  /// Words that are remembered from query to query before a table starts anew (about 40 bytes each).
  private static let termsMax = 200_000

  /// Addresses, because only numbers may be shared freely: each is owned by this list alone.
  private let idle = Mutex<[UInt]>([])

  deinit {
    for address in idle.withLock({ $0 }) { _ = TermTable(adopting: address) }
  }

  func with<Value>(_ body: (borrowing TermTable) throws(IndexError) -> Value) throws(IndexError) -> Value {
    let known = idle.withLock { $0.popLast() }
    let table = if let known { TermTable(adopting: known) } else { try TermTable() }
    if table.count > Self.termsMax { table.forgetAll() }
    let result: Result<Value, IndexError> = Result { () throws(IndexError) in try body(table) }
    let address = table.release()
    let isKept = idle.withLock { idle in
      guard idle.count < Self.idleMax else { return false }
      idle.append(address)
      return true
    }
    if !isKept { _ = TermTable(adopting: address) }
    return try result.get()
  }
}
