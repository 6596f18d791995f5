internal import Base
internal import CNcurses
internal import Glibc

/// The terminal the console is shown on: the only user of curses, of the terminal line and of the signals that belong
/// to it. Everything happens on the thread that started it; `waker` is the one thing other threads may have.
///
/// However the process leaves, the terminal is given back: `stop` and `deinit` in the ordinary case, an exit handler
/// when somebody calls `exit`, and `restoreOnFatalSignal` when it dies. A stalled terminal blocks nothing: one frame is
/// in flight, only the newest waits behind it, and no call here waits for the terminal but `wait`.
public struct Terminal: ~Copyable {
  public struct Options: Sendable {
    public var environment: [String: String]
    public var color: ColorDepth.Choice = .auto
    /// The set wanted; ASCII is taken when the terminal or the locale shows no more.
    public var glyphs: GlyphSet = .braille
    public var mouse = true

    public init(environment: [String: String]) { self.environment = environment }
  }

  public struct Counters: Equatable, Sendable {
    public internal(set) var frames = 0
    /// Cells that differed from the frame before.
    public internal(set) var cells = 0
    /// Bytes written to the terminal.
    public internal(set) var bytes = 0
  }

  /// Give this to `sb_crash_set_last`: async-signal-safe, does nothing when no terminal is held.
  public static let restoreOnFatalSignal: @convention(c) (Int32) -> Void = { sb_tty_restore_on_signal($0) }

  public let glyphs: GlyphSet
  public let waker: Waker
  public var depth: ColorDepth { type.depth }
  /// Cells.
  public internal(set) var width: Int
  public internal(set) var height: Int
  public internal(set) var counters = Counters()
  public internal(set) var isMouseOn: Bool

  let type: TerminalType
  let inputDescriptor: Int32
  let outputDescriptor: Int32
  let signalDescriptor: Int32
  let environment: [String: String]
  var decoder: InputDecoder
  var palette: CursesPalette
  var squeezer: SgrSqueezer
  var isSynchronized = false
  var background: RGB?
  var hasAnsweredAttributes = false
  var resizeDue: ContinuousClock.Instant?
  /// Signals that came while the process was being stopped.
  var pendingSignals: [Int32] = []
  var shown: Frame?
  var waiting: WaitingFrame?
  var line: LineMeter
  /// Where the next part of a picture begins on a slow line.
  var firstRow = 0
  var needsRepaint = true
  /// What the terminal has not taken yet.
  var outgoing: ArraySlice<UInt8> = []
  private var isOpen = true
  /// The terminal has gone away, or a HUP has said so.
  var isLost = false

  struct Frame {
    var canvas: Canvas
    var theme: Theme
  }

  /// The newest picture, while the terminal does not take it yet.
  struct WaitingFrame {
    var frame: Frame
    var urgency: Urgency
  }

  // MARK: - Start and stop

  /// Takes the terminal behind standard input and output.
  public static func start(_ options: Options) throws(TerminalRefusal) -> Terminal {
    try requireTerminal(options.environment)
    let isUTF8 = sb_locale_open(TerminalType.wantsUTF8(options.environment) ? 1 : 0) == 1
    let input = sb_tty_reopen(STDIN_FILENO)
    let output = sb_tty_reopen(STDOUT_FILENO)
    guard input >= 0, output >= 0, let waker = Waker() else {
      if input >= 0 { close(input) }
      throw TerminalRefusal("the terminal cannot be opened")
    }
    let signals = sb_signals_open()
    let size = size(of: output)
    let name = TerminalType.cursesName(options.environment)
    guard signals >= 0, sb_curses_open(name, Int32(size.width), Int32(size.height)) == 0 else {
      if signals >= 0 { sb_signals_close(0) }
      close(input)
      close(output)
      throw TerminalRefusal("the terminal type \"\(DisplayText(name))\" (TERM) is unknown or cannot place its cursor")
    }
    sb_signals_refresh()
    var terminal = Terminal(
      options, name: name, isUTF8: isUTF8, input: input, output: output, signals: signals, waker: waker, size: size)
    terminal.take()
    return terminal
  }

  private init(
    _ options: Options, name: String, isUTF8: Bool, input: Int32, output: Int32, signals: Int32, waker: Waker,
    size: (width: Int, height: Int)
  ) {
    type = TerminalType(name: name, options: options)
    glyphs = TerminalType.glyphs(options, isUTF8: isUTF8)
    environment = options.environment
    let isRemote = ["SSH_CONNECTION", "SSH_TTY"].contains { options.environment[$0] != nil }
    decoder = InputDecoder(
      escapeTimeout: isRemote ? InputDecoder.escapeTimeout : InputDecoder.localEscapeTimeout)
    isMouseOn = options.mouse
    inputDescriptor = input
    outputDescriptor = output
    signalDescriptor = signals
    self.waker = waker
    width = size.width
    height = size.height
    palette = CursesPalette(depth: type.depth)
    squeezer = SgrSqueezer(endsAttributes: sb_curses_colors() >= 8)
    line = LineMeter(isMute: !type.answersQueries)
  }

  /// Throws when a console could not be shown here, without touching the terminal: for asking before a node is started.
  public static func requireTerminal(_ environment: [String: String]) throws(TerminalRefusal) {
    guard isatty(STDIN_FILENO) == 1 else { throw TerminalRefusal("standard input is not a terminal") }
    guard isatty(STDOUT_FILENO) == 1 else { throw TerminalRefusal("standard output is not a terminal") }
    switch environment["TERM"] ?? "" {
    case "": throw TerminalRefusal("the type of this terminal is not set (TERM)")
    case "dumb": throw TerminalRefusal("this terminal is dumb (TERM=dumb)")
    default: return
    }
  }

  /// A window that says it has no size has the classic one.
  static func size(of descriptor: Int32) -> (width: Int, height: Int) {
    var width: Int32 = 0
    var height: Int32 = 0
    guard sb_tty_size(descriptor, &width, &height) == 0, width > 0, height > 0 else { return (80, 24) }
    return (Int(min(width, Self.sizeMax)), Int(min(height, Self.sizeMax)))
  }

  /// Cells in one direction; a window that claims more is shown in part.
  static let sizeMax: Int32 = 1_000

  /// Makes the line raw and enters the alternate screen.
  mutating func take() {
    sb_tty_set_farewell(type.farewell(synchronized: isSynchronized))
    _ = sb_tty_raw(inputDescriptor)
    let greeting = type.greeting(mouse: isMouseOn, cursor: shown?.canvas.cursor?.isVisible ?? false)
    send(greeting)
    line.forget()
    // The way there and back of a few bytes.
    if line.sent(greeting.utf8.count, isFirst: true, now: .now) { send(TerminalType.askStatus) }
    if type.answersQueries, !isSynchronized { send(TerminalType.askSynchronized) }
    squeezer.forget()
    needsRepaint = true
  }

  /// Gives the terminal back. What was not written yet is lost.
  public mutating func stop() {
    guard isOpen else { return }
    isOpen = false
    awaitReplies()
    Self.release(inputDescriptor, outputDescriptor, isLost: isLost)
  }

  private static func release(_ input: Int32, _ output: Int32, isLost: Bool) {
    sb_tty_restore()
    sb_curses_close()
    sb_signals_close(isLost ? 1 : 0)
    close(input)
    close(output)
  }

  deinit {
    if isOpen { Self.release(inputDescriptor, outputDescriptor, isLost: isLost) }
  }

  // MARK: - Small things

  /// With the mouse off the terminal's own selection works again.
  public mutating func setMouse(_ isOn: Bool) {
    isMouseOn = isOn
    send(type.mouseMode(isOn))
  }

  /// Text that one OSC 52 may carry; terminals refuse more.
  public static let copyBytesMax = 64 * 1024

  /// Puts `text` into the clipboard of the terminal's machine (OSC 52). False when it is too long or the terminal has
  /// no such sequence.
  public mutating func copy(_ text: String) -> Bool {
    guard type.answersQueries, text.utf8.count <= Self.copyBytesMax else { return false }
    send("\u{1B}]52;c;\(Base64.encode(text.utf8))\u{1B}\\")
    return true
  }

  /// Paints everything anew: after C-l, since another program may have written over the screen.
  public mutating func repaint() {
    squeezer.forget()
    needsRepaint = true
    if let shown { paint(shown.canvas, theme: shown.theme) }
  }

  /// Stops the process as C-z does; returns when it goes on. The screen is painted again.
  public mutating func suspend() { suspend(wholeGroup: true) }

  /// Whether the terminal is dark or light: its answer to OSC 11 if it comes within 100 ms, else COLORFGBG, else dark.
  /// Events that arrive meanwhile are returned, for nothing typed may be lost.
  public mutating func variant() -> (variant: Theme.Variant, events: [InputEvent]) {
    var events: [InputEvent] = []
    if type.answersQueries {
      send(TerminalType.askBackground)
      let deadline = ContinuousClock.now + .milliseconds(100)
      while background == nil, !hasAnsweredAttributes, ContinuousClock.now < deadline {
        events += wait(until: deadline)
        if case .end? = events.last { break }
      }
    }
    if let background { return (background.luminance > 0.18 ? .light : .dark, events) }
    return (Self.variant(colorFGBG: environment["COLORFGBG"]), events)
  }

  /// `15;0` or `15;default;0`: the last field is the number of the background among the 16.
  static func variant(colorFGBG value: String?) -> Theme.Variant {
    guard let last = value?.split(separator: ";").last, let number = Int(last) else { return .dark }
    return number == 7 || (9...15).contains(number) ? .light : .dark
  }
}

@available(*, unavailable)
extension Terminal: Sendable {}
