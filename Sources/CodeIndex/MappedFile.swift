internal import Glibc

/// A file that is only ever read, mapped into memory: loading it costs nothing until a page is touched, and the pages
/// are the kernel's to drop. Files of the index are never changed once they have their name, so the mapping cannot
/// change under a reader. Goes when the last holder lets go, also when the file was unlinked before.
final class MappedFile: Sendable {
  let count: Int
  /// An address and not a pointer, because only numbers may be shared freely; it is valid as long as `self` is.
  private let address: UInt

  init(path: String) throws(IndexError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { throw .damaged(file: path, reason: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_size > 0 else { throw .damaged(file: path, reason: "empty") }
    count = Int(status.st_size)
    guard let mapped = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), mapped != MAP_FAILED else {
      throw .damaged(file: path, reason: String(cString: strerror(errno)))
    }
    address = UInt(bitPattern: mapped)
  }

  deinit { munmap(UnsafeMutableRawPointer(bitPattern: address), count) }

  var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: count)
  }
}
