internal import FoundationEssentials
internal import Glibc

/// An interpreter of this machine and the files it needs, which are all that a sandbox sees of the machine.
public struct Interpreter: Sendable, Equatable {
  public var language: Language
  /// With every link resolved.
  public var path: String
  public var version: String
  /// Files and folders shown read-only inside, under the same names: source by destination.
  var mounts: [String: String]
  /// Variables that every sandbox with it has, besides those of all.
  var environment: [String: String] = [:]

  /// Looks in the usual places and in PATH for a program that a stranger's user id can reach.
  public static func find(_ language: Language, named: String? = nil, searchPath: String) -> Interpreter? {
    let folders = ["/usr/bin", "/usr/local/bin"] + searchPath.split(separator: ":").map(String.init)
    let candidates = named.map { [$0] } ?? folders.flatMap { folder in language.programs.map { "\(folder)/\($0)" } }
    var tried: Set<String> = []
    for candidate in candidates {
      guard let path = resolve(candidate), tried.insert(path).inserted, isProgram(path), isReachable(path) else {
        continue
      }
      if let found = probe(language, path) { return found }
    }
    return nil
  }

  private static func probe(_ language: Language, _ path: String) -> Interpreter? {
    let question =
      switch language {
      case .python:
        [
          "-I", "-S", "-c",
          "import sys,sysconfig;p=sysconfig.get_paths();"
            + "print(sys.version.split()[0]);print(p['stdlib']);print(p['platstdlib'])",
        ]
      case .javascript, .typescript: ["-p", "process.version"]
      case .go: ["version"]
      }
    return probe(language, path, question)
  }

  /// A program that is no interpreter and needs nothing but its libraries, such as a compiler.
  static func tool(_ name: String, for language: Language, searchPath: String) -> Interpreter? {
    let folders = ["/usr/bin", "/usr/local/bin"] + searchPath.split(separator: ":").map(String.init)
    for folder in folders {
      guard let path = resolve("\(folder)/\(name)"), isProgram(path), isReachable(path) else { continue }
      if let found = probe(language, path, ["--version"]) { return found }
    }
    return nil
  }

  private static func probe(_ language: Language, _ path: String, _ question: [String]) -> Interpreter? {
    guard let answer = ToolRun.output(path, question) else { return nil }
    let lines = answer.split(separator: "\n").map(String.init)
    guard let version = lines.first else { return nil }
    var mounts = [path: path]
    var objects = [path]
    for folder in Set(lines.dropFirst()) where isReachable(folder) {
      mounts[folder] = folder
      let modules = folder + "/lib-dynload"
      // An interpreter whose modules are built in has no such folder.
      objects += ((try? FileManager.default.contentsOfDirectory(atPath: modules)) ?? []).map { "\(modules)/\($0)" }
    }
    for library in libraries(of: objects) where mounts[library] == nil {
      guard let source = resolve(library) else { continue }
      mounts[library] = source
    }
    return Interpreter(language: language, path: path, version: version, mounts: mounts)
  }

  /// Every shared library these objects load, as the loader names them: `name => /path (0x…)` or `/path (0x…)`.
  static func libraries(of objects: [String]) -> [String] {
    guard let listing = ToolRun.output("/usr/bin/ldd", objects) else { return [] }
    var found: Set<String> = []
    for line in listing.split(separator: "\n") where line.hasPrefix("\t") {
      for word in line.split(whereSeparator: \.isWhitespace) where word.hasPrefix("/") { found.insert(String(word)) }
    }
    return found.sorted()
  }

  private static let objectsMax = 4_096

  /// What the compiled modules of package folders need besides the interpreter's own libraries: source by destination.
  static func libraries(below folders: [String]) -> [String: String] {
    var objects: [String] = []
    for folder in folders {
      // A folder that cannot be listed has nothing that could be loaded.
      for name in (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
      where objects.count < objectsMax && (name.hasSuffix(".so") || name.hasSuffix(".node")) {
        let path = "\(folder)/\(name)"
        if isProgram(path) { objects.append(path) }
      }
    }
    var found: [String: String] = [:]
    // A command line has an end.
    for start in stride(from: 0, to: objects.count, by: 256) {
      for library in libraries(of: Array(objects[start..<min(start + 256, objects.count)])) {
        guard !folders.contains(where: { library.hasPrefix($0 + "/") }), let source = resolve(library) else { continue }
        found[library] = source
      }
    }
    return found
  }

  static func resolve(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Starts with the mark of ELF: a version switcher's shell script is not what is looked for.
  static func isProgram(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var mark = [UInt8](repeating: 0, count: 4)
    return read(descriptor, &mark, 4) == 4 && mark == [0x7F, 0x45, 0x4C, 0x46]
  }

  /// Every folder on the way may be passed by anyone, and the end may be read.
  static func isReachable(_ path: String) -> Bool {
    var folder = ""
    for part in path.split(separator: "/") {
      var status = stat()
      if !folder.isEmpty, stat(folder, &status) != 0 || status.st_mode & 0o001 == 0 { return false }
      folder += "/\(part)"
    }
    var status = stat()
    return stat(folder, &status) == 0 && status.st_mode & 0o004 != 0
  }
}
