/// One sandbox as the launcher is told of it: frames of one tag byte, four bytes of length and the payload. The
/// launcher's main.c has the list of tags.
struct LaunchPlan: Sendable {
  static let startMilliseconds = 10_000
  static let cleanupMilliseconds = 5_000
  static let artefactsMax = 64
  /// How long an interpreter waits for a program before it makes room for a fresh one.
  static let heldMilliseconds = 300_000

  /// Limits of single processes, for what no control group holds.
  struct ResourceLimits: Sendable, Equatable {
    var dataBytes = 0
    var cpuSeconds = 0
    var processes = 0
  }

  var bubblewrap: String
  var arguments: BubblewrapArguments
  var groups: ControlGroups.Plan?
  /// The host's user and group id that bubblewrap runs under; nil: ours.
  var identity: UInt32?
  var limits: SandboxLimits
  var resources = ResourceLimits()
  /// Nil: it runs until it is told to end.
  var runMilliseconds: Int?
  /// Nil: every byte of output is passed on.
  var outputBytes: Int?
  var collectsFiles = true
  /// Name of the program that the interpreter waits for; nil: it is there from the start. See `WarmPool`.
  var held: String?

  var bytes: [UInt8] {
    var out: [UInt8] = []
    func add(_ tag: Character, _ text: String) { Self.frame(&out, tag, Array(text.utf8)) }
    add("B", bubblewrap)
    for file in arguments.files { Self.frame(&out, file == nil ? "L" : "M", file ?? []) }
    for word in arguments.words {
      switch word {
      case .text(let text): add("A", text)
      case .file(let index): add("A", "\u{1}\(index)")
      case .inside: add("A", "\u{1}i")
      }
    }
    if let groups {
      for folder in groups.folders { add("D", folder) }
      for write in groups.writes { add("W", "\(write.path)\n\(write.value)") }
      for join in groups.joins { add("J", join) }
      for path in groups.statistics { add("T", path) }
      if let path = groups.killFile { add("K", path) }
      if let path = groups.eventsFile { add("P", path) }
    }
    if collectsFiles { add("O", BubblewrapArguments.workFolder) }
    if let held { add("H", held) }
    for (name, value) in numbers { add("N", "\(name)=\(value)") }
    add("S", "")
    return out
  }

  var numbers: [(String, Int)] {
    var pairs = [
      ("startMilliseconds", Self.startMilliseconds), ("cleanupMilliseconds", Self.cleanupMilliseconds),
      ("runMilliseconds", runMilliseconds ?? 0), ("heldMilliseconds", Self.heldMilliseconds),
      ("outputBytes", outputBytes ?? 0),
      ("descriptors", limits.descriptors), ("dataBytes", resources.dataBytes),
      ("cpuSeconds", resources.cpuSeconds), ("processes", resources.processes),
      ("artefactBytes", limits.tmpBytes), ("artefactCount", Self.artefactsMax),
    ]
    if let identity { pairs += [("uid", Int(identity)), ("gid", Int(identity))] }
    return pairs
  }

  static func frame(_ out: inout [UInt8], _ tag: Character, _ payload: some Collection<UInt8>) {
    out.append(tag.asciiValue ?? 0)
    let count = UInt32(payload.count)
    for shift in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: count >> UInt32(shift))) }
    out.append(contentsOf: payload)
  }
}

/// What the launcher says.
enum LauncherMessage: Sendable, Equatable {
  /// A limit as the kernel has it.
  case limit(path: String, value: String)
  case posture(name: String, text: String)
  case ready
  /// An interpreter waits for its program.
  case held
  case stdout([UInt8])
  case stderr([UInt8])
  /// Content is nil when the file was too large to be handed over.
  case file(path: String, bytes: Int, content: [UInt8]?)
  case statistic(path: String, text: String)
  case end([String: String])
  case failure(String)
}

/// Cuts the launcher's bytes into messages. Pure: bytes in, messages out.
struct LauncherDecoder: Sendable {
  static let payloadMax = 16 << 20
  private var bytes: [UInt8] = []
  private var position = 0

  mutating func feed(_ more: ArraySlice<UInt8>) { bytes.append(contentsOf: more) }

  /// Nil: a whole message is not there yet.
  mutating func next() throws(SandboxError) -> LauncherMessage? {
    guard bytes.count - position >= 5 else { return compact() }
    let head = bytes[position..<position + 5]
    let count = head.dropFirst().reduce(0) { $0 << 8 | Int($1) }
    guard count <= Self.payloadMax else { throw .broken("the launcher sent a frame of \(count) bytes") }
    guard bytes.count - position - 5 >= count else { return compact() }
    let payload = bytes[position + 5..<position + 5 + count]
    position += 5 + count
    return try Self.message(Character(UnicodeScalar(head.first ?? 0)), payload)
  }

  private mutating func compact() -> LauncherMessage? {
    if position > 0 {
      bytes.removeFirst(position)
      position = 0
    }
    return nil
  }

  private static func message(_ tag: Character, _ payload: ArraySlice<UInt8>) throws(SandboxError) -> LauncherMessage {
    func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
    let zero = payload.firstIndex(of: 0) ?? payload.endIndex
    let name = text(payload[..<zero])
    let rest = payload[zero...].dropFirst()
    switch tag {
    case "w": return .limit(path: name, value: text(rest))
    case "p": return .posture(name: name, text: text(rest))
    case "R": return .ready
    case "H": return .held
    case "O": return .stdout(Array(payload))
    case "E": return .stderr(Array(payload))
    case "A": return .file(path: name, bytes: rest.count, content: Array(rest))
    case "a": return .file(path: name, bytes: Int(text(rest)) ?? 0, content: nil)
    case "s": return .statistic(path: name, text: text(rest))
    case "F": return .failure(text(payload))
    case "x":
      var fields: [String: String] = [:]
      for line in text(payload).split(separator: "\n") {
        let pair = line.split(separator: "=", maxSplits: 1).map(String.init)
        if pair.count == 2 { fields[pair[0]] = pair[1] }
      }
      return .end(fields)
    default: throw .broken("the launcher sent an unknown frame")
    }
  }
}
