/// What the person or the terminal did, decoded.
public enum InputEvent: Equatable, Sendable {
  case key(Key, Modifiers = [])
  case mouse(MouseEvent)
  /// A whole paste, line ends as LF; at most `InputDecoder.pasteBytesMax` bytes, the rest is swallowed. Raw outside
  /// text: show it through `DisplayText`.
  case paste(String)
  /// The window has another size, in cells.
  case resize(width: Int, height: Int)
  /// The terminal window got or lost the keyboard.
  case focus(Bool)
  /// The terminal is gone, or a signal asks to leave.
  case end(EndReason)
}

/// Why the console must end.
public enum EndReason: Equatable, Sendable {
  /// HUP, POLLHUP, EIO or end of file: nobody sees the screen any more.
  case terminalLost
  /// INT, TERM or QUIT from outside; the number of the signal.
  case signal(Int32)
}

public enum Key: Hashable, Sendable {
  case character(Character)
  case enter, escape, tab, backtab, backspace
  case up, down, left, right
  case home, end, pageUp, pageDown, insert, delete
  case function(Int)
}

/// Control is said by the modifier: C-c is `.character("c")` with `.control`. A capital letter is itself and has no
/// shift.
public struct Modifiers: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let control = Modifiers(rawValue: 1)
  public static let alt = Modifiers(rawValue: 2)
  public static let shift = Modifiers(rawValue: 4)
}

public struct MouseEvent: Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    /// 1 left, 2 middle, 3 right.
    case press(button: Int)
    case release
    case drag(button: Int)
    case wheelUp, wheelDown
  }

  public var kind: Kind
  /// The cell, counted from 0 at the top left.
  public var x: Int
  public var y: Int
  public var modifiers: Modifiers

  public init(_ kind: Kind, x: Int, y: Int, modifiers: Modifiers = []) {
    self.kind = kind
    self.x = x
    self.y = y
    self.modifiers = modifiers
  }
}
