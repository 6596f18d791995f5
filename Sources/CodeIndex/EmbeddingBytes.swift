/// Vectors as bytes: 32-bit floats, little-endian, one behind another.
enum EmbeddingBytes {
  static func floats(_ bytes: [UInt8]) -> [Float] {
    bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { Float(bitPattern: bytes.load(4 * $0, UInt32.self)) }
    }
  }

  static func bytes(_ vector: [Float]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 * vector.count)
    for value in vector { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
    return bytes
  }

  /// The same direction with length 1; nil when there is none: NaN, infinity, zero.
  static func unit(_ vector: [Float]) -> [Float]? {
    let square = vector.reduce(0.0) { $0 + Double($1) * Double($1) }
    guard square.isFinite, square > 1e-24 else { return nil }
    let factor = Float(1 / square.squareRoot())
    return vector.map { $0 * factor }
  }
}
