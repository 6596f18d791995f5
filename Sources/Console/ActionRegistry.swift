internal import Base

/// All actions, those of the frame and those of every pane, and which key means which where. Footer, help, palette,
/// mouse and keys all ask one of these; an operator's own keys make another.
struct ActionRegistry: Sendable {
  static let all: [Action] =
    FrameActions.moving + FrameActions.looking + ListActions.all + GatewayPane.actions + IndexPane.actions
    + SandboxPane.actions + CachePane.actions + BenchPane.actions + LogPane.actions + FrameActions.node
    + FrameActions.leaving

  /// With the keys that everybody has.
  static let standard = ActionRegistry(all)

  let actions: [Action]
  /// Keys by pane; a key of the pane itself wins over one that works everywhere.
  private let bindings: [PaneID: [KeyChord: Action]]

  init(_ actions: [Action]) {
    self.actions = actions
    var bindings: [PaneID: [KeyChord: Action]] = [:]
    for pane in PaneID.allCases {
      for action in actions where action.scope == .everywhere {
        for key in action.keys { bindings[pane, default: [:]][key] = action }
      }
      for action in actions where action.scope != .everywhere && action.scope.contains(pane) {
        for key in action.keys { bindings[pane, default: [:]][key] = action }
      }
    }
    self.bindings = bindings
  }

  func action(for chord: KeyChord, in pane: PaneID) -> Action? { bindings[pane]?[chord] }

  func action(_ id: String) -> Action? { actions.first { $0.id == id } }

  // MARK: - An operator's own keys

  /// An action's keys as a file names them.
  struct Override: Sendable, Equatable {
    /// An action's id, its command word, or the last part of its id.
    var name: String
    var keys: [KeyChord]
    /// `FILE:LINE`.
    var place: String
    /// Which one of the file it is.
    var order: Int
  }

  /// Keys that mean the same in every console there is: they stay with their actions, which may get others besides.
  static let fixedKeys: Set<KeyChord> = Set(
    "12345/:?rixbskKtDq".map { KeyChord.character($0) }
      + [KeyChord(.tab), KeyChord(.enter), KeyChord(.escape), .control("c")])

  /// The same with other keys, and one line about each override that cannot be: it is left out, and what it is about
  /// keeps its keys.
  func rebound(_ overrides: [Override]) -> (registry: ActionRegistry, complaints: [Failure]) {
    var complaints: [Failure] = []
    var accepted: [String: Override] = [:]
    for override in overrides {
      do throws(Failure) {
        let action = try named(override)
        if let first = accepted[action.id] {
          throw Failure(.conflict, "\(override.place): keys: \(action.id) has its keys from \(first.place)")
        }
        accepted[action.id] = override
      } catch {
        complaints.append(error)
      }
    }
    var changed = apply(accepted)
    while let (id, complaint) = Self.conflict(in: changed, accepted), accepted.removeValue(forKey: id) != nil {
      complaints.append(complaint)
      changed = apply(accepted)
    }
    return (ActionRegistry(changed), complaints)
  }

  private func named(_ override: Override) throws(Failure) -> Action {
    let name = override.name
    let action =
      action(name) ?? actions.first { $0.verb == name }
      ?? actions.first { $0.id.split(separator: ".").last.map(String.init) == name }
    guard let action else {
      throw Failure(
        .invalid, "\(override.place): keys: no action is called '\(DisplayText(name).truncated(to: 40))'",
        hint: "such as index.reindex or reindex; ? lists them")
    }
    guard action.id != "interrupt" else {
      throw Failure(.invalid, "\(override.place): keys: C-c always closes what is open, and leaves")
    }
    return action
  }

  private func apply(_ overrides: [String: Override]) -> [Action] {
    actions.map { action in
      guard let override = overrides[action.id] else { return action }
      var changed = action
      let kept = action.keys.filter { Self.fixedKeys.contains($0) }
      changed.keys = override.keys.filter { !kept.contains($0) } + kept
      return changed
    }
  }

  /// The first two actions that one key would mean in one pane, and which override is to go.
  private static func conflict(in actions: [Action], _ overrides: [String: Override]) -> (String, Failure)? {
    for pane in PaneID.allCases {
      var owners: [KeyChord: Action] = [:]
      for action in actions where action.scope.contains(pane) {
        for key in action.keys {
          guard let other = owners[key] else {
            owners[key] = action
            continue
          }
          // Of two that the file names, the later one.
          let named = [action, other].filter { overrides[$0.id] != nil && !isFixed(key, $0.id) }
          let guilty = named.max { overrides[$0.id]?.order ?? 0 < overrides[$1.id]?.order ?? 0 } ?? action
          let place = overrides[guilty.id]?.place ?? ""
          return (
            guilty.id, Failure(.conflict, "\(place): keys: \(key.label) is a key of \(other.id) and of \(action.id)")
          )
        }
      }
    }
    return nil
  }

  private static func isFixed(_ key: KeyChord, _ id: String) -> Bool {
    fixedKeys.contains(key) && standard.action(id)?.keys.contains(key) == true
  }
}
