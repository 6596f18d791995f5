internal import CZlib

/// Compressed messages (RFC 7692 section 7.2): raw deflate, flushed to a byte boundary, without the last four bytes
/// `00 00 FF FF` that every such flush ends in.
///
/// Nothing is remembered from one message to the next (no context takeover, in both directions), so one of each serves
/// all connections of a loop, and a broadcast is compressed once.
///
/// A bomb of a kilobyte becomes a megabyte. What bounds it is the size of the output alone: inflating stops one byte
/// past the limit and never allocates for more.
enum DeflateError: Error, Equatable, Sendable {
  case memory
  /// Not a deflate stream, or one that ends in the middle.
  case data
  /// More output than allowed.
  case tooLarge
}

/// Compresses whole messages.
struct Deflater: ~Copyable {
  private let stream: OpaquePointer

  /// `level` is zlib's, 1...9; the window is 2^`windowBits` bytes, 9...15.
  init(level: Int = 1, windowBits: Int = 15) throws(DeflateError) {
    guard let stream = sb_deflate_open(Int32(level), Int32(windowBits), 8) else { throw .memory }
    self.stream = stream
  }

  deinit { sb_deflate_close(stream) }

  /// Appends the compressed form of `message` to `output`.
  mutating func deflate(_ message: UnsafeRawBufferPointer, to output: inout [UInt8]) throws(DeflateError) {
    sb_deflate_reset(stream)
    let start = output.count
    var position = 0
    var room = message.count / 2 + 64
    while true {
      let step = CodecStep(stream, message, from: position, room: room, sb_deflate_flush, &output)
      position += step.taken
      if step.status == SB_ZLIB_MORE_INPUT { break }
      guard step.status == SB_ZLIB_MORE_OUTPUT else { throw .data }
      room = 16_384
    }
    guard output.count - start >= 4 else {
      // zlib has nothing to flush for an empty message; RFC 7692 section 7.2.3.6 gives it one byte.
      output.append(0)
      return
    }
    output.removeLast(4)
  }
}

/// Decompresses whole messages.
struct Inflater: ~Copyable {
  private let stream: OpaquePointer

  init() throws(DeflateError) {
    guard let stream = sb_inflate_open(15) else { throw .memory }
    self.stream = stream
  }

  deinit { sb_inflate_close(stream) }

  /// Appends what `message` stands for to `output`, at most `bytesMax` bytes of it. After an error `output` is
  /// as before.
  mutating func inflate(
    _ message: UnsafeRawBufferPointer, bytesMax: Int, to output: inout [UInt8]
  ) throws(DeflateError) {
    sb_inflate_reset(stream)
    let start = output.count
    do throws(DeflateError) {
      // Nothing, or nothing behind a final block: some senders leave out the empty block of section 7.2.3.4.
      guard !message.isEmpty, try !inflate(message, start + bytesMax, &output) else { return }
      let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
      try tail.withUnsafeBufferPointer { bytes throws(DeflateError) in
        _ = try inflate(UnsafeRawBufferPointer(bytes), start + bytesMax, &output)
      }
      // A message that was cut in the middle of a block takes the tail for data.
      guard sb_inflate_is_between_blocks(stream) != 0 else { throw .data }
    } catch {
      output.removeSubrange(start...)
      throw error
    }
  }

  /// Whether the input ended with a final block.
  private mutating func inflate(
    _ input: UnsafeRawBufferPointer, _ countMax: Int, _ output: inout [UInt8]
  ) throws(DeflateError) -> Bool {
    var position = 0
    while true {
      // One byte more than allowed tells too large from just fitting.
      let room = min(countMax + 1 - output.count, max(1_024, (input.count - position) * 4), 65_536)
      let step = CodecStep(stream, input, from: position, room: room, sb_inflate_some, &output)
      position += step.taken
      guard output.count <= countMax else { throw .tooLarge }
      switch step.status {
      case SB_ZLIB_MORE_INPUT: return false
      case SB_ZLIB_MORE_OUTPUT: continue
      case SB_ZLIB_ENDED:
        // A final block may be followed by others (section 7.2.3.4): a new stream begins with what is left.
        sb_inflate_reset(stream)
        if position == input.count { return true }
      case SB_ZLIB_MEMORY: throw .memory
      default: throw .data
      }
    }
  }
}

/// One call of zlib with `room` bytes behind what `output` holds.
private struct CodecStep {
  typealias Function = (
    OpaquePointer?, UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<Int>?, UnsafeMutablePointer<UInt8>?, Int,
    UnsafeMutablePointer<Int>?
  ) -> sb_zlib_status

  var status = SB_ZLIB_MORE_INPUT
  var taken = 0

  init(
    _ stream: OpaquePointer, _ input: UnsafeRawBufferPointer, from position: Int, room: Int, _ function: Function,
    _ output: inout [UInt8]
  ) {
    var written = 0
    let rest = UnsafeRawBufferPointer(rebasing: input[position...]).bindMemory(to: UInt8.self)
    output += [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
      status = function(stream, rest.baseAddress, rest.count, &taken, buffer.baseAddress, room, &written)
      count = written
    }
  }
}
