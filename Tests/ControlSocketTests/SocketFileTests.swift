import Base
import CSockets
import ControlPlane
import Glibc
import Testing

@testable import ControlSocket

@Suite struct SocketFileTests {
  @Test func theFileIsTheOwnersAloneWhateverTheMaskSays() async throws {
    try await withFolder { folder in
      let socket = try await ListeningSocket(path: "\(folder)/s", group: nil)
      #expect(mode("\(folder)/s") == 0o600)
      socket.removeFile()
      #expect(FileIdentity(path: "\(folder)/s") == nil)
    }
  }

  @Test func aConfiguredGroupMayReadAndWrite() async throws {
    try await withFolder { folder in
      let socket = try await ListeningSocket(path: "\(folder)/s", group: getegid())
      #expect(mode("\(folder)/s") == 0o660)
      socket.removeFile()
    }
  }

  @Test func aStaleFileIsReplacedAndALiveOneIsNot() async throws {
    try await withFolder { folder in
      let path = "\(folder)/s"
      let address = try UnixAddress(path)
      // A socket that was bound and whose process is gone leaves exactly this.
      let dead = try UnixAddress.makeSocket(isBlocking: false).get()
      try #require(address.withSocketAddress { bind(dead, $0, $1) } == 0)
      close(dead)
      let first = try await ListeningSocket(path: path, group: nil)
      let refusal = await failure { _ = try await ListeningSocket(path: path, group: nil) }
      #expect(refusal?.code == .conflict)
      #expect(refusal?.message == "a node already answers at \(path)")
      #expect(FileIdentity(path: path) != nil)
      first.removeFile()
    }
  }

  @Test func whatIsNoSocketIsRefusedAndKept() async throws {
    try await withFolder { folder in
      let path = "\(folder)/file"
      let file = open(path, O_CREAT | O_WRONLY, 0o600)
      try #require(file >= 0)
      close(file)
      let before = FileIdentity(path: path)
      let refusal = await failure { _ = try await ListeningSocket(path: path, group: nil) }
      #expect(refusal?.code == .conflict)
      #expect(refusal?.message == "\(path) is no socket, and is left alone")
      try #require(symlink("file", "\(folder)/s2") == 0)
      let link = await failure { _ = try await ListeningSocket(path: "\(folder)/s2", group: nil) }
      #expect(link?.code == .conflict)
      #expect(FileIdentity(path: path) == before)
    }
  }

  @Test func foldersThatStrangersCanWriteAreRefused() async throws {
    try await withFolder { folder in
      try #require(chmod(folder, 0o777) == 0)
      let refusal = await failure { _ = try await ListeningSocket(path: "\(folder)/s", group: nil) }
      #expect(refusal?.code == .denied)
      try #require(chmod(folder, 0o1777) == 0)
      let socket = try await ListeningSocket(path: "\(folder)/s", group: nil)
      socket.removeFile()
      let missing = await failure { _ = try await ListeningSocket(path: "\(folder)/none/s", group: nil) }
      #expect(missing?.code == .notFound)
    }
  }

  @Test func pathsThatDoNotFitAreRefused() async throws {
    for path in ["", "/tmp/" + String(repeating: "a", count: 103), "/tmp/a\0b"] {
      let refusal = await failure { _ = try await ListeningSocket(path: path, group: nil) }
      #expect(refusal?.code == .invalid)
    }
    _ = try UnixAddress("/tmp/" + String(repeating: "a", count: 102))
  }

  @Test func onlyTheOwnFileIsRemovedAtTheEnd() async throws {
    try await withFolder { folder in
      let path = "\(folder)/s"
      let first = try await ListeningSocket(path: path, group: nil)
      try #require(rename(path, "\(folder)/old") == 0)
      let second = try await ListeningSocket(path: path, group: nil)
      first.removeFile()
      #expect(FileIdentity(path: path) != nil)
      second.removeFile()
      #expect(FileIdentity(path: path) == nil)
    }
  }

  /// Many nodes wait for the locks of their folders, and nothing else waits for them: whoever holds the locks runs on.
  @Test func aFolderThatAnotherNodeHoldsIsWaitedForByNobodyElse() async throws {
    try await withFolder { folder in
      let folders = (0..<16).map { "\(folder)/\($0)" }
      defer { for folder in folders { rmdir(folder) } }
      var locks: [Int32] = []
      for folder in folders {
        try #require(mkdir(folder, 0o700) == 0)
        let lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try #require(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
        locks.append(lock)
      }
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for folder in folders {
          group.addTask {
            let socket = try await ListeningSocket(path: "\(folder)/s", group: nil)
            defer { socket.removeFile() }
            return mode("\(folder)/s") == 0o600
          }
        }
        // Runs when one of the threads that they wait on is free for it.
        await Task.detached { [locks] in for lock in locks { close(lock) } }.value
        for try await isWhole in group { #expect(isWhole) }
      }
    }
  }

  @Test func aSecondNodeIsRefusedBeforeItServes() async throws {
    try await withServer { stage in
      let second = makeServer(stage.path, desk: Desk())
      let refusal = await failure { try await second.run() }
      #expect(refusal?.code == .conflict)
      let client = try await stage.client()
      try await client.ping()
      await client.close()
    }
  }

  @Test(
    arguments: [
      // peer, group configured, groups of the peer's user, allowed
      (UInt32(1_000), UInt32(1_000), nil, [UInt32](), true),
      (0, 0, nil, [], true),
      (1_001, 1_001, nil, [1_000], false),
      (1_001, 1_000, nil, [], false),
      (1_001, 1_001, 50, [], false),
      (1_001, 1_001, 50, [49, 50], true),
      (1_001, 50, 50, [], true),
      (65_534, 65_534, 50, [65_534], false),
    ] as [(UInt32, UInt32, UInt32?, [UInt32], Bool)])
  func onlyTheSameUserRootAndTheGroupMayAttach(
    user: UInt32, primary: UInt32, group: UInt32?, groups: [UInt32], isAllowed: Bool
  ) {
    let policy = PeerPolicy(nodeUser: 1_000, group: group)
    let peer = sb_peer_credentials(pid: 1, uid: user, gid: primary)
    #expect(policy.allows(peer, supplementary: { _ in groups }) == isAllowed)
  }

  @Test func theKernelSaysWhoThePeerIs() throws {
    var pair: [Int32] = [0, 0]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
    defer {
      close(pair[0])
      close(pair[1])
    }
    var peer = sb_peer_credentials()
    try #require(sb_peer_credentials_of(pair[0], &peer) == 0)
    #expect(peer.uid == geteuid())
    #expect(peer.pid == getpid())
    #expect(PeerPolicy(nodeUser: geteuid(), group: nil).allows(peer))
    #expect(UserDirectory.groups(of: 0).contains(0))
    #expect(UserDirectory.groups(of: 4_000_000_000).isEmpty)
  }

  private func mode(_ path: String) -> UInt32 {
    var status = stat()
    guard lstat(path, &status) == 0 else { return 0 }
    return status.st_mode & 0o777
  }
}
