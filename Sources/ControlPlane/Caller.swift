public import Base

/// Who asks, from where, and what the credential allows.
public struct Caller: Sendable, Codable, Equatable {
  /// By which face the caller came in.
  public enum Origin: String, Sendable, Codable, CaseIterable {
    case console, commandLine, http, mcp, gateway, node
  }

  /// A label for logs and the audit: the token's `sub`, the operator's name, or `local`. Never a credential.
  public var actor: String
  public var origin: Origin
  public var grants: Grants

  public init(actor: String, origin: Origin, grants: Grants) {
    self.actor = actor
    self.origin = origin
    self.grants = grants
  }

  /// The node itself: timers, signals, the pipeline.
  public static let node = Caller(actor: "node", origin: .node, grants: .operator)
}

/// What a credential allows (CONTRACT, Access). `nil` in a list means "no narrowing beyond the role".
public struct Grants: Sendable, Codable, Equatable {
  /// Each role may all that the one before it may.
  public enum Role: String, Sendable, Codable, Comparable, CaseIterable {
    /// Subscribe, search, read status.
    case viewer
    /// Also publish, run, cache.
    case agent
    /// Everything.
    case `operator`

    public static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }

    private var rank: Int {
      switch self {
      case .viewer: 0
      case .agent: 1
      case .operator: 2
      }
    }
  }

  public var role: Role
  public var rooms: [Glob]?
  public var publish: [Glob]?
  public var projects: [Glob]?
  public var namespaces: [Glob]?

  public init(
    role: Role, rooms: [Glob]? = nil, publish: [Glob]? = nil, projects: [Glob]? = nil, namespaces: [Glob]? = nil
  ) {
    self.role = role
    self.rooms = rooms
    self.publish = publish
    self.projects = projects
    self.namespaces = namespaces
  }

  /// Everything: the shared token, and this machine's same user.
  public static let `operator` = Grants(role: .operator)
  /// Reading only: `signalbox attach --read-only`.
  public static let viewer = Grants(role: .viewer)

  public func allows(project: ProjectID) -> Bool { Self.allows(project.rawValue, in: projects) }
  public func allows(namespace: String) -> Bool { Self.allows(namespace, in: namespaces) }
  public func allows(joining room: String) -> Bool { Self.allows(room, in: rooms) }
  public func allows(publishingTo room: String) -> Bool { Self.allows(room, in: publish) }

  private static func allows(_ name: String, in globs: [Glob]?) -> Bool {
    guard let globs else { return true }
    return globs.contains { $0.matches(name) }
  }
}
