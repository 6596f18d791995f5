internal import Base
internal import ControlPlane

/// `s`: an event for a room. Enter asks the node how many would receive it; only the question that follows, with the
/// number in it, sends.
struct BroadcastForm {
  enum Row: CaseIterable {
    case room, event, data
  }

  /// A line under the rows.
  enum Note: Equatable {
    case none
    /// The node is counting.
    case asking(Broadcast)
    case complaint(String)
  }

  /// Characters of an input.
  static let lengthMax = 8_192
  /// What the palette's command word takes.
  static let usage = "[ROOM EVENT [JSON]]"

  /// Sockets that were marked: the event goes to each of them, until a room is typed.
  private(set) var targets: [String]
  private(set) var room: TextField
  private(set) var event = TextField(lengthMax: PublishRule.eventBytesMax)
  private(set) var data = TextField(lengthMax: BroadcastForm.lengthMax)
  private(set) var focused: Row
  var note = Note.none

  init(room: String, targets: [String] = []) {
    self.targets = targets
    let text = targets.isEmpty ? room : "(\(Figures.counted(targets.count, "marked socket")))"
    self.room = TextField(text, lengthMax: PublishRule.roomBytesMax)
    focused = text.isEmpty ? .room : .event
  }

  func field(_ row: Row) -> TextField {
    switch row {
    case .room: room
    case .event: event
    case .data: data
    }
  }

  /// Enter and Esc are the model's.
  mutating func handle(_ chord: KeyChord) {
    switch chord.key {
    case .up, .backtab: move(-1)
    case .down, .tab: move(1)
    default: change { $0.handle(chord) }
    }
  }

  mutating func insert(_ text: String) { change { $0.insert(text) } }

  mutating func focus(_ row: Row) { focused = row }

  private mutating func move(_ distance: Int) {
    let rows = Row.allCases
    let index = rows.firstIndex(of: focused) ?? 0
    focused = rows[(index + distance + rows.count) % rows.count]
  }

  private mutating func change(_ body: (inout TextField) -> Void) {
    switch focused {
    case .room:
      if !targets.isEmpty {
        targets = []
        room.clear()
      }
      body(&room)
    case .event: body(&event)
    case .data: body(&data)
    }
    note = .none
  }

  /// Throws `invalid`, naming what is missing or wrong.
  func broadcast() throws(Failure) -> Broadcast { try broadcast(to: room.text) }

  /// One for each of the marked sockets, whose ids are rooms. Throws `invalid`, and `limit` for too many.
  func broadcasts() throws(Failure) -> [Broadcast] {
    guard targets.count <= Console.ordersMax else {
      throw Failure(
        .limit, "no more than \(Console.ordersMax) marked sockets can be sent to, one by one",
        hint: "name a room that they are in")
    }
    var all: [Broadcast] = []
    for target in targets { all.append(try broadcast(to: target)) }
    return all
  }

  private func broadcast(to room: String) throws(Failure) -> Broadcast {
    guard !room.isEmpty else { throw Failure(.invalid, "name the room") }
    guard !event.text.isEmpty else { throw Failure(.invalid, "name the event") }
    let json = data.text.isEmpty ? nil : try RawJSON(data.text)
    let broadcast = Broadcast(room: room, event: event.text, data: json)
    try broadcast.check()
    return broadcast
  }

  /// `task:7 notice {"text":"hello"}`: two words, and the rest is JSON.
  mutating func read(command: String) throws(Failure) {
    let words = command.split(separator: " ", maxSplits: 2)
    guard words.count >= 2 else { throw Failure(.invalid, "broadcast: write ROOM EVENT and, if wanted, JSON") }
    targets = []
    room = TextField(String(words[0]), lengthMax: PublishRule.roomBytesMax)
    event = TextField(String(words[1]), lengthMax: PublishRule.eventBytesMax)
    data = TextField(words.count == 3 ? String(words[2]) : "", lengthMax: Self.lengthMax)
  }
}
