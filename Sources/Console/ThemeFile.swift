public import Base
internal import Yams

/// Reads a theme: a tinted-theming scheme as it is (base16 or base24, also the old flat form), plus our own optional
/// `roles:` map.
///
///     system: base16
///     name: Example
///     author: somebody
///     variant: dark
///     palette: { base00: "1d1f21", ... base0F: "a3685a" }
///     roles:
///       warn: base09
///       border-focus: "#88c0d0"
///       title: { fg: base0D, bold: true }
///       ansi16: { ok: 2 }
///
/// A colour is a palette name, hexadecimal digits with or without `#`, `ansi0` to `ansi15`, or `default` (the
/// terminal's own). Whatever is wrong is one `Failure` that names file and line.
public enum ThemeFile {
  /// Larger files are refused: a scheme has some forty lines.
  public static let bytesMax = 64 * 1024

  /// `path` is only for messages.
  public static func parse(_ text: String, path: String) throws(Failure) -> Theme {
    guard text.utf8.count <= bytesMax else {
      throw Failure(.limit, "\(path): a theme file has at most \(bytesMax) bytes, this one has \(text.utf8.count)")
    }
    var reader = ThemeReader(path: path)
    return try reader.theme(try root(text, path))
  }

  private static func root(_ text: String, _ path: String) throws(Failure) -> Node.Mapping {
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw Failure(.invalid, "\(path):\(line(of: error)): not YAML: \(problem(of: error))")
    } catch {
      throw Failure(.invalid, "\(path): not YAML")
    }
    guard let node else { throw Failure(.invalid, "\(path):1: the file is empty; a theme needs `palette:`") }
    guard case .mapping(let mapping) = node else {
      throw Failure(.invalid, "\(path):\(node.mark?.line ?? 1): a theme is a map with `name:` and `palette:`")
    }
    return mapping
  }

  static func line(of error: YamlError) -> Int {
    switch error {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
    case .duplicatedKeysInMapping(_, let context): context.mark.line
    default: 1
    }
  }

  static func problem(of error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _): problem
    case .duplicatedKeysInMapping: "a key is there twice"
    default: "it cannot be read"
    }
  }
}
