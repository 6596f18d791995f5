public import Base

/// The one door. Console, attached console, command line, HTTP and MCP are faces of this vocabulary, and a feature that
/// has no `Command` or `Query` does not exist. `LocalControlPlane` conforms in the node's own process and
/// `ControlClient` over the Unix socket; a face cannot tell them apart.
///
/// A plane belongs to one caller: whoever hands it out (`Doorkeeper`) has bound the credential to it, so that every
/// command and query passes the same policy, and every command the audit.
public protocol ControlPlane: Sendable {
  /// The latest state, immutable; it never waits for an engine. Over a socket it throws when the link is down.
  func snapshot() async throws(Failure) -> Snapshot

  /// Everything that happens from now on. Bounded: the newest values are kept, and a `.dropped` event says how many
  /// were lost. The stream ends with the plane.
  func events() -> AsyncStream<Event>

  /// Answers a question that changes nothing.
  func ask(_ query: Query) async throws(Failure) -> Answer

  /// Does something, and returns when it is done: live lines are events and may drop, the outcome never does.
  func perform(_ command: Command) async throws(Failure) -> Outcome
}

/// Hands out planes, each bound to the credential of one caller.
public protocol Doorkeeper: Sendable {
  func door(for caller: Caller) -> any ControlPlane
}
