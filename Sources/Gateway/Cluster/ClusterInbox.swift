/// What this node has heard from the others: per origin the last number, so that nothing is taken twice and a hole is
/// seen. While the logs are read after a connection was lost (`isHealing`), live messages wait behind them.
struct ClusterInbox: Sendable {
  enum Message: Sendable {
    case broadcast(RemoteBroadcast)
    case peer(PeerMessage)
  }

  static let waitingMax = 65_536
  static let originsMax = 256

  private(set) var life: UInt64 = 0
  private(set) var isHealing = true
  private(set) var reached: [String: UInt64] = [:]
  /// When each was heard last, counted in messages.
  private var heard: [String: UInt64] = [:]
  private var messages: UInt64 = 0
  private var waiting: [Message] = []
  private(set) var isOverrun = false

  mutating func begin(life: UInt64) {
    self.life = life
    isHealing = true
    isOverrun = false
    waiting = []
  }

  /// Whether this message must wait; it is kept if so.
  mutating func keeps(_ message: Message) -> Bool {
    guard isHealing else { return false }
    if waiting.count < Self.waitingMax { waiting.append(message) } else { isOverrun = true }
    return true
  }

  /// What waited. When it is empty, healing is over.
  mutating func takeWaiting() -> [Message] {
    if waiting.isEmpty { isHealing = false }
    defer { waiting = [] }
    return waiting
  }

  /// Whether the message with this number is new, and if so notes it.
  mutating func admit(_ origin: String, _ sequence: UInt64) -> Bool {
    messages += 1
    heard[origin] = messages
    if let last = reached[origin] {
      guard sequence > last else { return false }
    } else if reached.count >= Self.originsMax, let silent = heard.min(by: { $0.value < $1.value })?.key {
      (reached[silent], heard[silent]) = (nil, nil)
    }
    reached[origin] = sequence
    return true
  }
}
