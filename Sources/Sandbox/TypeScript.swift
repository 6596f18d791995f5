/// The step before a TypeScript program: esbuild takes the types away, in a sandbox of its own, and what Node then runs
/// is JavaScript with a source map, so that errors name the lines that were written.
enum TypeScript {
  static let limits = SandboxLimits(
    memoryBytes: 256 << 20, cpuPercent: 100, timeoutMilliseconds: 10_000, outputBytes: 4 << 20)

  /// What came of it.
  enum Stripped: Sendable {
    case program(String)
    /// The compiler's own words.
    case refused(String)
  }

  static func arguments(nodeVersion: String) -> [String] {
    let number = nodeVersion.drop { !$0.isNumber }.prefix { $0.isNumber || $0 == "." }
    return [
      "--loader=ts", "--format=cjs", "--target=node\(number)", "--sourcemap=inline", "--sources-content=false",
      "--sourcefile=\(sourceName)", "--color=false", "--log-limit=20",
    ]
  }

  static let sourceName = "main.ts"

  /// What is run in place of `request`. The source lies beside it, for whoever shows a line of it.
  static func program(_ request: SandboxRequest, _ code: String) -> SandboxRequest {
    var program = request
    program.code = code
    if !request.files.contains(where: { $0.path == sourceName }) {
      program.files.append(SandboxRequest.File(path: sourceName, content: Array(request.code.utf8)))
    }
    return program
  }
}
