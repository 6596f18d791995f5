/// The places of the frame that can have the focus, in the order of `Tab`.
enum PaneID: Int, Sendable, CaseIterable, Comparable {
  case sockets = 1
  case index, sandbox, cache, bench, log

  /// The word after the number in the border.
  var name: String {
    switch self {
    case .sockets: "Sockets"
    case .index: "Index"
    case .sandbox: "Sandbox"
    case .cache: "Cache"
    case .bench: "Bench"
    case .log: "Log"
    }
  }

  /// `1 Sockets`; the log has no number in its border because two keys lead to it.
  var heading: String { self == .log ? name : "\(rawValue) \(name)" }

  /// The engine whose figures the pane shows; nil when every node has them.
  var engine: String? {
    switch self {
    case .sockets: "gateway"
    case .index: "index"
    case .sandbox: "sandbox"
    case .cache: "cache"
    case .bench, .log: nil
    }
  }

  static func < (left: PaneID, right: PaneID) -> Bool { left.rawValue < right.rawValue }
}
