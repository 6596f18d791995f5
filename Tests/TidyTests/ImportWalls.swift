/// Who may import whom (the floors of the house, and the one room behind whose door each large library stays).
enum ImportWalls {
  /// Own rooms by floor. Floor 1 may use itself; rooms of floors 2 and 3 never know one another.
  static let floors: [String: Int] = [
    "CNcurses": 0, "CHiredis": 0, "CGit2": 0, "CSockets": 0, "CCrash": 0, "CPty": 0, "CSpawn": 0, "CZlib": 0,
    "CModel": 0,
    "Base": 1, "Telemetry": 1, "SocketProtocol": 1, "ControlPlane": 1, "RedisLink": 1, "Access": 1, "Outbound": 1,
    "Pty": 1,
    "Gateway": 2, "CodeIndex": 2, "Sandbox": 2, "Cache": 2, "Bench": 2, "Load": 2,
    "Console": 3, "ControlSocket": 3, "API": 3,
    "EngineRoom": 4, "signalbox": 5,
  ]

  /// Modules that only some rooms may import.
  static let doors: [String: Set<String>] = [
    "CNcurses": ["Console"], "CHiredis": ["RedisLink"], "CGit2": ["CodeIndex"], "CModel": ["CodeIndex"],
    "CSockets": ["Gateway", "RedisLink", "ControlSocket", "Access", "Load"], "CZlib": ["Gateway", "Cache"],
    "CCrash": ["EngineRoom"], "CPty": ["Pty"], "CSpawn": ["CodeIndex", "EngineRoom", "signalbox", "TestKit"],
    "Pty": ["EngineRoom"],
    "NIOPosix": ["Gateway", "Outbound", "ControlSocket", "EngineRoom"], "NIOSSL": [],
    "Hummingbird": ["API"], "HummingbirdCore": ["API"], "JWTKit": ["Access"], "Crypto": ["Base", "Access"],
    "GRDB": ["CodeIndex", "Sandbox", "Cache", "Bench"], "AsyncHTTPClient": ["Outbound"],
    "Histogram": ["Telemetry", "Bench"], "Configuration": [],
    "ArgumentParser": ["signalbox"], "Yams": ["signalbox", "Console"],
    "ServiceLifecycle": ["EngineRoom", "ControlSocket", "API", "Gateway"],
    "UnixSignals": ["EngineRoom"], "TestKit": [], "Testing": [], "XCTest": [],
  ]

  /// Rooms that may import nothing but what is named.
  static let sealed: [String: Set<String>] = ["SocketProtocol": ["Base", "DequeModule", "OrderedCollections"]]

  static func findings(_ file: SourceFile) -> [Finding] {
    imports(file).compactMap { line, module in
      guard let objection = objection(room: file.target, module: module) else { return nil }
      return Finding(path: file.path, line: line, message: objection)
    }
  }

  static func objection(room: String, module: String) -> String? {
    if let allowed = sealed[room], !allowed.contains(module) { return "\(room) may not import \(module)" }
    if let allowed = doors[module], !allowed.contains(room) { return "only \(allowed.sorted()) may import \(module)" }
    guard let theirs = floors[module] else { return nil }
    guard let ours = floors[room] else { return room == "TestKit" && theirs <= 1 ? nil : "\(room) is on no floor" }
    switch (ours, theirs) {
    case (1, 1): return nil
    case (3, 2): return "a face may not import an engine: \(module)"
    default: return theirs < ours ? nil : "\(room) may not import \(module): same floor or above"
    }
  }

  /// `internal import struct A.B` names the module A.
  static func imports(_ file: SourceFile) -> [(line: Int, module: String)] {
    let code = String(decoding: file.code.text, as: UTF8.self)
    var imports: [(Int, String)] = []
    for (index, line) in code.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      for statement in line.split(separator: ";") {
        var words = statement.split(separator: " ").filter { !$0.hasPrefix("@") }[...]
        while let first = words.first, ["public", "internal", "package", "fileprivate", "private"].contains(first) {
          words = words.dropFirst()
        }
        guard words.first == "import", var module = words.dropFirst().first else { continue }
        let kinds: [Substring] = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        if kinds.contains(module), let name = words.dropFirst(2).first { module = name }
        imports.append((index + 1, String(module.prefix { $0 != "." })))
      }
    }
    return imports
  }
}
