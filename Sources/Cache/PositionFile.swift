internal import Glibc

/// Remembers across restarts how far this node has followed which history, so that a data set restored from an old
/// snapshot while the node was down is recognised. Written without waiting for the disk: losing it loses only that.
struct PositionFile: Sendable {
  let path: String

  func load() -> Coherence.Position? {
    guard let bytes = StateFile.read(path, bytesMax: 256) else { return nil }
    let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init)
    guard fields.count == 3, let sequence = UInt64(fields[1]) else { return nil }
    return Coherence.Position(epoch: fields[0], sequence: sequence, id: fields[2])
  }

  func save(_ position: Coherence.Position) {
    guard !position.id.isEmpty, load() != position else { return }
    // A position that cannot be saved costs the recognition of a rollback over a restart, nothing else.
    _ = StateFile.write(path, Array("\(position.epoch) \(position.sequence) \(position.id)".utf8), isSynced: false)
  }
}

/// Small files of the state folder.
enum StateFile {
  static func read(_ path: String, bytesMax: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count >= 0 else { return nil }
    return Array(bytes[..<count])
  }

  /// Writes beside the file and renames over it: readers see the old or the new, never half.
  static func write(_ path: String, _ bytes: [UInt8], isSynced: Bool) -> Bool {
    let temporary = path + ".new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count && (!isSynced || fsync(descriptor) == 0)
    close(descriptor)
    return isWritten && rename(temporary, path) == 0
  }
}
