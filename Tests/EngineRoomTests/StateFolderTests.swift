import Base
import Glibc
import TestKit
import Testing

@testable import EngineRoom

@Suite struct StateFolderTests {
  @Test func createsTheFolderAndItsParentsForTheOwnerOnly() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/a/b/state"
    let state = try StateFolder(path: path)
    var facts = stat()
    #expect(stat(path, &facts) == 0)
    #expect(facts.st_mode & 0o777 == 0o700)
    let held = state.path
    #expect(held == path)
  }

  @Test func tightensAFolderThatOthersMayRead() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/state"
    #expect(mkdir(path, 0o755) == 0)
    let state = try StateFolder(path: path)
    var facts = stat()
    #expect(stat(path, &facts) == 0)
    #expect(facts.st_mode & 0o777 == 0o700)
    _ = consume state
  }

  @Test func aSecondHolderIsRefusedAndToldWhoHoldsIt() throws {
    let folder = try TemporaryFolder()
    let first = try StateFolder(path: folder.path)
    #expect {
      _ = try StateFolder(path: folder.path).path
    } throws: { error in
      let failure = error as? Failure
      return failure?.code == .conflict && failure?.message.contains("process \(getpid())") == true
    }
    _ = consume first
  }

  @Test func aCommandWaitsForACommandAndNotForANode() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path
    let first = try await StateFolder.forCommand(path: path)
    // The second's turn comes when the first has ended, however late that is.
    async let second: Void = Self.take(path, within: .seconds(60))
    let late = await #expect(throws: Failure.self) { try await Self.take(path, within: .milliseconds(60)) }
    #expect(late?.code == .conflict)
    #expect(late?.message.contains("process \(getpid())") == true && late?.message.contains("not ended") == true)
    _ = consume first
    try await second
    let node = try StateFolder(path: path)
    let refused = await #expect(throws: Failure.self) { try await Self.take(path, within: .seconds(600)) }
    #expect(refused?.code == .conflict && refused?.message.contains("not ended") == false)
    _ = consume node
  }

  private static func take(_ path: String, within limit: Duration) async throws(Failure) {
    let state = try await StateFolder.forCommand(path: path, within: limit)
    _ = consume state
  }

  @Test func theLockGoesWithItsHolder() throws {
    let folder = try TemporaryFolder()
    do {
      let first = try StateFolder(path: folder.path)
      _ = consume first
    }
    let second = try StateFolder(path: folder.path)
    let path = second.path
    #expect(path == folder.path)
  }

  @Test(arguments: ["relative/state", "/dev/null/state", "/dev/null", "/proc/nothing/here"])
  func aPlaceThatCannotHoldAFolderIsOneClearLine(path: String) throws {
    #expect {
      _ = try StateFolder(path: path).path
    } throws: { error in
      guard let failure = error as? Failure else { return false }
      return failure.message.contains("state folder \(path)") && failure.hint?.contains("SIGNALBOX_STATE") == true
    }
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give a folder away"))
  func aFolderOfAnotherUserIsRefusedUntouched() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/theirs"
    #expect(mkdir(path, 0o755) == 0)
    // Another test's umask may be in force at this moment.
    #expect(chmod(path, 0o755) == 0)
    #expect(chown(path, 65_534, 65_534) == 0)
    #expect(throws: Failure.self) { _ = try StateFolder(path: path).path }
    var facts = stat()
    #expect(stat(path, &facts) == 0)
    #expect(facts.st_mode & 0o777 == 0o755)
  }

  @Test func aLockThatIsALinkIsNotFollowed() throws {
    let folder = try TemporaryFolder()
    let target = "\(folder.path)/target"
    let path = "\(folder.path)/state"
    #expect(mkdir(path, 0o700) == 0)
    #expect(symlink(target, "\(path)/lock") == 0)
    #expect(throws: Failure.self) { _ = try StateFolder(path: path).path }
    #expect(access(target, F_OK) != 0)
  }
}
