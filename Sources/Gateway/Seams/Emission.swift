/// One event on its way to the members of some rooms, before it has its place in the node's order.
public struct Emission: Sendable, Equatable {
  /// What sets events apart that the throttle may merge (CONTRACT, Gateway); everything else is `plain`.
  public enum Kind: Sendable, Hashable {
    case plain
    /// Excess thoughts of one agent become one event whose data is an array.
    case agentThought(agent: String)
    /// Excess updates of one task keep the newest.
    case taskUpdate(task: String)
  }

  public var namespace: String
  /// Receivers are the members of any of these; empty: everybody in the namespace.
  public var rooms: [String]
  /// Members of any of these are left out. A socket's own room is its id, so a sender leaves itself out by its id.
  public var except: [String]
  /// May be dropped for a receiver that is behind, and is not kept for recovery.
  public var isVolatile: Bool
  /// Only for the clients of this node.
  public var isLocal: Bool
  public var event: String
  /// The Socket.IO arguments as JSON text with the event's name first: `["task-update",{…}]`.
  public var arguments: [UInt8]
  /// What the placeholders in `arguments` stand for.
  public var attachments: [[UInt8]]
  public var kind: Kind
  /// 0…9, 9 first; only the throttle looks at it.
  public var priority: UInt8

  public init(
    namespace: String = "/", rooms: [String], except: [String] = [], event: String, arguments: [UInt8],
    attachments: [[UInt8]] = [], isVolatile: Bool = false, isLocal: Bool = false, kind: Kind = .plain,
    priority: UInt8 = 5
  ) {
    self.namespace = namespace
    self.rooms = rooms
    self.except = except
    self.event = event
    self.arguments = arguments
    self.attachments = attachments
    self.isVolatile = isVolatile
    self.isLocal = isLocal
    self.kind = kind
    self.priority = priority
  }
}

/// What became of an emission on this node. Delivery itself happens later, on the loops.
public struct EmissionReceipt: Sendable, Equatable {
  public enum Outcome: Sendable, Equatable {
    /// It has its place in the node's order.
    case sent(sequence: UInt64)
    /// The throttle holds it and will send it merged.
    case held
    /// The throttle or the mailboxes were full.
    case dropped
  }

  public var outcome: Outcome
  /// Members of its rooms on this node when it was sent: an upper bound, a member of two rooms counts twice.
  public var localMembers: Int

  public init(outcome: Outcome, localMembers: Int) {
    self.outcome = outcome
    self.localMembers = localMembers
  }
}
