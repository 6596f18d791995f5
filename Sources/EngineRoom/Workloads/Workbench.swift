internal import Base
internal import Bench
internal import Glibc
internal import Synchronization

/// What the workloads of one run share: the program, the folder they may fill, and how long they may take.
final class Workbench: Sendable {
  let executable: String
  /// Removed after the run.
  let folder: String
  /// As short as possible: whether it works counts, and not the figures.
  let isQuick: Bool
  private let nodes = Mutex(0)

  init(executable: String, folder: String, isQuick: Bool) {
    self.executable = executable
    self.folder = folder
    self.isQuick = isQuick
  }

  var plan: BenchPlan {
    guard isQuick else { return BenchPlan() }
    var plan = BenchPlan(warmUpSamples: 1, rounds: 1, roundDuration: .milliseconds(50), roundSamples: 2)
    plan.isJudged = false
    return plan
  }

  /// For workloads whose sample takes seconds.
  func longPlan(samples: Int) -> BenchPlan {
    BenchPlan(warmUpSamples: 0, rounds: isQuick ? 1 : samples, roundDuration: .zero, roundSamples: 1)
  }

  /// How long a fresh node is left alone before it counts as idle.
  var settling: Duration { isQuick ? .zero : .seconds(2) }

  func startNode(_ settings: [String: String] = [:]) async throws(Failure) -> BenchNode {
    let number = nodes.withLock { number in
      number += 1
      return number
    }
    let path = "\(folder)/n\(number)"
    guard mkdir(path, 0o700) == 0 else {
      throw Failure(.unavailable, "cannot make \(path): \(String(cString: strerror(errno)))")
    }
    return try await BenchNode.start(executable: executable, folder: path, settings: settings)
  }

  func sleep(_ duration: Duration) async throws(Failure) {
    do { try await Task.sleep(for: duration) } catch { throw Failure(.unavailable, "the bench was cancelled") }
  }
}
