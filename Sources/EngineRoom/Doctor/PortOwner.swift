internal import Glibc

/// Whether a port is free, and who has it if not.
enum PortOwner {
  /// 0 when a listener can be opened there, else the error number. The listener is closed at once.
  static func bind(_ host: String, _ port: Int) -> Int32 {
    guard let number = UInt16(exactly: port) else { return EINVAL }
    var six = sockaddr_in6()
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = number.bigEndian
    if inet_pton(AF_INET6, host, &six.sin6_addr) == 1 { return open(AF_INET6, six) }
    var four = sockaddr_in()
    four.sin_family = sa_family_t(AF_INET)
    four.sin_port = number.bigEndian
    // A name stands for this machine, or the node will say what is wrong with it.
    if inet_pton(AF_INET, host, &four.sin_addr) != 1 { inet_pton(AF_INET, "127.0.0.1", &four.sin_addr) }
    return open(AF_INET, four)
  }

  private static func open<Address>(_ family: Int32, _ address: Address) -> Int32 {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    // As servers do, so that connections of an earlier node in TIME_WAIT do not count.
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    let code = withUnsafeBytes(of: address) { raw -> Int32 in
      guard let base = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
      return Glibc.bind(descriptor, base, socklen_t(raw.count))
    }
    guard code == 0, listen(descriptor, 1) == 0 else { return errno }
    return 0
  }

  /// The process that listens on a port: its socket's inode from the kernel's table, and whose descriptor that is.
  /// Nil when it belongs to another user, whose descriptors cannot be seen.
  static func find(port: Int) -> (pid: Int32, name: String)? {
    let listening = Set(["tcp", "tcp6"].flatMap { inodes(of: port, table: "/proc/net/\($0)") })
    guard !listening.isEmpty else { return nil }
    for name in entries("/proc") {
      guard let pid = Int32(name) else { continue }
      for descriptor in entries("/proc/\(name)/fd") {
        guard let target = link("/proc/\(name)/fd/\(descriptor)"), listening.contains(target) else { continue }
        let command = Doctor.kernelText("/proc/\(name)/comm")?.split(separator: "\n").first.map(String.init)
        return (pid, command ?? "a process")
      }
    }
    return nil
  }

  /// `socket:[inode]` of every listener (state 0A) on the port.
  private static func inodes(of port: Int, table: String) -> [String] {
    (Doctor.kernelText(table) ?? "").split(separator: "\n").dropFirst().compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 9, fields[3] == "0A", let digits = fields[1].split(separator: ":").last,
        Int(digits, radix: 16) == port
      else { return nil }
      return "socket:[\(fields[9])]"
    }
  }

  private static func entries(_ folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream), names.count < 200_000 {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  private static func link(_ path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: 64)
    let count = readlink(path, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
