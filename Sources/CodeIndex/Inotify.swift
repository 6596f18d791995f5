internal import Glibc

/// The kernel's news about folders: inotify(7). Owned and used by one thread.
struct Inotify: ~Copyable {
  struct Event {
    /// Which watch; -1 when the kernel's queue ran over.
    let watch: Int32
    let mask: UInt32
    /// Of the entry in the watched folder; empty for the folder itself.
    let name: String
  }

  /// What concerns references, where git renames a new file over the old one, and files that somebody edits.
  static let mask = UInt32(
    IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_CLOSE_WRITE | IN_ONLYDIR | IN_DELETE_SELF)
  private static let bufferBytes = 64 << 10

  let descriptor: Int32
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Inotify.bufferBytes, alignment: 8)

  /// Nil when the process or the user has no instance left.
  init?() {
    descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
    guard descriptor >= 0 else {
      buffer.deallocate()
      return nil
    }
  }

  deinit {
    close(descriptor)
    buffer.deallocate()
  }

  /// Nil when the folder is not there, or no watch is left. The same folder has the same watch.
  func watch(_ folder: String) -> Int32? {
    let watch = inotify_add_watch(descriptor, folder, Self.mask)
    return watch < 0 ? nil : watch
  }

  func forget(_ watch: Int32) { _ = inotify_rm_watch(descriptor, watch) }

  /// What has come, without waiting.
  func read() -> [Event] {
    var events: [Event] = []
    while true {
      let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      guard count > 0 else { return events }
      var offset = 0
      let header = MemoryLayout<inotify_event>.size
      while offset + header <= count {
        let watch = buffer.loadUnaligned(fromByteOffset: offset, as: Int32.self)
        let mask = buffer.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
        let length = Int(buffer.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
        let bytes = buffer[(offset + header)..<min(count, offset + header + length)].prefix { $0 != 0 }
        events.append(Event(watch: watch, mask: mask, name: String(decoding: bytes, as: UTF8.self)))
        offset += header + length
      }
    }
  }
}
