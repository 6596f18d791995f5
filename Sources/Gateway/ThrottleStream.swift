internal import DequeModule

/// The held events of one agent or task, oldest first.
struct ThrottleStream: Sendable {
  /// Events that differ in their receivers cannot be merged; past so many the oldest goes.
  static let eventsMax = 8

  struct Event: Sendable {
    var emission: Emission
    var offset: [UInt8]
    /// The data of thoughts that were merged, each as JSON text; empty while it is one event as it came.
    var thoughts: Deque<ArraySlice<UInt8>> = []
    var bytes: Int
    /// Of the first event that went into it.
    var begins: (offset: [UInt8], origin: BroadcastOrigin?)
  }

  private(set) var events: Deque<Event> = []
  private(set) var bytes = 0
  private(set) var waitsSince: UInt64 = 0
  private var priority: UInt8 = 0

  /// Priority, one step more for each interval of waiting.
  func rank(_ now: UInt64, _ interval: UInt64) -> UInt64 {
    UInt64(min(9, priority)) + (now > waitsSince ? (now - waitsSince) / interval : 0)
  }

  mutating func add(
    _ emission: Emission, offset: [UInt8], origin: BroadcastOrigin?, at now: UInt64, _ policy: ThrottlePolicy,
    _ counters: inout ThrottleCounters
  ) {
    if events.isEmpty { waitsSince = now }
    priority = max(priority, emission.priority)
    guard let tail = events.last, Self.haveSameReceivers(tail.emission, emission) else {
      return append(emission, offset, origin, &counters)
    }
    var last = events.removeLast()
    bytes -= last.bytes
    if case .agentThought = emission.kind, policy.excess == .merge {
      merge(emission, into: &last, policy, &counters)
    } else {
      last = Event(emission: emission, offset: offset, bytes: emission.arguments.count, begins: last.begins)
      counters.replaced += 1
    }
    last.offset = offset
    bytes += last.bytes
    events.append(last)
  }

  private mutating func append(
    _ emission: Emission, _ offset: [UInt8], _ origin: BroadcastOrigin?, _ counters: inout ThrottleCounters
  ) {
    if events.count >= Self.eventsMax, let oldest = events.popFirst() {
      bytes -= oldest.bytes
      counters.dropped += 1
    }
    events.append(
      Event(emission: emission, offset: offset, bytes: emission.arguments.count, begins: (offset, origin)))
    bytes += emission.arguments.count
  }

  private func merge(
    _ emission: Emission, into event: inout Event, _ policy: ThrottlePolicy, _ counters: inout ThrottleCounters
  ) {
    if event.thoughts.isEmpty { event.thoughts.append(contentsOf: EventArguments.elements(event.emission.arguments)) }
    event.thoughts.append(contentsOf: EventArguments.elements(emission.arguments))
    event.bytes = event.thoughts.reduce(0) { $0 + $1.count + 1 } + emission.event.utf8.count + 8
    while event.thoughts.count > policy.thoughtsMax || event.bytes > policy.eventBytesMax, event.thoughts.count > 1,
      let oldest = event.thoughts.popFirst()
    {
      event.bytes -= oldest.count + 1
      counters.dropped += 1
    }
    event.emission.priority = max(event.emission.priority, emission.priority)
    counters.merged += 1
  }

  /// The oldest event, ready to be sent.
  mutating func pop() -> Event? {
    guard var event = events.popFirst() else { return nil }
    bytes -= event.bytes
    if !event.thoughts.isEmpty {
      event.emission.arguments = EventArguments.joined(event: event.emission.arguments, event.thoughts)
    }
    priority = events.map(\.emission.priority).max() ?? 0
    return event
  }

  private static func haveSameReceivers(_ one: Emission, _ other: Emission) -> Bool {
    one.event == other.event && one.rooms == other.rooms && one.except == other.except
      && one.namespace == other.namespace && one.isVolatile == other.isVolatile && one.isLocal == other.isLocal
  }
}

/// Cuts `["event",data]` apart without reading the data: only strings and brackets are followed. The text was
/// validated when it came in.
enum EventArguments {
  /// The data, or its elements if it is an array already (merged once before, on this node or another).
  static func elements(_ arguments: [UInt8]) -> [ArraySlice<UInt8>] {
    let top = split(arguments[...])
    guard top.count >= 2 else { return [] }
    if top.count == 2, top[1].first == UInt8(ascii: "[") { return split(top[1]) }
    return Array(top[1...])
  }

  /// `["event",[one,two]]`, with the name of `event`'s arguments.
  static func joined(event: [UInt8], _ elements: some Collection<ArraySlice<UInt8>>) -> [UInt8] {
    var text: [UInt8] = [UInt8(ascii: "[")]
    text.reserveCapacity(elements.reduce(64) { $0 + $1.count + 1 })
    text += split(event[...]).first ?? []
    text += ",[".utf8
    for (place, element) in elements.enumerated() {
      if place > 0 { text.append(UInt8(ascii: ",")) }
      text += element
    }
    text += "]]".utf8
    return text
  }

  /// The elements of the array that `json` is.
  static func split(_ json: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var elements: [ArraySlice<UInt8>] = []
    var depth = 0
    var isInString = false
    var isEscaped = false
    var start = json.startIndex
    for index in json.indices {
      let byte = json[index]
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        if depth == 1 { start = index + 1 }
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        depth -= 1
        if depth == 0 { append(json[start..<index], to: &elements) }
      case UInt8(ascii: ",") where depth == 1:
        append(json[start..<index], to: &elements)
        start = index + 1
      default: break
      }
    }
    return elements
  }

  private static func append(_ element: ArraySlice<UInt8>, to elements: inout [ArraySlice<UInt8>]) {
    let isWhite: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
    let head = element.drop(while: isWhite)
    guard let last = head.lastIndex(where: { !isWhite($0) }) else { return }
    elements.append(head[...last])
  }
}
