internal import CSockets
internal import Glibc
internal import Telemetry

/// One load from its first connection to its report, on one thread and one epoll.
///
/// The phases: everyone connects (at most so many handshakes at once); all sit idle; some stop reading; events are
/// published for a warm-up and a measured window; what is still under way may arrive; everyone leaves.
///
/// The engine spends its time in `recv`: one call takes what a socket has, into one buffer for all, and the stamps are
/// found with `memchr`. A connection owns memory only while a frame is incomplete or a socket does not take its bytes.
public final class LoadRun {
  static let readBytesMax = 256 << 10
  /// The largest frame that is taken; larger ones are the server's error.
  static let frameBytesMax = 4 << 20
  /// Of one connection; a publisher whose socket takes less is not given more.
  static let unsentBytesMax = 4 << 20
  /// How long closed arrival waits for one event.
  static let patienceNanoseconds: Int64 = 5_000_000_000
  static let lookNanoseconds: Int64 = 100_000_000
  static let second = 1_000_000_000.0

  let scenario: LoadScenario
  let epoll: Int32
  var clients: [LoadClient] = []
  var ledger: Ledger
  var report = LoadReport()
  let scratch: UnsafeMutableRawBufferPointer
  var events = [epoll_event](repeating: epoll_event(), count: 1_024)
  var text = EventText()
  var masks = MaskSequence()
  var connectsUnderWay = 0
  var ready = 0
  let probeLatency = LatencyRecorder()
  var probeSum = 0.0
  var probeLargest: Int64 = 0
  var probeWindow: Range<Int64> = 0..<0
  private let cost: ServerCost
  private let isCancelled: () -> Bool

  /// `isCancelled` is asked ten times a second.
  public init(_ scenario: LoadScenario, isCancelled: @escaping () -> Bool = { false }) throws(LoadError) {
    try scenario.check()
    LoadSocket.raiseFileLimit()
    self.scenario = scenario
    self.isCancelled = isCancelled
    ledger = Ledger(receivers: scenario.clients, publishers: scenario.publishers, rooms: scenario.rooms)
    cost = ServerCost(processes: scenario.serverProcesses)
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    scratch = .allocate(byteCount: Self.readBytesMax + Self.frameBytesMax, alignment: 16)
    guard epoll >= 0 else { throw .system("epoll_create1", errno) }
  }

  deinit {
    for client in clients where client.isOpen { close(client.descriptor) }
    if epoll >= 0 { close(epoll) }
    scratch.deallocate()
  }

  public func run() throws(LoadError) -> LoadReport {
    let isMeasuringServer = !scenario.serverProcesses.isEmpty
    if isMeasuringServer { report.residentBytesBefore = try cost.residentBytes() }
    try connectAll()
    try turn(for: scenario.idleSeconds)
    if isMeasuringServer { report.residentBytesConnected = try cost.residentBytes() }
    stall()
    if scenario.seconds > 0 { try measure() }
    if isMeasuringServer { report.residentBytesEnd = try cost.residentBytes() }
    fillReport()
    return report
  }

  // MARK: Phases

  /// Receivers first, so that a publisher that is ready finds them.
  private func connectAll() throws(LoadError) {
    let began = monotonicNanoseconds()
    let end = began + Int64(scenario.connectSeconds * Self.second)
    clients.reserveCapacity(scenario.connections)
    while ready < scenario.connections {
      while clients.count < scenario.connections, connectsUnderWay < scenario.connectsInFlight { try connectNext() }
      guard monotonicNanoseconds() < end, report.drops == 0 else {
        if let why = report.firstDrop { throw .violation("while connecting: \(why)") }
        throw .notConnected(ready: ready, of: scenario.connections)
      }
      try turn(until: min(end, monotonicNanoseconds() + Self.lookNanoseconds))
    }
    report.connections = ready
    report.connectSeconds = Double(monotonicNanoseconds() - began) / Self.second
    report.connectsPerSecond = Double(ready) / max(report.connectSeconds, 0.000_001)
  }

  private func connectNext() throws(LoadError) {
    let index = clients.count
    let port = scenario.ports[index % scenario.ports.count]
    let descriptor = try LoadSocket.connect(port: port, source: 1 + index % scenario.sourceAddresses)
    let publisher = index - scenario.clients
    let kind: LoadClient.Kind = publisher < 0 ? .receiver : publisher < scenario.publishers ? .publisher : .probe
    let number = publisher < 0 ? index : kind == .publisher ? publisher : publisher - scenario.publishers
    clients.append(LoadClient(kind, number, descriptor: descriptor))
    connectsUnderWay += 1
    clients[index].isWriting = true
    try LoadSocket.watch(epoll, descriptor, index: index, isWriting: true, isNew: true)
  }

  private func stall() {
    for index in 0..<scenario.stalled where clients[index].stage == .ready {
      LoadSocket.unwatch(epoll, clients[index].descriptor)
      clients[index].stage = .stalled
      ledger.left(receiver: clients[index].number, room: clients[index].number % scenario.rooms)
    }
  }

  private func measure() throws(LoadError) {
    let isMeasuringServer = !scenario.serverProcesses.isEmpty
    let start = monotonicNanoseconds()
    let from = start + Int64(scenario.warmUpSeconds * Self.second)
    let to = from + Int64(scenario.seconds * Self.second)
    ledger.window = from..<to
    probeWindow = from..<to
    var pace = Pace(scenario, start: start)
    var (cpuBefore, windowBegan) = (0.0, Int64(0))
    for isWindow in [false, true] {
      if isMeasuringServer, isWindow { cpuBefore = try cost.cpuSeconds() }
      if isWindow { windowBegan = monotonicNanoseconds() }
      try publishing(&pace, until: isWindow ? to : from)
    }
    report.windowSeconds = Double(monotonicNanoseconds() - windowBegan) / Self.second
    if isMeasuringServer { report.serverCPUSeconds = try cost.cpuSeconds() - cpuBefore }
    let end = monotonicNanoseconds() + Int64(scenario.drainSeconds * Self.second)
    while ledger.underWay > 0, monotonicNanoseconds() < end {
      try turn(until: min(end, monotonicNanoseconds() + Self.lookNanoseconds))
    }
  }

  private func publishing(_ pace: inout Pace, until end: Int64) throws(LoadError) {
    var nextLook: Int64 = 0
    while true {
      let now = monotonicNanoseconds()
      guard now < end else { return }
      try publishDue(&pace, now)
      try probeDue(&pace, now)
      if now >= nextLook {
        nextLook = now + Self.lookNanoseconds
        ledger.forget(sentBefore: now - Self.patienceNanoseconds)
        if !scenario.serverProcesses.isEmpty {
          report.residentBytesPeak = max(report.residentBytesPeak ?? 0, try cost.residentBytes())
        }
      }
      try turn(until: min(end, pace.nextDue, nextLook))
    }
  }

  private func fillReport() {
    report.published = ledger.published
    report.expected = ledger.expected
    report.deliveries = ledger.deliveries
    report.lost = ledger.lost
    report.orderViolations = ledger.orderViolations
    report.windowDeliveries = ledger.windowDeliveries
    if report.windowSeconds > 0 {
      report.deliveriesPerSecond = Double(ledger.windowDeliveries) / report.windowSeconds
    }
    if let used = report.serverCPUSeconds, used > 0 {
      report.deliveriesPerCPUSecond = Double(ledger.windowDeliveries) / used
    }
    report.latency = .init(ledger.latency, sum: ledger.latencySum, largest: ledger.latencyLargest)
    report.probe = .init(probeLatency, sum: probeSum, largest: probeLargest)
  }

  // MARK: The loop

  private func turn(for seconds: Double) throws(LoadError) {
    let end = monotonicNanoseconds() + Int64(seconds * Self.second)
    while monotonicNanoseconds() < end {
      try turn(until: min(end, monotonicNanoseconds() + Self.lookNanoseconds))
    }
  }

  /// Waits for sockets at most until `end`, and handles those that are ready.
  private func turn(until end: Int64) throws(LoadError) {
    if isCancelled() { throw .cancelled }
    let count = try LoadSocket.wait(epoll, &events, nanoseconds: end - monotonicNanoseconds())
    for place in 0..<count {
      let index = Int(events[place].data.u64)
      let flags = events[place].events
      guard clients[index].isOpen else { continue }
      if flags & EPOLLOUT.rawValue != 0 { try flush(index) }
      if clients[index].isOpen, flags & ~EPOLLOUT.rawValue != 0 { try receive(index) }
    }
  }
}

extension LoadReport.Latency {
  init(_ recorder: LatencyRecorder, sum: Double, largest: Int64) {
    p50 = recorder.milliseconds(atPercentile: 50)
    p95 = recorder.milliseconds(atPercentile: 95)
    p99 = recorder.milliseconds(atPercentile: 99)
    p999 = recorder.milliseconds(atPercentile: 99.9)
    self.largest = Double(largest) / 1e6
    samples = Int(clamping: recorder.count)
    mean = samples == 0 ? 0 : sum / Double(samples) / 1e6
  }
}
