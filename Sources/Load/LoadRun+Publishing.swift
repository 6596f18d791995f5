internal import Telemetry

/// When the next event and the next question are due.
struct Pace {
  let isClosed: Bool
  let intervalNanoseconds: Double
  let probeNanoseconds: Double
  let start: Int64
  var sent = 0
  var asked = 0
  /// The publisher and the room that are next.
  var turn = 0

  init(_ scenario: LoadScenario, start: Int64) {
    isClosed = scenario.inFlight > 0
    intervalNanoseconds = isClosed ? 0 : LoadRun.second / scenario.ratePerSecond
    probeNanoseconds = scenario.probes == 0 ? 0 : scenario.probeMilliseconds * 1e6
    self.start = start
  }

  var eventDue: Int64 { isClosed ? .max : start + Int64(Double(sent) * intervalNanoseconds) }
  var probeDue: Int64 { probeNanoseconds == 0 ? .max : start + Int64(Double(asked) * probeNanoseconds) }
  var nextDue: Int64 { min(eventDue, probeDue) }
}

extension LoadRun {
  func publishDue(_ pace: inout Pace, _ now: Int64) throws(LoadError) {
    guard pace.isClosed else {
      while pace.eventDue <= now {
        let due = pace.eventDue
        pace.sent += 1
        if try !publish(&pace, at: due) { report.skipped += 1 }
      }
      return
    }
    while ledger.underWay < scenario.inFlight {
      let before = ledger.underWay
      // An event that has nobody to reach, or cannot be sent, does not fill the window.
      guard try publish(&pace, at: monotonicNanoseconds()), ledger.underWay > before else { return }
    }
  }

  /// Publishers take turns, and each goes through the rooms. False when the event was not sent.
  private func publish(_ pace: inout Pace, at time: Int64) throws(LoadError) -> Bool {
    let publisher = pace.turn % scenario.publishers
    let room = pace.turn % scenario.rooms
    pace.turn += 1
    let index = scenario.clients + publisher
    guard clients[index].stage == .ready, clients[index].unsent.count < Self.unsentBytesMax, !ledger.isFull else {
      return false
    }
    let stamp = ledger.publish(publisher: publisher, room: room, at: time)
    text.fill(scenario.event, room: room, stamp, bytes: scenario.payloadBytes)
    try send(index, text.bytes)
    if !clients[index].isOpen { ledger.withdraw(stamp.number) }
    return true
  }

  /// Each probe asks when it is due and has its answer; a question that waited counts from when it was due.
  func probeDue(_ pace: inout Pace, _ now: Int64) throws(LoadError) {
    guard pace.probeDue <= now else { return }
    let due = pace.probeDue
    pace.asked += 1
    let first = scenario.clients + scenario.publishers
    for index in first..<(first + scenario.probes) where clients[index].stage == .ready && !clients[index].isAsking {
      clients[index].isAsking = true
      let stamp = Stamp(nanoseconds: due, publisher: 0, sequence: 0, number: 0)
      try send(index, EventText.echo(stamp))
    }
  }

  func probeAnswered(after nanoseconds: Int64, askedAt: Int64) {
    guard probeWindow.contains(askedAt) else { return }
    probeLatency.record(nanoseconds: nanoseconds)
    probeSum += Double(nanoseconds)
    probeLargest = max(probeLargest, nanoseconds)
  }
}
