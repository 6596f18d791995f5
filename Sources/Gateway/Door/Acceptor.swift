internal import Access
internal import CSockets
internal import Glibc
internal import Logging
internal import Synchronization

/// The listening socket and the thread that accepts. We accept ourselves because NIO has no public way to the
/// descriptor of a channel it accepted, and descriptors leave NIO after the upgrade.
///
/// Bounded: a token bucket of accepts a second (others wait in the kernel's queue, which is the throttle that costs
/// nothing), a bound on connections that have not sent a request, and a spare descriptor for the moment when the
/// process has none left (otherwise accept fails for ever and the thread spins).
final class Acceptor: Sendable {
  private static let backlog: Int32 = 4_096
  private static let batchMax = 256
  /// What the kernel takes of a connection's output before it is under way (tcp(7), TCP_NOTSENT_LOWAT). Without it the
  /// kernel holds some hundred kilobytes for each slow client, which no bound of ours sees.
  private static let unsentBytesMax: Int32 = 64 << 10
  /// TCP_NOTSENT_LOWAT of <linux/tcp.h>, which Swift does not import.
  private static let notSentLowWater: Int32 = 25

  let port: Int
  private let listener: Int32
  private let wakeUp: Int32
  private let isStopping = Atomic(false)
  private let admission: Admission
  private let rate: Double
  private let burst: Double

  /// Binds and listens. Throws `system` with the kernel's reason.
  init(options: GatewayOptions, admission: Admission) throws(GatewayError) {
    self.admission = admission
    rate = Double(max(1, options.acceptsPerSecond))
    burst = Double(max(1, options.acceptBurst))
    (listener, port) = try Self.listen(host: options.host, port: options.port)
    let made = sb_event_descriptor()
    guard made >= 0 else {
      close(listener)
      throw .system("no wake-up descriptor", errno: -made)
    }
    wakeUp = made
  }

  deinit {
    close(listener)
    close(wakeUp)
  }

  /// Accepts on a thread of its own until `stop`; `arrived` gets every descriptor with the address of its peer, and
  /// owns it; `isPolite503` says that it is to be told to come back later.
  func start(_ arrived: @escaping @Sendable (Int32, SocketEndpoint?, _ isPolite503: Bool) -> Void) throws(GatewayError)
  {
    try LoopThread.start(name: "gateway-accept") { self.run(arrived) }
  }

  func stop() {
    isStopping.store(true, ordering: .releasing)
    var one: UInt64 = 1
    _ = write(wakeUp, &one, 8)
  }

  private func run(_ arrived: (Int32, SocketEndpoint?, Bool) -> Void) {
    var spare = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { if spare >= 0 { close(spare) } }
    var tokens = burst
    var refilled = MonotonicTime.now()
    while !isStopping.load(ordering: .acquiring) {
      let now = MonotonicTime.now()
      tokens = min(burst, tokens + Double(now - refilled) * rate / 1e9)
      refilled = now
      guard tokens >= 1 else {
        wait(milliseconds: Int32(max(1, (1 - tokens) / rate * 1_000)), forConnections: false)
        continue
      }
      wait(milliseconds: 1_000, forConnections: true)
      for _ in 0..<Self.batchMax where tokens >= 1 {
        guard acceptOne(&spare, arrived) else { break }
        tokens -= 1
      }
    }
  }

  private func wait(milliseconds: Int32, forConnections: Bool) {
    var entries = [
      pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0), pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
    ]
    _ = poll(&entries, forConnections ? 2 : 1, milliseconds)
  }

  /// False when there was none.
  private func acceptOne(_ spare: inout Int32, _ arrived: (Int32, SocketEndpoint?, Bool) -> Void) -> Bool {
    var peer = sockaddr_storage()
    let descriptor = sb_accept(listener, &peer)
    if descriptor == -EMFILE || descriptor == -ENFILE {
      // Take the connection with the spare descriptor and close it, so that the queue moves on.
      if spare >= 0 { close(spare) }
      let unlucky = sb_accept(listener, &peer)
      if unlucky >= 0 { close(unlucky) }
      spare = open("/dev/null", O_RDONLY | O_CLOEXEC)
      admission.refused.wrappingAdd(1, ordering: .relaxed)
      return unlucky >= 0
    }
    guard descriptor >= 0 else { return descriptor == -ECONNABORTED || descriptor == -EINTR }
    switch admission.enter() {
    case .cut: close(descriptor)
    case .polite503: arrived(descriptor, SocketEndpoint(storage: peer), true)
    case .welcome: arrived(descriptor, SocketEndpoint(storage: peer), false)
    }
    return true
  }

  private static func listen(host: String, port: Int) throws(GatewayError) -> (Int32, Int) {
    let name = host.lowercased() == "localhost" ? "127.0.0.1" : host
    guard let endpoint = SocketEndpoint(name, port: port) else {
      throw .system("cannot listen on this host", reason: "it is not an IP address")
    }
    let family = endpoint.address.isIPv4 ? AF_INET : AF_INET6
    let descriptor = socket(
      family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw .system("cannot make a socket", errno: errno) }
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
    // Accepted connections inherit both (Linux).
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    var unsent = Self.unsentBytesMax
    setsockopt(descriptor, Int32(IPPROTO_TCP), Self.notSentLowWater, &unsent, 4)
    var storage = endpoint.storage
    let length = socklen_t(family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size)
    let isBound = withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) } == 0
    }
    guard isBound, Glibc.listen(descriptor, backlog) == 0 else {
      let code = errno
      close(descriptor)
      throw .system("cannot listen on port \(port)", errno: code)
    }
    return (descriptor, Int(SocketEndpoint(localOf: descriptor)?.port ?? UInt16(port)))
  }
}

extension SocketEndpoint {
  /// Nil for anything but IPv4 and IPv6.
  init?(storage: sockaddr_storage) {
    let family = Int32(storage.ss_family)
    let made = withUnsafeBytes(of: storage) { raw -> SocketEndpoint? in
      let isFour = family == AF_INET
      guard isFour || family == AF_INET6 else { return nil }
      let port = UInt16(bigEndian: raw.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
      let bytes = isFour ? raw[4..<8] : raw[8..<24]
      return IPAddress(bytes: Array(bytes)).map { SocketEndpoint(address: $0, port: port) }
    }
    guard let made else { return nil }
    self = made
  }

  /// The own end of a connected or listening socket.
  init?(localOf descriptor: Int32) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard status == 0 else { return nil }
    self.init(storage: storage)
  }

  /// As the kernel takes it.
  var storage: sockaddr_storage {
    var storage = sockaddr_storage()
    storage.ss_family = sa_family_t(address.isIPv4 ? AF_INET : AF_INET6)
    let (port, start) = (port.bigEndian, address.isIPv4 ? 4 : 8)
    withUnsafeMutableBytes(of: &storage) { raw in
      raw.storeBytes(of: port, toByteOffset: 2, as: UInt16.self)
      for (index, byte) in address.bytes.enumerated() { raw[start + index] = byte }
    }
    return storage
  }
}
