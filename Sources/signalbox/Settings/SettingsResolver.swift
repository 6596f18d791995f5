internal import Base
internal import ControlPlane

/// Flag > environment > file > default, for every row of the table: a pure function of what the process was given.
/// Files are reached through `readFile` alone.
struct SettingsResolver {
  var flags: SettingFlags
  var environment: [String: String]
  var login: LoginFacts
  /// Reads at most so many bytes of a file.
  var readFile: (_ path: String, _ bytesMax: Int) -> FileReading

  /// Bytes of a secret's file.
  static let secretBytesMax = 65_536

  /// A value and where it came from.
  struct Resolved: Equatable {
    var value: SettingValue?
    var source: SettingReport.Source
    var origin: String?
  }

  /// Text found for a row, not yet judged.
  private struct Found {
    var text: String
    var source: SettingReport.Source
    var origin: String
    /// What a relative path belongs to.
    var folder: String
    /// The text is the path of a file that holds the value.
    var isPathOfSecret = false
  }

  func resolve() throws(Failure) -> Settings {
    let file = try configFile()
    var warnings: [String] = strayVariables()
    var resolved: [String: Resolved] = [:]
    for row in SettingsTable.rows {
      resolved[row.name] = try resolve(row, file: file, warnings: &warnings)
    }
    derive(into: &resolved)
    let settings = Settings(resolved, warnings: warnings, configFile: file?.path)
    try checkSocket(settings, isDerived: resolved["socket"]?.source == .default)
    return settings
  }

  // MARK: - The file

  private func configFile() throws(Failure) -> SettingsFile? {
    if let named = flags.values["--config"] {
      guard !named.isEmpty else { throw Failure(.invalid, "--config needs the path of a YAML file") }
      let path = named.hasPrefix("/") ? named : SettingValue.join(login.workingFolder, named)
      guard let file = try read(path) else {
        throw Failure(.invalid, "--config \(DisplayText(named)): there is no such file")
      }
      return file
    }
    return try read(SettingValue.join(xdgFolder("XDG_CONFIG_HOME", ".config"), "signalbox/config.yaml"))
  }

  private func read(_ path: String) throws(Failure) -> SettingsFile? {
    let shown = DisplayText(path).text
    switch readFile(path, SettingsFile.bytesMax) {
    case .absent: return nil
    case .unreadable(let reason): throw Failure(.invalid, "cannot read the config file \(shown): \(reason)")
    case .tooLarge: throw Failure(.invalid, "the config file \(shown) is larger than 1 MiB")
    case .bytes(let bytes, _):
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw Failure(.invalid, "the config file \(shown) is not UTF-8 text")
      }
      return try SettingsFile(path: path, text: text)
    }
  }

  /// A base folder of the XDG specification: relative values there are invalid and count as unset.
  private func xdgFolder(_ variable: String, _ underHome: String) -> String {
    if let folder = environment[variable], folder.hasPrefix("/") { return folder }
    return SettingValue.join(login.homeFolder, underHome)
  }

  // MARK: - One row

  private func resolve(_ row: Setting, file: SettingsFile?, warnings: inout [String]) throws(Failure) -> Resolved {
    var found = fromFlag(row)
    if found == nil { found = try fromEnvironment(row) }
    if found == nil { found = try fromFile(row, file) }
    guard let found else {
      guard case .value(let text) = row.fallback else { return Resolved(value: nil, source: .default) }
      let value = try SettingValue.parse(text, row: row, origin: "the default", folder: "/", home: login.homeFolder)
      return Resolved(value: value, source: .default)
    }
    if found.isPathOfSecret { return try secret(row, found, warnings: &warnings) }
    let value = try SettingValue.parse(
      found.text, row: row, origin: found.origin, folder: found.folder, home: login.homeFolder)
    return Resolved(value: value, source: found.source, origin: found.origin)
  }

  private func fromFlag(_ row: Setting) -> Found? {
    guard let flag = row.flag ?? row.fileFlag, let text = flags.values[flag] else { return nil }
    return Found(
      text: text, source: .flag, origin: flag, folder: login.workingFolder, isPathOfSecret: row.isSecret)
  }

  private func fromEnvironment(_ row: Setting) throws(Failure) -> Found? {
    let file = row.fileEnvironment
    switch (environment[row.environment], file.flatMap { environment[$0] }) {
    case (.some, .some): throw Failure(.invalid, "\(row.environment) and \(file ?? "") are both set; set one of them")
    case (let text?, nil):
      return Found(text: text, source: .environment, origin: row.environment, folder: login.workingFolder)
    case (nil, let path?):
      return Found(
        text: path, source: .secretFile, origin: file ?? "", folder: login.workingFolder, isPathOfSecret: true)
    case (nil, nil): return nil
    }
  }

  private func fromFile(_ row: Setting, _ file: SettingsFile?) throws(Failure) -> Found? {
    guard let file else { return nil }
    let plain = file.entries[row.name]
    let secretFile = row.fileName.flatMap { file.entries[$0] }
    if plain != nil, let secretFile {
      throw Failure(
        .invalid,
        "\(DisplayText(file.path)):\(secretFile.line): \(row.name) and \(row.fileName ?? "") are both set; set one")
    }
    guard let entry = plain ?? secretFile else { return nil }
    return Found(
      text: entry.value, source: plain == nil ? .secretFile : .file,
      origin: "\(DisplayText(file.path)):\(entry.line)", folder: Self.parent(of: file.path),
      isPathOfSecret: plain == nil)
  }

  // MARK: - Secrets

  private func secret(_ row: Setting, _ found: Found, warnings: inout [String]) throws(Failure) -> Resolved {
    let path = Self.absolute(found.text, folder: found.folder, home: login.homeFolder)
    let place = "\(found.origin): the file \(DisplayText(path))"
    let bytes: [UInt8]
    switch readFile(path, Self.secretBytesMax) {
    case .absent: throw Failure(.invalid, "\(place) does not exist")
    case .unreadable(let reason): throw Failure(.invalid, "\(place) cannot be read: \(reason)")
    case .tooLarge: throw Failure(.invalid, "\(place) is larger than 64 KiB; a secret is smaller")
    case .bytes(let content, let mode):
      bytes = content
      if mode & 0o044 != 0 {
        warnings.append("\(place) can be read by others than its owner; chmod 600 mends it")
      }
    }
    guard var text = String(validating: bytes, as: UTF8.self) else { throw Failure(.invalid, "\(place) is not UTF-8") }
    // "\r\n" is one character for Swift, so that either line ending goes as a whole.
    if let last = text.last, last == "\n" || last == "\r\n" { text.removeLast() }
    guard !text.isEmpty else { throw Failure(.invalid, "\(place) is empty; it must hold \(row.allowed)") }
    let value = try SettingValue.parse(text, row: row, origin: place, folder: "/", home: login.homeFolder)
    return Resolved(value: value, source: .secretFile, origin: "\(found.origin) \(DisplayText(path))")
  }

  private static func absolute(_ path: String, folder: String, home: String) -> String {
    if path.hasPrefix("~/") { return SettingValue.join(home, String(path.dropFirst(2))) }
    return path.hasPrefix("/") ? path : SettingValue.join(folder, path)
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  // MARK: - What follows from the login

  private func derive(into resolved: inout [String: Resolved]) {
    func fill(_ name: String, _ text: String) {
      if resolved[name]?.value == nil { resolved[name] = Resolved(value: .text(text), source: .default) }
    }
    fill("state", SettingValue.join(xdgFolder("XDG_STATE_HOME", ".local/state"), "signalbox"))
    var socketFolder = "/"
    if case .text(let state) = resolved["state"]?.value { socketFolder = state }
    if let runtime = environment["XDG_RUNTIME_DIR"], runtime.hasPrefix("/") { socketFolder = runtime }
    fill("socket", SettingValue.join(socketFolder, "signalbox.sock"))
    let client = environment["SSH_CONNECTION"]?.split(separator: " ").first.map { "@\($0)" } ?? ""
    fill("operator", DisplayText(login.loginName + client).truncated(to: 128).text)
  }

  private func checkSocket(_ settings: Settings, isDerived: Bool) throws(Failure) {
    guard isDerived, settings.socket.utf8.count > 107 else { return }
    throw Failure(
      .invalid,
      "the control socket \(DisplayText(settings.socket)) is longer than 107 bytes, which no socket may be",
      hint: "set SIGNALBOX_SOCKET to a shorter path")
  }

  /// A variable that looks like a slip of a setting's name does nothing, which deserves a word.
  private func strayVariables() -> [String] {
    environment.keys.sorted().filter { $0.hasPrefix("SIGNALBOX_") }.compactMap { name in
      let known = SettingsTable.environmentNames
      guard !known.contains(name), let near = Suggestion.nearest(to: name, in: known),
        Suggestion.distance(Array(name.utf8), Array(near.utf8)) <= 2
      else { return nil }
      return "the variable \(DisplayText(name).truncated(to: 80)) is no setting; did you mean \(near)?"
    }
  }
}
