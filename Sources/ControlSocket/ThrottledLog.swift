internal import Logging
internal import Synchronization

/// Log lines that a stranger can cause: at most `linesMax` in each second, and the next one says how many were left
/// out.
final class ThrottledLog: Sendable {
  private struct State {
    var windowBegan: ContinuousClock.Instant?
    var lines = 0
    var suppressed = 0
  }

  private static let linesMax = 5
  private let logger: Logger
  private let state = Mutex(State())

  init(_ logger: Logger) { self.logger = logger }

  func warning(_ message: String, _ metadata: [String: String] = [:], now: ContinuousClock.Instant = .now) {
    let suppressed: Int? = state.withLock { state in
      if let began = state.windowBegan, now - began < .seconds(1) {
        state.lines += 1
      } else {
        state.windowBegan = now
        state.lines = 1
      }
      guard state.lines <= Self.linesMax else {
        state.suppressed += 1
        return nil
      }
      defer { state.suppressed = 0 }
      return state.suppressed
    }
    guard let suppressed else { return }
    var fields = Logger.Metadata(uniqueKeysWithValues: metadata.map { ($0.key, "\($0.value)") })
    if suppressed > 0 { fields["suppressed"] = "\(suppressed)" }
    logger.warning("\(message)", metadata: fields)
  }
}
