internal import DequeModule
internal import SocketProtocol

/// The broadcasts of the last minutes in this node's order: a ring bounded by age, bytes and number.
///
/// The offset a client is given is a vector, the last number of every origin (`OffsetVector`). What it missed is
/// every broadcast to its rooms whose number is above the vector's for its origin. That can be answered only if the
/// ring still holds, or has never needed to hold, everything above: `floors` keeps per origin the number up to
/// which broadcasts are gone or were never seen here, and an offset below a floor is not recoverable on this node
/// alone.
///
///     node A: a1 b1 a2 b2     client on A saw up to a2, b1  → "a.2~b.1"
///     node B: b1 b2 a1 a2     misses on B: b2 (before a2 there, and still missed)
struct BroadcastLog: BroadcastHistory {
  struct Limits: Sendable {
    var broadcasts = 100_000
    var bytes = 64 << 20
    var ageNanoseconds: UInt64 = 900_000_000_000

    init() {}
  }

  /// How many of the newest keep their encoded forms.
  static let encodedMax = 64

  let limits: Limits
  private(set) var bytes = 0
  private var ring: Deque<Broadcast> = []
  private var vector = OffsetVector()
  private var encodedVector: [UInt8] = []
  private var floors: [String: UInt64] = [:]

  init(_ limits: Limits = .init()) { self.limits = limits }

  var count: Int { ring.count }
  var currentOffset: [UInt8] { encodedVector }

  /// Empty for an origin whose name no offset can carry: what it sends cannot be recovered.
  mutating func stamp(origin: BroadcastOrigin) -> [UInt8] {
    guard OffsetVector.isOrigin(origin.id) else { return [] }
    advance(origin: origin.id, to: origin.sequence)
    return encodedVector
  }

  mutating func advance(origin: String, to sequence: UInt64) {
    vector.advance(origin, to: sequence)
    encodedVector = vector.encoded
  }

  /// What this origin sent up to `sequence` is not to be had here: it was before this node came, or is lost.
  mutating func cut(origin: String, through sequence: UInt64) {
    floors[origin] = max(floors[origin] ?? 0, sequence)
    advance(origin: origin, to: sequence)
    forgetFloors()
  }

  mutating func append(_ broadcast: Broadcast) {
    guard !broadcast.offset.isEmpty else { return }
    ring.append(broadcast)
    if ring.count > Self.encodedMax { ring[ring.count - 1 - Self.encodedMax].forgetForms() }
    bytes += Self.size(broadcast)
    let oldest = broadcast.sequencedAt > limits.ageNanoseconds ? broadcast.sequencedAt - limits.ageNanoseconds : 0
    while let first = ring.first,
      ring.count > limits.broadcasts || bytes > limits.bytes || first.sequencedAt < oldest
    {
      ring.removeFirst()
      bytes -= Self.size(first)
      floors[first.origin.id] = max(floors[first.origin.id] ?? 0, first.origin.sequence)
    }
    forgetFloors()
  }

  func missed(namespace: String, rooms: [String], since offset: String) -> [Broadcast]? {
    missed(namespace: namespace, rooms: rooms, since: offset, covered: nil)
  }

  /// `covered` names what the cluster's logs have already answered (`RecoveredSession`): up to these numbers
  /// nothing is asked of the ring, and origins that neither they nor the client know are older than anybody's
  /// absence.
  func missed(namespace: String, rooms: [String], since offset: String, covered: [String: UInt64]?) -> [Broadcast]? {
    guard let seen = OffsetVector(offset) else { return nil }
    for (origin, floor) in floors {
      let reached = max(seen[origin] ?? 0, covered?[origin] ?? 0)
      let isAsked = covered == nil || seen[origin] != nil || covered?[origin] != nil
      if isAsked, reached < floor { return nil }
    }
    let members = Set(rooms)
    return ring.filter { broadcast in
      let origin = broadcast.origin
      return origin.sequence > max(seen[origin.id] ?? 0, covered?[origin.id] ?? 0)
        && RecoveryRules.concerns(broadcast.emission, namespace: namespace, members: members)
    }
  }

  private static func size(_ broadcast: Broadcast) -> Int {
    let emission = broadcast.emission
    // The object and its names cost about 400 bytes.
    return 400 + emission.arguments.count + broadcast.offset.count
      + emission.attachments.reduce(0) { $0 + $1.count }
  }

  /// An origin that is in no vector any more and in no ring needs no floor once nobody can come back that far; the
  /// bound is generous, and forgetting would turn "unknown" into "complete", so the whole ring goes with it.
  private static let floorsMax = 4_096

  private mutating func forgetFloors() {
    guard floors.count > Self.floorsMax else { return }
    ring.removeAll()
    bytes = 0
    floors = Dictionary(uniqueKeysWithValues: vector.entries.map { ($0.origin, $0.sequence) })
  }
}

enum RecoveryRules {
  /// Whether a member of these rooms (its own id among them) was meant.
  static func concerns(_ emission: Emission, namespace: String, members: Set<String>) -> Bool {
    guard emission.namespace == namespace, !emission.isVolatile else { return false }
    if emission.except.contains(where: members.contains) { return false }
    return emission.rooms.isEmpty || emission.rooms.contains(where: members.contains)
  }
}
