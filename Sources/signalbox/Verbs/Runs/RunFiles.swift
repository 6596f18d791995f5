internal import Base
internal import ControlPlane
internal import Glibc

/// Writes what a program left into a folder. The names are the program's: each part is opened below the one before it,
/// and no link is followed, neither one that was there nor one that appears meanwhile.
struct RunFiles {
  let plane: any ControlPlane
  let result: RunResult

  /// Creates the folder if need be. A file that is not kept is named on standard error.
  func write(to folder: String) async throws {
    guard !result.files.isEmpty || mkdir(folder, 0o777) == 0 || errno == EEXIST else { throw Self.failure(folder) }
    for file in result.files {
      let bytes: [UInt8]
      do {
        guard case .runFile(let blob) = try await plane.ask(.runFile(id: result.id, path: file.path)) else {
          throw Failure.wrongAnswer
        }
        bytes = blob.bytes
      } catch let failure as Failure where failure.code == .notFound {
        StandardError.say("signalbox: \(DisplayText(file.path).truncated(to: 200)): \(failure.line)")
        continue
      }
      try Self.write(bytes, as: file.path, in: folder)
    }
  }

  static func write(_ bytes: [UInt8], as path: String, in folder: String) throws(Failure) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let name = parts.last, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw Failure(.internal, "the node named a file that cannot be in a folder")
    }
    guard mkdir(folder, 0o777) == 0 || errno == EEXIST else { throw failure(folder) }
    var place = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard place >= 0 else { throw failure(folder) }
    defer { close(place) }
    for part in parts.dropLast() {
      guard mkdirat(place, part, 0o777) == 0 || errno == EEXIST else { throw failure(path) }
      let next = openat(place, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard next >= 0 else { throw failure(path) }
      close(place)
      place = next
    }
    try write(bytes, as: name, below: place, path: path)
  }

  /// Beside its place and renamed over it, which replaces a link and does not follow it.
  private static func write(_ bytes: [UInt8], as name: String, below place: Int32, path: String) throws(Failure) {
    let temporary = ".signalbox-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    let descriptor = openat(place, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let failure = failure(path)
        unlinkat(place, temporary, 0)
        throw failure
      }
      written += count
    }
    guard renameat(place, temporary, place, name) == 0 else {
      let failure = failure(path)
      unlinkat(place, temporary, 0)
      throw failure
    }
  }

  private static func failure(_ path: String) -> Failure {
    let reason = String(cString: strerror(errno))
    return Failure(
      .unavailable, "\(DisplayText(path).truncated(to: 200)): cannot be written: \(reason)", isRetriable: false)
  }
}
