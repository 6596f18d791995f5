public import Base
internal import CThemes
internal import FoundationEssentials

/// Where themes are found by name: the user's folder, then the installation's, then the copies in the binary, which
/// make it work wherever it is moved.
public struct ThemeLibrary: Sendable {
  /// Folders that hold `NAME.yaml`, the first one wins.
  public let directories: [String]
  /// Themes listed of one folder.
  public static let listedMax = 500

  public init(directories: [String]) { self.directories = directories }

  /// The folders of an ordinary installation.
  public init(environment: [String: String], executablePath: String) {
    let home = environment["HOME"].map { $0 + "/.config" }
    let configuration = environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? home
    let binaries = executablePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let prefix = binaries.dropLast().joined(separator: "/")
    self.init(
      directories: [configuration.map { $0 + "/signalbox/themes" }, prefix + "/share/signalbox/themes"].compactMap(
        \.self))
  }

  /// The theme called `name`; a name with a slash, or one that ends in `.yaml`, is a path.
  public func theme(named name: String) throws(Failure) -> Theme {
    if let path = path(of: name) { return try ThemeFile.parse(try Self.read(path), path: path) }
    guard let text = Self.builtIn(name) else {
      let known = names().joined(separator: " ")
      throw Failure(.notFound, "no theme is called \"\(DisplayText(name))\"; there are: auto \(known)")
    }
    return try ThemeFile.parse(text, path: "built-in theme \(name)")
  }

  /// The file behind `name`; nil when it is built in or not there.
  public func path(of name: String) -> String? {
    if name.contains("/") || name.hasSuffix(".yaml") { return name }
    return directories.map { "\($0)/\(name).yaml" }.first { FileManager.default.fileExists(atPath: $0) }
  }

  /// Every name, sorted.
  public func names() -> [String] {
    var names = Set(Self.builtInNames)
    for directory in directories {
      // A folder that is not there holds no themes.
      let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      names.formUnion(files.lazy.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.prefix(Self.listedMax))
    }
    return names.sorted()
  }

  /// Changes when the file behind `name` is saved; nil when it is built in. For reloading on save.
  public func version(of name: String) -> Double? {
    // A file that is being replaced has no version for a moment; the next look finds it.
    path(of: name).flatMap { try? FileManager.default.attributesOfItem(atPath: $0)[.modificationDate] as? Date }?
      .timeIntervalSince1970
  }

  public static var builtInNames: [String] {
    (0..<sb_theme_count()).compactMap { sb_theme_name($0).map { String(cString: $0) } }
  }

  static func builtIn(_ name: String) -> String? {
    for index in 0..<sb_theme_count() {
      var count = 0
      guard let known = sb_theme_name(index), String(cString: known) == name, let text = sb_theme_text(index, &count)
      else { continue }
      return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }
    return nil
  }

  private static func read(_ path: String) throws(Failure) -> String {
    let data: Data
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      guard attributes[.type] as? FileAttributeType == .typeRegular else {
        throw Failure(.invalid, "\(DisplayText(path)): a theme is a regular file")
      }
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(.notFound, "\(DisplayText(path)): the theme file cannot be read")
    }
    guard let text = String(validating: data.prefix(ThemeFile.bytesMax + 1), as: UTF8.self) else {
      throw Failure(.invalid, "\(DisplayText(path)): the theme file is not UTF-8")
    }
    return text
  }
}
