import Base
import ControlPlane
import Glibc
import TestKit
import Testing

@testable import Access

struct PeerOwnerTests {
  /// IPv4, IPv6, an IPv4 client of a dual-stack listener, and an IPv6 client that writes its IPv4 target mapped.
  @Test(arguments: [
    ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1"), ("::", "::ffff:127.0.0.1"),
    ("127.0.0.1", "::ffff:127.0.0.1"),
  ])
  func theUserOfALoopbackPeerIsTold(listen: String, connect: String) throws {
    let listener = try LoopbackSocket(listen)
    let target = SocketEndpoint(address: try #require(IPAddress(connect)), port: listener.endpoint.port)
    let client = try LoopbackSocket.connect(to: target)
    defer { close(client) }
    let accepted = try listener.accept()
    defer { close(accepted.descriptor) }
    #expect(PeerOwner.userID(peer: accepted.peer, local: accepted.local) == geteuid())
  }

  @Test(arguments: [("127.0.0.1", "/proc/net/tcp"), ("::1", "/proc/net/tcp6")])
  func theTablesOfProcSayTheSame(address: String, path: String) throws {
    let listener = try LoopbackSocket(address)
    let client = try LoopbackSocket.connect(to: listener.endpoint)
    defer { close(client) }
    let accepted = try listener.accept()
    defer { close(accepted.descriptor) }
    let table = String(decoding: try #require(BoundedFile.read(path, bytesMax: 8 << 20)), as: UTF8.self)
    #expect(SocketTable.owner(in: table, local: accepted.peer, remote: accepted.local) == geteuid())
  }

  /// A closed socket has no inode, and the kernel says user 0 for it: taken for root, anybody could write and run.
  @Test(arguments: ["127.0.0.1", "::1"])
  func aPeerThatHasClosedItsSocketHasNoOwner(address: String) throws {
    let listener = try LoopbackSocket(address)
    let client = try LoopbackSocket.connect(to: listener.endpoint)
    #expect(write(client, "GET", 3) == 3)
    close(client)
    let accepted = try listener.accept()
    defer { close(accepted.descriptor) }
    #expect(PeerOwner.userID(peer: accepted.peer, local: accepted.local) == nil)
  }

  @Test func aConnectionThatDoesNotExistHasNoOwner() throws {
    let peer = try #require(SocketEndpoint("127.0.0.1", port: 1))
    let local = try #require(SocketEndpoint("127.0.0.1", port: 2))
    #expect(PeerOwner.userID(peer: peer, local: local) == nil)
    let six = try #require(SocketEndpoint("::1", port: 2))
    #expect(PeerOwner.userID(peer: peer, local: six) == nil)
  }

  /// As root the child takes another user id; otherwise it can only be our own.
  @Test func aChildOfAnotherUserIsToldApart() async throws {
    let listener = try LoopbackSocket("127.0.0.1")
    let other: UInt32 = geteuid() == 0 ? 65_534 : geteuid()
    let script = "exec 3<>/dev/tcp/127.0.0.1/\(listener.endpoint.port); cat <&3"
    let asOther = ["--reuid=\(other)", "--regid=\(other)", "--clear-groups", "bash", "-c", script]
    let arguments = geteuid() == 0 ? ["setpriv"] + asOther : ["bash", "-c", script]
    let child = try ProgramProcess("env", arguments)
    let accepted = try listener.accept()
    #expect(PeerOwner.userID(peer: accepted.peer, local: accepted.local) == other)
    let authenticator = try await Authenticator(settings: AccessSettings())
    let credentials = RequestCredentials(peer: accepted.peer, local: accepted.local, face: .http)
    if other == geteuid() {
      #expect(try await authenticator.authenticate(credentials).caller.grants == .operator)
    } else {
      let failure = await #expect(throws: Failure.self) { try await authenticator.authenticate(credentials) }
      #expect(failure?.code == .denied)
    }
    close(accepted.descriptor)
    #expect(try await child.outcome().status == .exited(0))
  }

  @Test(arguments: [(1_000, 1_000, true), (1_000, 0, true), (1_000, 1_001, false), (0, 0, true), (0, 1_000, false)])
  func theSameUserAndRootComeInAndNobodyElse(node: UInt32, peer: UInt32, isAllowed: Bool) async throws {
    let authenticator = try await Authenticator(settings: AccessSettings(), userID: node) { _, _ in peer }
    let credentials = loopback(from: "127.0.0.1")
    if isAllowed {
      let result = try await authenticator.authenticate(credentials)
      #expect(result.caller == Caller(actor: "local", origin: .http, grants: .operator))
    } else {
      await #expect(throws: Failure.self) { try await authenticator.authenticate(credentials) }
    }
  }

  @Test func aPeerWhoseUserCannotBeToldIsRefusedWithTheWayOut() async throws {
    let authenticator = try await Authenticator(settings: AccessSettings()) { _, _ in nil }
    let credentials = loopback(from: "::1")
    let failure = await #expect(throws: Failure.self) { try await authenticator.authenticate(credentials) }
    #expect(failure?.code == .denied)
    #expect(failure?.hint?.contains("SIGNALBOX_TOKEN") == true)
  }

  @Test func withoutACredentialOnlyThisMachineComesIn() async throws {
    let settings = AccessSettings(trustedProxies: [try CIDR("127.0.0.1")])
    let authenticator = try await Authenticator(settings: settings) { _, _ in geteuid() }
    for credentials in [
      loopback(from: "10.0.0.1"), loopback(from: "127.0.0.1", forwardedFor: ["203.0.113.5"]),
      RequestCredentials(peer: nil, local: nil, face: .http),
    ] {
      let failure = await #expect(throws: Failure.self) { try await authenticator.authenticate(credentials) }
      #expect(failure?.code == .denied)
    }
  }

  @Test(arguments: [
    ("   0: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1", 1_000),
    ("   0: 0100007F:1F90 0100007F:9C40 06 00000000:00000000 03:00000000 00000000     0        0 0 3", nil),
    ("   0: 0100007F:1F90 0100007F:9C41 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1", nil),
    ("   0: 0100007F:1F90 0100007F:9C40 01", nil),
    ("garbage", nil),
    ("", nil),
  ])
  func linesOfTheTableAreReadWhole(line: String, expected: UInt32?) throws {
    let local = try #require(SocketEndpoint("127.0.0.1", port: 8_080))
    let remote = try #require(SocketEndpoint("127.0.0.1", port: 40_000))
    #expect(SocketTable.owner(in: "  sl  local_address\n\(line)\n", local: local, remote: remote) == expected)
  }

  private func loopback(from address: String, forwardedFor: [String] = []) -> RequestCredentials {
    RequestCredentials(
      peer: SocketEndpoint(address, port: 40_000), local: SocketEndpoint(address, port: 8_000),
      forwardedFor: forwardedFor, face: .http)
  }
}
