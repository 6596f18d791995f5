public import Base
internal import FoundationEssentials
internal import Yams

/// An operator's own settings of the console, in `$XDG_CONFIG_HOME/signalbox/console.yaml`:
///
///     layout: auto        # S, M, L
///     theme: nord
///     refresh: 1s
///     glyphs: block       # braille, ascii
///     mouse: off
///     level: warn
///     keys:
///       reindex: C-r      # an action by its id or its command word; several keys: [C-r, F5]
///
/// Whatever is wrong is told by file and line and left out; the rest holds. No file ever stops a console.
public struct ConsoleFile: Sendable {
  /// Larger files are refused.
  static let bytesMax = 64 * 1024

  /// Where it is looked for; nil when there is no home.
  public let path: String?
  /// Whether it is there.
  public let isFound: Bool
  /// Each is one line with file and line.
  public private(set) var complaints: [Failure] = []
  private(set) var settings: [ConsoleSetting] = []
  private(set) var registry = ActionRegistry.standard

  /// No file.
  public static let none = ConsoleFile(path: nil, text: nil)

  /// The file of who runs this process.
  public init(environment: [String: String]) {
    let home = environment["HOME"].map { $0 + "/.config" }
    let folder = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? home
    let path = folder.map { $0 + "/signalbox/console.yaml" }
    guard let path, FileManager.default.fileExists(atPath: path) else {
      self.init(path: path, text: nil)
      return
    }
    switch TextFile.read(path) {
    case .success(let text): self.init(path: path, text: text)
    case .failure(let failure):
      self.init(path: path, text: "")
      complaints = [failure]
    }
  }

  /// `text` nil: there is no file.
  init(path: String?, text: String?) {
    self.path = path
    isFound = text != nil
    guard let text, let path else { return }
    do throws(Failure) { try read(text, path) } catch { complaints.append(error) }
  }

  /// A theme that is named by it: whoever starts the console knows whether something stronger names another.
  public var theme: String? {
    settings.reversed().lazy.compactMap { if case .theme(let name) = $0 { name } else { nil } }.first
  }

  /// The glyphs that it wants, of those that the terminal shows.
  public var glyphs: GlyphSet? {
    settings.reversed().lazy.compactMap { if case .glyphs(let set) = $0 { set } else { nil } }.first
  }

  // MARK: - Reading

  private mutating func read(_ text: String, _ path: String) throws(Failure) {
    guard text.utf8.count <= Self.bytesMax else {
      throw Failure(.limit, "\(path): the console's file has at most \(Self.bytesMax) bytes")
    }
    guard let root = try Self.compose(text, path) else { return }
    guard let map = root.mapping else {
      if root.scalar?.string.isEmpty == true { return }
      throw Failure(.invalid, "\(path):\(root.mark?.line ?? 1): the console's file is lines of 'name: value'")
    }
    for (key, value) in map {
      do throws(Failure) {
        guard let name = key.scalar?.string else { throw Failure(.invalid, "a name is a plain word") }
        if name == "keys" {
          readKeys(value, path)
        } else {
          guard let scalar = value.scalar else { throw Failure(.invalid, "\(name): one value is wanted here") }
          settings.append(try ConsoleSetting(name, scalar.string))
        }
      } catch {
        complaints.append(Self.placed(error, path, key))
      }
    }
  }

  private mutating func readKeys(_ node: Node, _ path: String) {
    guard let map = node.mapping else {
      return complaints.append(
        Self.placed(Failure(.invalid, "keys: lines of 'ACTION: KEY' are wanted here"), path, node))
    }
    var overrides: [ActionRegistry.Override] = []
    for (key, value) in map {
      let labels = value.sequence.map { $0.map { $0.scalar?.string ?? "" } } ?? [value.scalar?.string ?? ""]
      let keys = labels.compactMap(KeyChord.init(label:))
      guard let name = key.scalar?.string, keys.count == labels.count, !keys.isEmpty else {
        let wrong = labels.first { KeyChord(label: $0) == nil } ?? ""
        let name = DisplayText(key.scalar?.string ?? "").truncated(to: 40)
        let failure = Failure(
          .invalid, "keys: \(name): '\(DisplayText(wrong).truncated(to: 20))' is no key",
          hint: "such as x, C-r, M-x, F5, Space, PgUp")
        complaints.append(Self.placed(failure, path, key))
        continue
      }
      overrides.append(.init(name: name, keys: keys, place: "\(path):\(key.mark?.line ?? 1)", order: overrides.count))
    }
    let (registry, wrong) = ActionRegistry.standard.rebound(overrides)
    self.registry = registry
    complaints += wrong
  }

  private static func placed(_ failure: Failure, _ path: String, _ node: Node) -> Failure {
    Failure(failure.code, "\(path):\(node.mark?.line ?? 1): \(failure.message)", hint: failure.hint)
  }

  private static func compose(_ text: String, _ path: String) throws(Failure) -> Node? {
    do {
      return try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw Failure(.invalid, "\(path):\(ThemeFile.line(of: error)): not YAML: \(ThemeFile.problem(of: error))")
    } catch {
      throw Failure(.invalid, "\(path): not YAML")
    }
  }
}
