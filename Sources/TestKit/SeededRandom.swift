internal import Glibc

/// Random numbers that can be had again: xoshiro256** (Blackman and Vigna, "Scrambled Linear Pseudorandom Number
/// Generators"), its state filled by SplitMix64. The seed comes from `SIGNALBOX_SEED`, else from the system.
///
/// Put `"\(random)"` into the comment of an expectation: it says how to replay the failure.
public struct SeededRandom: RandomNumberGenerator, Sendable, CustomStringConvertible {
  public let seed: UInt64
  private var state: (UInt64, UInt64, UInt64, UInt64)

  public init(seed: UInt64) {
    self.seed = seed
    var mixer = seed
    state = (Self.mix(&mixer), Self.mix(&mixer), Self.mix(&mixer), Self.mix(&mixer))
  }

  public init() { self.init(seed: Self.environmentSeed() ?? UInt64.random(in: 1...UInt64.max)) }

  /// Runs `body`, and prints the seed when it throws.
  public static func run<Result>(_ body: (inout SeededRandom) throws -> Result) rethrows -> Result {
    var random = SeededRandom()
    do {
      return try body(&random)
    } catch {
      print("replay with \(random)")
      throw error
    }
  }

  public var description: String { "SIGNALBOX_SEED=\(seed)" }

  public mutating func next() -> UInt64 {
    let result = Self.rotated(state.1 &* 5, 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = Self.rotated(state.3, 45)
    return result
  }

  /// Bytes of any value, for fuzzing.
  public mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
  }

  private static func environmentSeed() -> UInt64? {
    guard let text = getenv("SIGNALBOX_SEED") else { return nil }
    return UInt64(String(cString: text))
  }

  private static func mix(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  private static func rotated(_ value: UInt64, _ by: UInt64) -> UInt64 { value << by | value >> (64 - by) }
}
