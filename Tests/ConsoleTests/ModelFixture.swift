import Base
import ControlPlane

@testable import Console

/// A model with fixed clocks and figures, driven as the console's thread would drive it.
struct ModelFixture {
  static let start = Moment(monotonic: 10_000, wall: 1_795_216_447_000)

  var model: ConsoleModel
  var now = ModelFixture.start

  init(
    width: Int = 80, height: Int = 24, isEmbedded: Bool = true, isReadOnly: Bool = false, glyphs: GlyphSet = .braille
  ) {
    model = ConsoleModel(
      options: .init(
        isEmbedded: isEmbedded, isReadOnly: isReadOnly, operatorLabel: "kris", nodePath: nil,
        themes: ["ansi", "mono", "signalbox-dark"].map { ThemeChoice(name: $0, note: "built in") }, glyphs: glyphs),
      themeName: "signalbox-dark", width: width, height: height, now: now)
    if !isEmbedded { model.link = .live }
  }

  mutating func wait(_ milliseconds: Int64) { now = now.adding(milliseconds: milliseconds) }

  @discardableResult
  mutating func press(_ keys: KeyChord...) -> [Effect] {
    keys.flatMap { model.handle(.key($0.key, $0.modifiers), now: now) }
  }

  @discardableResult
  mutating func type(_ text: String) -> [Effect] {
    text.flatMap { model.handle(.key(.character($0), []), now: now) }
  }

  @discardableResult
  mutating func receive(_ news: News) -> [Effect] { model.receive(news, now: now) }

  @discardableResult
  mutating func click(x: Int, y: Int) -> [Effect] {
    model.handle(.mouse(MouseEvent(.press(button: 1), x: x, y: y)), now: now)
  }

  var lines: [String] {
    let canvas = model.picture()
    return (0..<canvas.height).map { canvas.line($0) }
  }

  var screen: String { lines.map { $0.trimmingTrailingSpaces }.joined(separator: "\n") }

  var isPopupOpen: Bool {
    if case .none = model.popup { false } else { true }
  }

  var selectedInHelp: String? {
    if case .help(let sheet)? = model.popup { sheet.selected?.title } else { nil }
  }

  static func snapshot(
    cpuSeconds: Double = 1, commands: UInt64 = 0, projects: [String] = ["api", "web"], reason: String? = nil
  ) -> Snapshot {
    let component = Health.Component(
      name: "redis", state: reason == nil ? .ok : .degraded, reason: reason, since: 0)
    return Snapshot(
      node: "prod-eu-1", version: "0.1.0", uptimeSeconds: 353_460, health: Health(components: [component]),
      phase: .ready,
      projects: projects.map { ProjectSummary(id: ProjectID(folderName: $0), path: "/srv/git/\($0)") },
      process: ProcessSnapshot(
        processID: 1, cpuSeconds: cpuSeconds, cpuPercent: 38, residentBytes: 432_013_312, openFiles: 2_911,
        openFilesMax: 65_536, threads: 19),
      control: ControlSnapshot(clients: 2, commands: commands), bench: BenchSnapshot())
  }

  static func record(
    _ message: String, level: LogLevel = .info, label: String = "node", metadata: [String: String] = [:], at: Int64 = 0
  ) -> LogRecord {
    LogRecord(
      timeMilliseconds: start.wall + at, level: level, label: label, message: message, metadata: metadata)
  }

  static func events(_ records: [LogRecord]) -> News {
    .events(records.map { Event(timeMilliseconds: $0.timeMilliseconds, body: .log($0)) })
  }
}
