internal import Base
internal import ControlPlane
internal import Synchronization

/// How far a reindex is, on stderr: a bar that is drawn over itself on a terminal, now and then a line anywhere else.
final class ProgressDisplay: Sendable {
  private static let barWidth = 24
  private static let fileWidth = 40
  private static let lineInterval = Duration.seconds(2)

  private struct State {
    var isDrawn = false
    var saidAt: ContinuousClock.Instant?
  }

  private let isQuiet: Bool
  private let isTerminal: Bool
  private let state = Mutex(State())

  init(isQuiet: Bool, isTerminal: Bool = StandardError.isTerminal) {
    self.isQuiet = isQuiet
    self.isTerminal = isTerminal
  }

  func show(_ progress: ReindexProgress) {
    guard !isQuiet else { return }
    let isDue = state.withLock { state in
      if isTerminal {
        state.isDrawn = true
        return true
      }
      let now = ContinuousClock.now
      if let saidAt = state.saidAt, now - saidAt < Self.lineInterval { return false }
      state.saidAt = now
      return true
    }
    guard isDue else { return }
    if isTerminal {
      StandardError.write("\r\(Self.bar(progress))\u{1B}[K")
    } else {
      StandardError.say(Self.line(progress))
    }
  }

  /// Takes the bar away.
  func end() {
    let isDrawn = state.withLock { state in
      defer { state.isDrawn = false }
      return state.isDrawn
    }
    if isDrawn { StandardError.write("\r\u{1B}[K") }
  }

  static func line(_ progress: ReindexProgress) -> String {
    "\(progress.project): \(figures(progress))"
  }

  static func bar(_ progress: ReindexProgress) -> String {
    let share = progress.filesTotal == 0 ? 1 : Double(progress.filesDone) / Double(progress.filesTotal)
    let filled = Int((min(max(share, 0), 1) * Double(barWidth)).rounded(.down))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: barWidth - filled)
    let file = DisplayText(progress.currentFile).truncated(to: fileWidth)
    return "[\(bar)] \(figures(progress))  \(file)"
  }

  private static func figures(_ progress: ReindexProgress) -> String {
    var text =
      "\(progress.filesDone)/\(progress.filesTotal) files, \(Quantity.fixed(progress.filesPerSecond, digits: 0))/s"
    if let eta = progress.etaSeconds, eta.isFinite, (0..<1e9).contains(eta) {
      text += ", \(Quantity.describe(milliseconds: Int64(eta.rounded(.up)) * 1_000)) left"
    }
    if progress.filesFailed > 0 { text += ", \(progress.filesFailed) failed" }
    return text
  }
}
