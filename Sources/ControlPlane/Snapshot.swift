/// The state of the node at one moment: the JSON of `signalbox status` and `GET /v1/status` (CONTRACT, Commands).
/// An engine that this node does not run has no entry.
public struct Snapshot: Sendable, Codable, Equatable {
  public var node: String
  public var version: String
  public var uptimeSeconds: Double
  public var health: Health.State
  public var reasons: [Health.Reason]
  public var phase: Phase
  public var peers: [Peer]
  public var projects: [ProjectSummary]
  public var process: ProcessSnapshot
  public var control: ControlSnapshot
  public var gateway: GatewaySnapshot?
  public var index: IndexSnapshot?
  public var sandbox: SandboxSnapshot?
  public var cache: CacheSnapshot?
  public var bench: BenchSnapshot

  public init(
    node: String, version: String, uptimeSeconds: Double, health: Health, phase: Phase, peers: [Peer] = [],
    projects: [ProjectSummary] = [], process: ProcessSnapshot, control: ControlSnapshot,
    gateway: GatewaySnapshot? = nil, index: IndexSnapshot? = nil, sandbox: SandboxSnapshot? = nil,
    cache: CacheSnapshot? = nil, bench: BenchSnapshot
  ) {
    self.node = node
    self.version = version
    self.uptimeSeconds = uptimeSeconds
    self.health = health.state
    self.reasons = health.reasons
    self.phase = phase
    self.peers = peers
    self.projects = projects
    self.process = process
    self.control = control
    self.gateway = gateway
    self.index = index
    self.sandbox = sandbox
    self.cache = cache
    self.bench = bench
  }

  /// Where the node is in its life. Only `ready` takes new work.
  public enum Phase: String, Sendable, Codable {
    case starting, ready, draining, stopping
  }

  /// Another node of the same cluster.
  public struct Peer: Sendable, Codable, Equatable {
    public var node: String
    public var version: String
    public var lastSeenMilliseconds: Int64
    public var sockets: Int

    public init(node: String, version: String, lastSeenMilliseconds: Int64, sockets: Int) {
      self.node = node
      self.version = version
      self.lastSeenMilliseconds = lastSeenMilliseconds
      self.sockets = sockets
    }
  }
}

/// How the node is, and why.
public struct Health: Sendable, Codable, Equatable {
  public enum State: String, Sendable, Codable, Comparable {
    case ok, degraded, down

    public static func < (left: State, right: State) -> Bool { left.rank < right.rank }

    private var rank: Int {
      switch self {
      case .ok: 0
      case .degraded: 1
      case .down: 2
      }
    }
  }

  /// One component that is not well. `since` is milliseconds since 1970.
  public struct Reason: Sendable, Codable, Equatable {
    public var component: String
    public var reason: String
    public var since: Int64

    public init(component: String, reason: String, since: Int64) {
      self.component = component
      self.reason = reason
      self.since = since
    }
  }

  /// One entry for each component, well or not: the body of `/health`.
  public struct Component: Sendable, Codable, Equatable {
    public var name: String
    public var state: State
    public var reason: String?
    public var since: Int64

    public init(name: String, state: State, reason: String? = nil, since: Int64) {
      self.name = name
      self.state = state
      self.reason = reason
      self.since = since
    }
  }

  public var components: [Component]

  public init(components: [Component]) { self.components = components }

  /// The worst of all components.
  public var state: State { components.map(\.state).max() ?? .ok }

  public var reasons: [Reason] {
    components.filter { $0.state != .ok }
      .map { Reason(component: $0.name, reason: $0.reason ?? $0.state.rawValue, since: $0.since) }
  }
}

/// What the operating system says of the node's process.
public struct ProcessSnapshot: Sendable, Codable, Equatable {
  public var processID: Int32
  /// User and system time since the start.
  public var cpuSeconds: Double
  /// Percent of one core since the snapshot before.
  public var cpuPercent: Double
  public var residentBytes: Int64
  public var openFiles: Int
  public var openFilesMax: Int
  public var threads: Int

  public init(
    processID: Int32, cpuSeconds: Double, cpuPercent: Double, residentBytes: Int64, openFiles: Int, openFilesMax: Int,
    threads: Int
  ) {
    self.processID = processID
    self.cpuSeconds = cpuSeconds
    self.cpuPercent = cpuPercent
    self.residentBytes = residentBytes
    self.openFiles = openFiles
    self.openFilesMax = openFilesMax
    self.threads = threads
  }
}

/// The control socket and the HTTP API.
public struct ControlSnapshot: Sendable, Codable, Equatable {
  /// Attached consoles and commands.
  public var clients: Int
  public var commands: UInt64
  public var commandsFailed: UInt64
  public var eventsDropped: UInt64
  public var httpRequests: UInt64
  public var httpRefused: UInt64
  public var httpLatency: LatencySummary

  public init(
    clients: Int = 0, commands: UInt64 = 0, commandsFailed: UInt64 = 0, eventsDropped: UInt64 = 0,
    httpRequests: UInt64 = 0, httpRefused: UInt64 = 0, httpLatency: LatencySummary = .init()
  ) {
    self.clients = clients
    self.commands = commands
    self.commandsFailed = commandsFailed
    self.eventsDropped = eventsDropped
    self.httpRequests = httpRequests
    self.httpRefused = httpRefused
    self.httpLatency = httpLatency
  }
}

/// Milliseconds.
public struct LatencySummary: Sendable, Codable, Equatable {
  /// Ranges of `counts` at most; the last one has everything longer.
  public static let countsMax = 32

  public var p50: Double
  public var p95: Double
  public var p99: Double
  /// How many took how long since the start: the first under 2 microseconds, each next one twice as long as the one
  /// before. Empty ranges at the end are left out; nil from a node that does not count.
  public var counts: [UInt64]?

  public init(p50: Double = 0, p95: Double = 0, p99: Double = 0, counts: [UInt64]? = nil) {
    self.p50 = p50
    self.p95 = p95
    self.p99 = p99
    self.counts = counts
  }

  /// The range of `counts` that a duration belongs to.
  public static func range(nanoseconds: UInt64) -> Int {
    let microseconds = nanoseconds / 1_000
    return microseconds < 2 ? 0 : min(countsMax - 1, UInt64.bitWidth - 1 - microseconds.leadingZeroBitCount)
  }

  /// Where a range of `counts` ends, in milliseconds.
  public static func end(ofRange range: Int) -> Double { Double(UInt64(2) << UInt64(range)) / 1_000 }

  /// With figures of `digits` decimal places, so that a tremble that no picture shows is no change.
  public func rounded(digits: Int) -> LatencySummary {
    let factor = digits == 1 ? 10.0 : 100.0
    func rounded(_ value: Double) -> Double { (value * factor).rounded() / factor }
    return LatencySummary(p50: rounded(p50), p95: rounded(p95), p99: rounded(p99), counts: counts)
  }
}

public struct BenchSnapshot: Sendable, Codable, Equatable {
  /// When the last run ended, in milliseconds since 1970; nil when there was none.
  public var lastRun: Int64?
  public var met: Int
  public var missed: Int
  public var regressions: Int

  public init(lastRun: Int64? = nil, met: Int = 0, missed: Int = 0, regressions: Int = 0) {
    self.lastRun = lastRun
    self.met = met
    self.missed = missed
    self.regressions = regressions
  }
}
