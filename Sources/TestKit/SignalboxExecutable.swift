public import Base
internal import FoundationEssentials
internal import Glibc

/// The `signalbox` of this build: it lies in the folder of the running test bundle.
public func signalboxExecutable() throws(Failure) -> String {
  // A process that cannot read its own link has no build folder either; the candidate from argv is tried alone.
  let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
  for candidate in [own, CommandLine.arguments.first ?? ""] {
    var folder = candidate.split(separator: "/").dropLast()
    while !folder.isEmpty {
      let path = "/" + folder.joined(separator: "/") + "/signalbox"
      var status = stat()
      if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 { return path }
      guard folder.last?.hasSuffix(".xctest") == true || folder.last == "MacOS" else { break }
      folder = folder.dropLast()
    }
  }
  throw Failure(.notFound, "no signalbox executable beside the test bundle", hint: "swift build --product signalbox")
}
