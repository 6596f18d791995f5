internal import Base
internal import ControlPlane
internal import Glibc

/// What the console's thread does: mail and keys into the model, its effects into the world, a picture when one is due,
/// and then one wait for whatever comes first.
struct ConsoleLoop: ~Copyable {
  private let options: ConsoleOptions
  private let mailbox: Mailbox
  private let orders: Console.OrderSinks
  private var terminal: Terminal
  private var model: ConsoleModel
  private var theme: Theme
  private var themeName: String
  private var themeVersion: Double?
  private var clock = FrameClock()
  private var isUrgent = true
  /// What keys changed and is not painted yet, on a slow line.
  private var answeredRows: Set<Int>?
  /// When mail that woke nobody is looked for.
  private var lookAgainAt: Int64?
  private var themeLookedAt: Int64 = 0

  /// The theme that is always there.
  static let fallbackTheme = "signalbox-dark"
  /// Milliseconds between two looks at the theme's file.
  static let themeLookInterval: Int64 = 1_000

  /// Takes the terminal, shows the console, gives the terminal back.
  static func run(
    options: ConsoleOptions, isLinkWatched: Bool, mailbox: Mailbox, orders: Console.OrderSinks
  ) -> ConsoleExit {
    do {
      var settings = Terminal.Options(environment: options.environment)
      settings.color = options.color
      settings.glyphs = options.glyphs
      var terminal = try Terminal.start(settings)
      mailbox.open(terminal.waker)
      var early: [InputEvent] = []
      var name = options.theme
      if name == "auto" {
        let (variant, events) = terminal.variant()
        early = events
        name = variant == .light ? "signalbox-light" : fallbackTheme
      }
      var loop = try ConsoleLoop(options, terminal, mailbox, orders, themeName: name)
      if !isLinkWatched { loop.model.link = .live }
      return loop.run(early)
    } catch let refusal as TerminalRefusal {
      return .cannotShow(refusal)
    } catch let failure as Failure {
      return .failed(failure)
    } catch {
      return .failed(Failure(.internal, "\(error)"))
    }
  }

  private init(
    _ options: ConsoleOptions, _ terminal: consuming Terminal, _ mailbox: Mailbox,
    _ orders: Console.OrderSinks, themeName: String
  ) throws(Failure) {
    var complaint: Failure?
    var name = themeName
    var theme: Theme?
    do throws(Failure) {
      theme = try options.themes.theme(named: themeName)
    } catch {
      complaint = error
      name = Self.fallbackTheme
    }
    if let theme { self.theme = theme } else { self.theme = try options.themes.theme(named: Self.fallbackTheme) }
    self.themeName = name
    themeVersion = options.themes.version(of: name)
    self.options = options
    self.mailbox = mailbox
    self.orders = orders
    let choices = options.themes.names().map { ThemeChoice(name: $0, note: Self.note(on: $0, options.themes)) }
    model = ConsoleModel(
      options: .init(
        isEmbedded: options.isEmbedded, isReadOnly: options.isReadOnly, operatorLabel: options.operatorLabel,
        nodePath: options.nodePath, themes: choices, glyphs: terminal.glyphs, registry: options.file.registry,
        fileNote: options.file.path.map { "\(options.file.isFound ? "at the start: from" : "lasting ones: in") \($0)" }
          ?? ""
      ),
      themeName: name, width: terminal.width, height: terminal.height, now: .now())
    model.refresh = options.refreshMilliseconds
    self.terminal = terminal
    if let complaint { model.toast(.failed, complaint.line) }
    model.tell(options.file.complaints)
  }

  private static func note(on name: String, _ library: ThemeLibrary) -> String {
    library.path(of: name).map { "from \($0)" } ?? "built in"
  }

  private mutating func run(_ early: [InputEvent]) -> ConsoleExit {
    if let exit = apply(model.begin(with: options.file.settings)) { return exit }
    if model.isLinked, let exit = apply(model.initialQuestions) { return exit }
    if let exit = take(early) { return exit }
    while true {
      let now = Moment.now()
      if let exit = takeMail(now) { return exit }
      model.tick(now: now)
      reloadTheme(now)
      paint(now)
      let events = terminal.wait(until: deadline(now))
      if let exit = take(events) { return exit }
    }
  }

  /// Nil: nothing but a key or mail can change the picture. One millisecond more, since the readings are whole ones and
  /// waking before the time would mean waking twice.
  private func deadline(_ now: Moment) -> ContinuousClock.Instant? {
    let waits = [
      model.nextTick, clock.wait(version: model.version, now: now.monotonic),
      lookAgainAt.map { max(0, $0 - now.monotonic) },
    ]
    return waits.compactMap { $0 }.min().map { ContinuousClock.now + .milliseconds($0 + 1) }
  }

  private mutating func paint(_ now: Moment) {
    clock.setInterval(model.refresh)
    // That a bench began or ended is shown at once; only what follows waits.
    if model.slowsForBench != clock.isFrozenForBench { isUrgent = true }
    clock.setBenchRunning(model.slowsForBench)
    guard clock.isDue(version: model.version, isUrgent: isUrgent, now: now.monotonic) else { return }
    let urgency = answeredRows.map { Terminal.Urgency.rows($0) } ?? (isUrgent ? .answer : .data)
    terminal.paint(model.picture(), theme: theme, for: urgency)
    clock.painted(version: model.version, now: now.monotonic)
    isUrgent = false
    answeredRows = nil
  }

  private mutating func takeMail(_ now: Moment) -> ConsoleExit? {
    let mail = mailbox.take(now: now.monotonic)
    if mail.isStopRequested { return .detached }
    lookAgainAt = mail.news.isEmpty ? nil : now.monotonic + Mailbox.quietMilliseconds
    for news in mail.news {
      // An answer to a key is shown like a key; what the node does by itself waits for its turn.
      if case .outcome = news { isUrgent = true }
      if case .link = news { isUrgent = true }
      // What was asked for, and the first look at a node: the picture is empty until it is there.
      if case .answer(let query, _) = news, model.panes.sockets.isAwaiting(query) { isUrgent = true }
      if case .answer(.search, _) = news { isUrgent = true }
      if case .snapshot = news, model.snapshot == nil { isUrgent = true }
      if let exit = apply(model.receive(news, now: now)) { return exit }
    }
    return nil
  }

  private mutating func take(_ events: [InputEvent]) -> ConsoleExit? {
    guard !events.isEmpty else { return nil }
    isUrgent = true
    let before = terminal.isLineSlow ? model.picture() : nil
    defer {
      if let before {
        let changes = model.picture().changes(from: before)
        answeredRows = (answeredRows ?? []).union(changes.map(\.y))
      }
    }
    for event in events {
      if case .end(let reason) = event {
        switch reason {
        case .terminalLost: return .lostTerminal
        case .signal(let number): return .signalled(number)
        }
      }
      if let exit = apply(model.handle(event, now: .now())) { return exit }
    }
    return nil
  }

  // MARK: - Effects

  private mutating func apply(_ effects: [Effect]) -> ConsoleExit? {
    for effect in effects {
      switch effect {
      case .perform(let command): order(.perform(command))
      case .ask(let query): order(.ask(query))
      case .setTheme(let name): setTheme(name)
      case .setMouse(let isOn): terminal.setMouse(isOn)
      case .setRefresh(let milliseconds): mailbox.refresh = milliseconds
      case .copy(let text): copy(text)
      case .writeFile(let path, let text): tell(ScreenFile.write(text, to: path))
      case .readFile(let path):
        if let exit = apply(model.receive(.file(path, TextFile.read(path)), now: .now())) { return exit }
      case .edit(let file, let line): edit(file, line)
      case .repaint: terminal.repaint()
      case .suspend: terminal.suspend()
      case .bell: terminal.send("\u{07}")
      case .detach: return .detached
      case .quit(let stopNode): return .quit(stopNode: stopNode)
      }
    }
    return nil
  }

  private mutating func order(_ order: Console.Order) {
    if !orders.take(order) {
      tell(.failed(Failure(.limit, "\(Console.ordersMax) requests to the node are waiting; this one was not sent")))
    }
  }

  private mutating func tell(_ news: News) { _ = model.receive(news, now: .now()) }

  private mutating func edit(_ file: String, _ line: Int) {
    if let refusal = EditorCommand.refusal(of: file) { return tell(.failed(Failure(.notFound, refusal))) }
    let editor = EditorCommand(file: file, line: line, environment: options.environment)
    let mailbox = mailbox
    let loan = terminal.lend(to: editor.words) { mailbox.isStopRequested }
    isUrgent = true
    switch loan {
    case .exited(0): break
    case .exited(let code): tell(.failed(Failure(.unavailable, "\(editor.name) ended with \(code)")))
    case .signalled(let number): tell(.failed(Failure(.unavailable, "\(editor.name) was ended by signal \(number)")))
    case .refused(let error):
      let reason = String(cString: strerror(error)).lowercased()
      tell(.failed(Failure(.notFound, "\(editor.name): \(reason)", hint: "VISUAL and EDITOR name the editor")))
    }
  }

  private mutating func copy(_ text: String) {
    if !terminal.copy(text) { tell(.failed(Failure(.limit, "this terminal takes no copy of this text"))) }
  }

  private mutating func setTheme(_ name: String) {
    do throws(Failure) {
      theme = try options.themes.theme(named: name)
      themeName = name
      themeVersion = options.themes.version(of: name)
      model.touch()
      tell(.themeApplied(name))
    } catch {
      tell(.themeRefused(themeName, error))
    }
  }

  /// A theme file that was saved is read again; one with errors leaves the old theme and says where.
  private mutating func reloadTheme(_ now: Moment) {
    guard themeVersion != nil, now.monotonic - themeLookedAt >= Self.themeLookInterval else { return }
    themeLookedAt = now.monotonic
    let version = options.themes.version(of: themeName)
    guard version != nil, version != themeVersion else { return }
    setTheme(themeName)
    themeVersion = version
  }
}
