/// What a load does: who connects, what is sent, for how long. Read from JSON; every field has a default.
public struct LoadScenario: Sendable, Equatable, Codable {
  /// Ports of the servers on 127.0.0.1. Connections are dealt to them in turn.
  public var ports: [UInt16] = []
  /// Sent with CONNECT as `{"token": …}`.
  public var token: String?
  /// Receivers. Number `i` subscribes to room `i % rooms`.
  public var clients = 0
  public var rooms = 1
  /// The event and the kind of room: `bench` goes to `task:` rooms, `agent-thought` to `agent:` rooms.
  public var event = "bench"
  /// Connections of their own that publish and receive nothing; each publishes to the rooms in turn.
  public var publishers = 1
  /// Events that were sent and not yet delivered to all; a new one is sent as one completes. 0: `ratePerSecond` counts.
  public var inFlight = 0
  /// Events a second by all publishers together, at fixed times (open arrival): latency runs from when one was due.
  public var ratePerSecond = 0.0
  /// Of the `data` argument.
  public var payloadBytes = 150
  /// Receivers that stop reading once they have subscribed. Nothing is expected of them.
  public var stalled = 0
  /// Connections that ask for an `echo` every `probeMilliseconds`, due at fixed times.
  public var probes = 0
  public var probeMilliseconds = 5.0
  /// Handshakes that are under way at once, and how long all of them may take.
  public var connectsInFlight = 256
  public var connectSeconds = 60.0
  /// How long everyone stays connected before anything is sent.
  public var idleSeconds = 0.0
  public var warmUpSeconds = 0.5
  /// 0: nothing is published.
  public var seconds = 3.0
  /// How long is waited for what is under way at the end.
  public var drainSeconds = 5.0
  /// Local addresses 127.0.0.1, 127.0.0.2 … that connections come from: each has some 28,000 ports.
  public var sourceAddresses = 1
  /// Processes whose CPU time and memory are taken with the window, usually the servers'.
  public var serverProcesses: [Int32] = []

  public init() {}

  public static let clientsMax = 200_000
  static let (publishersMax, roomsMax, inFlightMax, addressesMax) = (1_000, 100_000, 10_000, 250)
  static let payloadBytesRange = 100...200_000

  public init(from decoder: any Decoder) throws {
    self.init()
    let values = try decoder.container(keyedBy: CodingKeys.self)
    func take<Value: Decodable>(_ key: CodingKeys, _ path: WritableKeyPath<LoadScenario, Value>) throws {
      if let value = try values.decodeIfPresent(Value.self, forKey: key) { self[keyPath: path] = value }
    }
    token = try values.decodeIfPresent(String.self, forKey: .token)
    try take(.ports, \.ports)
    try take(.clients, \.clients)
    try take(.rooms, \.rooms)
    try take(.event, \.event)
    try take(.publishers, \.publishers)
    try take(.inFlight, \.inFlight)
    try take(.ratePerSecond, \.ratePerSecond)
    try take(.payloadBytes, \.payloadBytes)
    try take(.stalled, \.stalled)
    try take(.probes, \.probes)
    try take(.probeMilliseconds, \.probeMilliseconds)
    try take(.connectsInFlight, \.connectsInFlight)
    try take(.connectSeconds, \.connectSeconds)
    try take(.idleSeconds, \.idleSeconds)
    try take(.warmUpSeconds, \.warmUpSeconds)
    try take(.seconds, \.seconds)
    try take(.drainSeconds, \.drainSeconds)
    try take(.sourceAddresses, \.sourceAddresses)
    try take(.serverProcesses, \.serverProcesses)
  }

  func check() throws(LoadError) {
    func require(_ holds: Bool, _ what: String) throws(LoadError) { if !holds { throw .scenario(what) } }
    try require(!ports.isEmpty && !ports.contains(0), "ports: at least one, none 0")
    try require((0...Self.clientsMax).contains(clients), "clients: 0...\(Self.clientsMax)")
    try require((1...Self.roomsMax).contains(rooms), "rooms: 1...\(Self.roomsMax)")
    try require((0...Self.publishersMax).contains(publishers), "publishers: 0...\(Self.publishersMax)")
    try require((0...Self.inFlightMax).contains(inFlight), "inFlight: 0...\(Self.inFlightMax)")
    try require((0...1_000_000).contains(ratePerSecond), "ratePerSecond: 0...1000000")
    try require(
      seconds == 0 || (publishers > 0 && (inFlight > 0) != (ratePerSecond > 0)),
      "one of inFlight and ratePerSecond, and a publisher")
    try require(Self.payloadBytesRange.contains(payloadBytes), "payloadBytes: \(Self.payloadBytesRange)")
    try require((0...clients).contains(stalled), "stalled: 0...clients")
    try require((0...1_000).contains(probes) && probeMilliseconds >= 0.1, "probes: 0...1000, every 0.1 ms or more")
    try require((1...10_000).contains(connectsInFlight), "connectsInFlight: 1...10000")
    try require((1...Self.addressesMax).contains(sourceAddresses), "sourceAddresses: 1...\(Self.addressesMax)")
    for time in [connectSeconds, idleSeconds, warmUpSeconds, seconds, drainSeconds] {
      try require((0...3_600).contains(time), "times: 0...3600 seconds")
    }
    let isPlain = event.utf8.allSatisfy { (97...122).contains($0) || $0 == 45 }
    try require(isPlain && (1...64).contains(event.utf8.count), "event: a...z and -, at most 64")
  }

  /// All connections together.
  var connections: Int { clients + publishers + probes }
}
