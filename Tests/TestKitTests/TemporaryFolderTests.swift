import Base
import Glibc
import TestKit
import Testing

@Suite struct TemporaryFolderTests {
  @Test func aFolderIsPrivateAndShortAndGoesWithItsContent() throws {
    let folder = try TemporaryFolder()
    #expect(folder.path.hasPrefix("/tmp/sb-") && folder.path.utf8.count < 40)
    var status = stat()
    #expect(stat(folder.path, &status) == 0 && status.st_mode & 0o777 == 0o700)
    try folder.write("deep/er/file", "text")
    #expect(folder.read("deep/er/file") == "text")
    #expect(folder.read("none") == nil)
    #expect(folder.names() == ["deep"])
    chmod(folder.file("deep/er"), 0)
    folder.close()
    #expect(access(folder.path, F_OK) != 0)
    folder.close()
  }

  @Test func aFolderGoesWithItsObject() throws {
    func path() throws -> String { try TemporaryFolder().path }
    #expect(access(try path(), F_OK) != 0)
  }

  @Test func aLinkInTheFolderIsRemovedAndNotFollowed() throws {
    let outside = try TemporaryFolder()
    try outside.write("kept", "yes")
    let folder = try TemporaryFolder()
    #expect(symlink(outside.path, folder.file("link")) == 0)
    folder.close()
    #expect(outside.read("kept") == "yes")
  }
}

@Suite struct TemporaryGitRepositoryTests {
  @Test func commitsRenamesAndBranchesAreReal() async throws {
    let repository = try await TemporaryGitRepository()
    try repository.write("a.txt", "one\n")
    let first = try await repository.commit("First")
    #expect(first.count == 40)
    try await repository.branch("work")
    try await repository.rename("a.txt", "b.txt")
    let second = try await repository.commit("Second")
    #expect(first != second)
    #expect(try await repository.git("ls-tree", "--name-only", "HEAD") == "b.txt")
    #expect(try await repository.git("log", "--format=%an %s") == "Test Second\nTest First")
    try await repository.checkout("main")
    #expect(try await repository.head() == first)
    try await repository.delete("a.txt")
    try await repository.commit("Gone")
    #expect(try await repository.git("ls-tree", "--name-only", "HEAD") == "")
    repository.close()
    #expect(access(repository.path, F_OK) != 0)
  }

  @Test func hashesAreTheSameInEveryRun() async throws {
    func hash() async throws -> String {
      let repository = try await TemporaryGitRepository()
      try repository.write("a", "1")
      return try await repository.commit("Same")
    }
    #expect(try await hash() == hash())
  }

  @Test func aFailingCommandSaysWhatGitSaid() async throws {
    let repository = try await TemporaryGitRepository()
    let error = await #expect(throws: Failure.self) { try await repository.checkout("nowhere") }
    #expect(error?.message.contains("nowhere") == true)
  }
}
