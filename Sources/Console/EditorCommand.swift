internal import Base
internal import Glibc

/// An operator's editor, as it is started for a line of a file. The variable's words are split at spaces; no shell
/// reads them, and the file is one argument of its own, so that no name of a file is ever more than a name.
struct EditorCommand: Equatable {
  /// The program and what it is given.
  let words: [String]

  var name: String { words.first.map { Self.base(of: $0) } ?? "" }

  /// `$VISUAL`, else `$EDITOR`, else `vi`. `file`: an absolute path. `line` is counted from 1.
  init(file: String, line: Int, environment: [String: String]) {
    let wanted = ["VISUAL", "EDITOR"].lazy.compactMap { environment[$0] }.first { !$0.allSatisfy(\.isWhitespace) }
    let words = (wanted ?? "vi").split(whereSeparator: \.isWhitespace).map(String.init)
    self.words = words + Self.arguments(Self.base(of: words[0]), file, line)
  }

  private static func base(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  /// How each of them is told a line; one that we do not know opens the file at its beginning.
  private static func arguments(_ editor: String, _ file: String, _ line: Int) -> [String] {
    switch editor {
    case "vi", "vim", "nvim", "view", "gvim", "nano", "pico", "emacs", "emacsclient", "mg", "kak", "micro", "joe", "ne",
      "jed", "vis":
      ["+\(line)", file]
    case "code", "codium", "code-insiders", "cursor": ["--goto", "\(file):\(line)"]
    case "hx", "helix", "subl", "zed": ["\(file):\(line)"]
    default: [file]
    }
  }

  /// Nil, or why there is no such file here. The node may be in another container, or the file may have gone.
  static func refusal(of file: String) -> String? {
    var facts = stat()
    guard file.hasPrefix("/"), stat(file, &facts) == 0 else {
      return "\(file) is not on this machine as this user sees it; the node says that it is there"
    }
    return facts.st_mode & S_IFMT == S_IFREG ? nil : "\(file) is no file that can be edited"
  }
}
