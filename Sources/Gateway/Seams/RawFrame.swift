internal import SocketProtocol

/// Messages of `/ws` as frames (CONTRACT, Gateway).
enum RawFrame {
  /// `data` is the event's only argument, an array of them when there are more, `null` when there is none.
  static func make(of emission: Emission) -> [UInt8] {
    let arguments = EventJSON(emission.arguments)
    return make(event: emission.event, data: arguments?.data ?? Array("null".utf8), id: [])
  }

  /// `id`: JSON text of the request's id, which its answer repeats; empty when there is none.
  static func make(event: String, data: [UInt8], id: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    RawMessage.append(event: event, data: data, id: id, to: &text)
    var frame: [UInt8] = []
    frame.reserveCapacity(text.count + 10)
    FrameHeader.append(opcode: FrameHeader.text, length: text.count, to: &frame)
    frame += text
    return frame
  }
}

/// The elements of an event's JSON array: its name, then its arguments, as ranges of the text that came.
struct EventJSON: Sendable, Equatable {
  let json: [UInt8]
  private(set) var elements: [Range<Int>] = []

  /// Nil when `json` is no array.
  init?(_ json: [UInt8]) {
    self.json = json
    do throws(JSONError) {
      var scanner = JSONScanner()
      let span = json.span
      try scanner.enterArray(span)
      while let element = try scanner.nextElement(span) { elements.append(element) }
      try scanner.finish(span)
    } catch {
      return nil
    }
  }

  /// The event's name; nil when the first element is no string.
  var name: String? { elements.first.flatMap { JSONString.text(json.span, $0) } }

  /// The JSON text of an argument; nil when there is none. 0 is the first behind the name.
  func argument(_ index: Int) -> ArraySlice<UInt8>? {
    index + 1 < elements.count ? json[elements[index + 1]] : nil
  }

  var count: Int { max(0, elements.count - 1) }

  /// An argument that is a string.
  func string(_ index: Int) -> String? {
    index + 1 < elements.count ? JSONString.text(json.span, elements[index + 1]) : nil
  }

  /// The members of an argument that is an object.
  func object(_ index: Int) -> JSONObject? { argument(index).flatMap { JSONObject(Array($0)) } }

  /// `,argument,argument]` behind another name.
  var tail: ArraySlice<UInt8> {
    guard let first = elements.first else { return [] }
    return json[first.upperBound...]
  }

  /// As one JSON value.
  var data: [UInt8] {
    switch count {
    case 0: Array("null".utf8)
    case 1: argument(0).map { Array($0) } ?? []
    default: [UInt8(ascii: "[")] + json[elements[1].lowerBound...]
    }
  }
}

/// The members of a JSON object, as the text that came. Of a name that comes twice the last counts.
struct JSONObject: Sendable {
  private let json: [UInt8]
  private var members: [(key: Range<Int>, value: Range<Int>)] = []
  static let membersMax = 256

  init?(_ json: [UInt8]) {
    self.json = json
    do throws(JSONError) {
      var scanner = JSONScanner()
      let span = json.span
      try scanner.enterObject(span)
      while let member = try scanner.nextMember(span) {
        guard members.count < Self.membersMax else { return nil }
        members.append(member)
      }
      try scanner.finish(span)
    } catch {
      return nil
    }
  }

  private func range(_ name: StaticString) -> Range<Int>? {
    members.last { JSONString.equals(json.span, $0.key, name) }?.value
  }

  func raw(_ name: StaticString) -> ArraySlice<UInt8>? { range(name).map { json[$0] } }

  func string(_ name: StaticString) -> String? { range(name).flatMap { JSONString.text(json.span, $0) } }
}
