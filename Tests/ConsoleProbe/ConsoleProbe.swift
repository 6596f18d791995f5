import Base
import Console
import Glibc

/// A program for the terminal's tests: shows the last event, and leaves in every way there is. Not installed.
@main
struct ConsoleProbe {
  static func main() async {
    let environment = environmentVariables()
    if CommandLine.arguments.contains("--console") {
      let ending = await ProbeConsole.run(CommandLine.arguments, environment: environment)
      print("left: \(ending)")
      return
    }
    var options = Terminal.Options(environment: environment)
    if CommandLine.arguments.contains("--no-color") { options.color = .never }
    do throws(TerminalRefusal) {
      var terminal = try Terminal.start(options)
      let ending = ProbeLoop(environment: environment).run(&terminal)
      let counters = terminal.counters
      terminal.stop()
      print("left: \(ending); frames \(counters.frames) cells \(counters.cells) bytes \(counters.bytes)")
    } catch {
      let line = "signalbox: \(error.message)\n"
      _ = write(STDERR_FILENO, line, line.utf8.count)
      exit(TerminalRefusal.exitCode)
    }
  }

  private static func environmentVariables() -> [String: String] {
    var result: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let pair = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      result[String(pair[0])] = String(pair.last ?? "")
      next += 1
    }
    return result
  }
}

struct ProbeLoop {
  private let library: ThemeLibrary
  private var theme: Theme?
  private var last = "nothing yet"
  private var count = 0
  private var ticks = 0
  private var isTicking = false
  private var pasted = 0
  private var isLive = false

  init(environment: [String: String]) {
    library = ThemeLibrary(directories: [])
    let name = environment["PROBE_THEME"] ?? "signalbox-dark"
    do throws(Failure) { theme = try library.theme(named: name) } catch { last = error.message }
  }

  consuming func run(_ terminal: inout Terminal) -> String {
    var loop = self
    var urgency = Terminal.Urgency.answer
    while true {
      if let theme = loop.theme { terminal.paint(loop.picture(terminal), theme: theme, for: urgency) }
      // A list takes as long to draw as all the rest, and is not to keep keys waiting.
      let due: ContinuousClock.Instant? = loop.isTicking ? .now + .milliseconds(loop.isLive ? 100 : 20) : nil
      let events = terminal.wait(until: due)
      if loop.isTicking { loop.ticks += 1 }
      let before = events.isEmpty || !terminal.isLineSlow ? nil : loop.picture(terminal)
      urgency = events.isEmpty ? .data : .answer
      defer {
        if let before { urgency = .rows(Set(loop.picture(terminal).changes(from: before).map(\.y))) }
      }
      for event in events {
        if case .end(let reason) = event { return "\(reason)" }
        if case .key(.character("q"), []) = event { return "q" }
        loop.take(event, &terminal)
      }
    }
  }

  private mutating func take(_ event: InputEvent, _ terminal: inout Terminal) {
    count += 1
    last = String(describing: event)
    if case .paste(let text) = event {
      pasted += text.utf8.count
      last = "paste of \(text.utf8.count)"
    }
    guard case .key(.character(let key), let modifiers) = event else { return }
    switch (key, modifiers) {
    case ("z", .control): terminal.suspend()
    case ("l", .control): terminal.repaint()
    case ("S", []): raise(SIGSEGV)
    case ("A", []): abort()
    case ("T", []): preconditionFailure("asked for")
    case ("E", []): exit(3)
    case ("m", []): terminal.setMouse(!terminal.isMouseOn)
    case ("c", []): _ = terminal.copy("hello")
    case ("t", []): isTicking.toggle()
    case ("L", []): isLive.toggle()
    case ("v", []): last = "variant \(terminal.variant().variant)"
    default: return
    }
  }

  /// A list that scrolls under its frame, with a small graph in every fourth row.
  private func drawLive(_ canvas: inout Canvas) {
    for row in 0..<(canvas.height - 2) {
      let y = 1 + row
      let item = ticks + row
      canvas.put("● c-\(8_000 + item * 7 % 1_000)", x: 2, y: y, style: Style(.ok))
      let agent = ["claude/refactor", "codex/tests", "aider/docs", "ci/runner-3"][item % 4]
      canvas.put(DisplayText(agent).fitted(to: 24), x: 14, y: y)
      canvas.put(DisplayText("\(item * 31 % 900)ms").fitted(to: 7, .right), x: 38, y: y)
      canvas.put(DisplayText("\(item * 7_919 % 9_999)").fitted(to: 8, .right), x: 46, y: y)
      canvas.put(DisplayText("repo:\(item * 13 % 97) queue \(item % 5)").fitted(to: 40), x: 56, y: y)
      guard item % 4 == 0 else { continue }
      let values = (0..<20).map { Double(((ticks + $0) * 37 + row * 11) % 17) / 16 }
      canvas.put(DisplayText(canvas.glyphs.graph(values)), x: 98, y: y, style: Style(.spark))
    }
  }

  private func picture(_ terminal: borrowing Terminal) -> Canvas {
    var canvas = Canvas(width: terminal.width, height: terminal.height, glyphs: terminal.glyphs)
    canvas.box(canvas.bounds)
    canvas.put(" probe ", x: 2, y: 0, style: Style(.title))
    let lines: [(DisplayText, Style)] = [
      ("size \(terminal.width)x\(terminal.height) depth \(terminal.depth) glyphs \(terminal.glyphs.rawValue)", .plain),
      ("event \(count): \(last)", Style(.accent)),
      ("wide 日本語 👩‍👩‍👧 e\u{301} ● ✓ ━━──", Style(.ok)),
      ("ticks \(ticks)", Style(.busy, on: .background, .bold)),
      ("error", Style(.err)), ("selected", Style(.selectionForeground, on: .selectionBackground)),
    ]
    for (offset, line) in lines.enumerated() {
      canvas.put(line.0, x: 2, y: 2 + offset, style: line.1, maxWidth: max(0, terminal.width - 4))
    }
    for (offset, role) in Role.allCases.enumerated() {
      canvas.put(
        "\(role.name)", x: 2 + offset % 4 * 19, y: 9 + offset / 4,
        style: Role.backgrounds.contains(role) ? Style(.foreground, on: role) : Style(role), maxWidth: 18)
    }
    if isLive {
      drawLive(&canvas)
      canvas.put(lines[1].0.fitted(to: 60), x: 2, y: 3, style: lines[1].1)
      canvas.put(lines[3].0.fitted(to: 60), x: 2, y: 5, style: lines[3].1)
    }
    return canvas
  }
}
