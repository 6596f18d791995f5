internal import Base

/// How much is on its way to the terminal, and how fast its line is.
///
/// The buffers of a remote line are seen by nobody who writes: ssh alone takes two megabytes, so that a picture may
/// arrive seconds after it was written, and the answer to a key behind it. So the terminal is asked how it is after a
/// picture (ECMA-48 DSR, `CSI 5 n`): its reply says that all before it has arrived. A machine without a clock.
struct LineMeter {
  /// Pictures of fewer bytes are asked about on a slow line only.
  static let askedBytesMin = 512
  /// Bytes a second; a line that carries less is slow.
  static let slowPace = 48_000.0
  /// What may be on its way on a slow line: so long a key may wait behind it.
  static let share = 0.1
  /// Bytes; less at once would be mostly the way there and back.
  static let roomMin = 256
  /// Requests on their way at most; what is sent beside them counts with the last one.
  static let requestsMax = 16
  /// After this silence nobody waits for a reply any more.
  static let patience = Duration.seconds(3)
  /// A reply that takes so much longer than the fastest has a slow line before anything was measured.
  static let suspicion = Duration.milliseconds(100)
  /// Round trips of small pictures of which the shortest counts as the way of an empty line. Routes change.
  private static let tripsMax = 64

  /// Pictures in a row that a slow line must carry quickly before it is not slow: one may be an accident of the clock.
  private static let quickOnesMin = 3

  private struct Request {
    var bytes: Int
    let sent: ContinuousClock.Instant
  }

  private var requests: [Request] = []
  private var trips: [Duration] = []
  /// Of the last picture that had the line to itself.
  private var lastTrip: Duration?
  private var quickOnes = 0
  private var lastReply: ContinuousClock.Instant?
  private var isMute: Bool
  /// Bytes a second of a slow line; nil for any other.
  private(set) var pace: Double?

  /// `isMute`: this terminal answers no queries.
  init(isMute: Bool) { self.isMute = isMute }

  /// Nothing is on its way as far as is known.
  var isClear: Bool { requests.isEmpty || lastReply == nil }
  var isAwaitingReplies: Bool { !requests.isEmpty }
  /// When `tick` gives up waiting.
  var deadline: ContinuousClock.Instant? { requests.first.map { $0.sent + Self.patience } }

  func isSlow(_ now: ContinuousClock.Instant) -> Bool {
    if pace != nil { return true }
    guard let first = requests.first, let shortest else { return false }
    return now - first.sent > shortest + Self.suspicion
  }

  private var shortest: Duration? { trips.min() ?? lastTrip }
  /// A far line and a slow one differ in how long a small picture takes.
  private var isFarOrSlow: Bool { lastTrip.map { $0 > Self.suspicion } ?? false }

  /// Bytes that may be sent at once on a slow line.
  var room: Int { max(Self.roomMin, Int((pace ?? 0) * Self.share)) }
  /// Whether the answer to a key may follow what is on its way.
  var takesAnswer: Bool { requests.reduce(0) { $0 + $1.bytes } <= room }

  /// A picture, or the greeting (`isFirst`), was sent. True: the terminal is to be asked now.
  mutating func sent(_ bytes: Int, isFirst: Bool = false, now: ContinuousClock.Instant) -> Bool {
    guard !isMute else { return false }
    let isWanted = isFirst || bytes >= Self.askedBytesMin || isFarOrSlow || isSlow(now)
    guard isWanted, requests.count < Self.requestsMax else {
      if let last = requests.indices.last { requests[last].bytes += bytes }
      return false
    }
    requests.append(Request(bytes: bytes, sent: now))
    return true
  }

  mutating func replied(now: ContinuousClock.Instant) {
    guard !requests.isEmpty else { return }
    let request = requests.removeFirst()
    let trip = now - request.sent
    // Behind another one it was under way only since that arrived.
    let isAlone = lastReply.map { $0 <= request.sent } ?? true
    if isAlone {
      lastTrip = trip
      if request.bytes < Self.roomMin { trips = trips.suffix(Self.tripsMax - 1) + [trip] }
    }
    let took = isAlone ? trip - (shortest ?? .zero) : now - (lastReply ?? request.sent)
    lastReply = now
    guard request.bytes >= Self.roomMin else { return }
    let measured = Double(request.bytes) / max(took.milliseconds / 1_000, 0.001)
    guard measured >= Self.slowPace else {
      pace = pace.map { ($0 + measured) / 2 } ?? measured
      quickOnes = 0
      return
    }
    quickOnes += 1
    if quickOnes >= Self.quickOnesMin { pace = nil }
  }

  /// Gives up replies that do not come. A terminal that never gave one is not asked any more.
  mutating func tick(now: ContinuousClock.Instant) {
    guard let deadline, now >= deadline else { return }
    if lastReply == nil { isMute = true }
    requests = []
  }

  /// Somebody else had the terminal.
  mutating func forget() { requests = [] }
}
