internal import CModel

/// A vector as it is stored and compared: 256 integers of 8 bits and one scale. The inner product of two is an exact
/// integer times their scales, so equal input gives equal scores on every machine.
struct QuantisedVector: Sendable, Equatable {
  static let dimensions = Int(SB_DIMENSIONS)

  var components: [Int8]
  /// What one step of a component is worth; 0 for the zero vector.
  var scale: Float

  /// Rounds to nearest, ties to even; the largest component becomes ±127.
  init(_ vector: [Float]) {
    var scale: Float = 0
    components = [Int8](unsafeUninitializedCapacity: Self.dimensions) { buffer, initialized in
      scale = vector.withUnsafeBufferPointer { sb_quantise($0.baseAddress, buffer.baseAddress) }
      initialized = Self.dimensions
    }
    self.scale = scale
  }

  var isZero: Bool { scale == 0 }

  /// Exact integer products with `count` rows of 256 components that lie one behind another.
  func products(with rows: UnsafePointer<Int8>, count: Int, into results: UnsafeMutablePointer<Int32>) {
    components.withUnsafeBufferPointer { sb_dots($0.baseAddress, rows, count, results) }
  }

  func product(with rows: UnsafePointer<Int8>) -> Int32 {
    var result: Int32 = 0
    products(with: rows, count: 1, into: &result)
    return result
  }

  static func zeros() -> [Float] { [Float](repeating: 0, count: dimensions) }

  /// sum += weight * part
  static func add(_ part: [Float], weight: Float, to sum: inout [Float]) {
    part.withUnsafeBufferPointer { part in
      sum.withUnsafeMutableBufferPointer { sb_add($0.baseAddress, part.baseAddress, weight) }
    }
  }
}
