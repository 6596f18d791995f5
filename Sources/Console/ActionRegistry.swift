/// All actions, those of the frame and those of every pane, and which key means which where.
enum ActionRegistry {
  static let all: [Action] =
    FrameActions.moving + FrameActions.looking + GatewayPane.actions + IndexPane.actions + SandboxPane.actions
    + CachePane.actions + BenchPane.actions + LogPane.actions + FrameActions.node + FrameActions.leaving

  /// Keys by pane; a key of the pane itself wins over one that works everywhere.
  private static let bindings: [PaneID: [KeyChord: Action]] = {
    var bindings: [PaneID: [KeyChord: Action]] = [:]
    for pane in PaneID.allCases {
      for action in all where action.scope == .everywhere {
        for key in action.keys { bindings[pane, default: [:]][key] = action }
      }
      for action in all where action.scope != .everywhere && action.scope.contains(pane) {
        for key in action.keys { bindings[pane, default: [:]][key] = action }
      }
    }
    return bindings
  }()

  static func action(for chord: KeyChord, in pane: PaneID) -> Action? { bindings[pane]?[chord] }

  static func action(_ id: String) -> Action? { all.first { $0.id == id } }
}
