import Base
import Glibc
import Telemetry
import TestKit
import Testing

@Suite struct RotatingFileTests {
  @Test func linesAreAppendedWholeAndPrivately() throws {
    let folder = try TemporaryFolder()
    let file = RotatingFile(path: folder.file("log"))
    #expect(file.append("one") && file.append("two\n") && file.append("th\nree"))
    #expect(folder.read("log") == "one\ntwo\nth ree\n")
    var status = stat()
    #expect(stat(folder.file("log"), &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test func oldFilesAreKeptInOrderUpToTheNumber() throws {
    let folder = try TemporaryFolder()
    let file = RotatingFile(path: folder.file("log"), bytesMax: 8, keep: 2)
    for number in 0..<5 { file.append("line \(number)") }
    #expect(folder.names() == ["log", "log.1", "log.2"])
    #expect(folder.read("log") == "line 4\n" && folder.read("log.1") == "line 3\n")
    #expect(folder.read("log.2") == "line 2\n")
  }

  @Test func withNothingToKeepTheFileIsEmptied() throws {
    let folder = try TemporaryFolder()
    let file = RotatingFile(path: folder.file("log"), bytesMax: 8, keep: 0)
    for number in 0..<3 { file.append("line \(number)") }
    #expect(folder.names() == ["log"] && folder.read("log") == "line 2\n")
  }

  @Test func anExistingFileIsContinuedAndItsTornLineEnded() throws {
    let folder = try TemporaryFolder()
    try folder.write("log", "whole\nhal")
    chmod(folder.file("log"), 0o644)
    RotatingFile(path: folder.file("log")).append("next")
    #expect(folder.read("log") == "whole\nhal\nnext\n")
    var status = stat()
    #expect(stat(folder.file("log"), &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test func aMovedFileIsLeftAloneAfterReopen() throws {
    let folder = try TemporaryFolder()
    let file = RotatingFile(path: folder.file("log"))
    file.append("old")
    #expect(rename(folder.file("log"), folder.file("moved")) == 0)
    file.append("still old")
    file.reopen()
    file.append("new")
    #expect(folder.read("moved") == "old\nstill old\n" && folder.read("log") == "new\n")
  }

  @Test func aDeletedFileIsMadeAnew() throws {
    let folder = try TemporaryFolder()
    let file = RotatingFile(path: folder.file("log"))
    file.append("old")
    unlink(folder.file("log"))
    #expect(file.append("new") && folder.read("log") == "new\n")
  }

  @Test func aMissingFolderIsToldOnceAndWritingGoesOnWhenItIsBack() throws {
    let folder = try TemporaryFolder()
    let failures = Collected<Failure>()
    let file = RotatingFile(path: folder.file("deep/log")) { failures.append($0) }
    #expect(!file.append("a") && !file.append("b"))
    #expect(failures.count == 1 && file.linesLost == 2 && file.failure?.code == .unavailable)
    #expect(mkdir(folder.file("deep"), 0o700) == 0)
    #expect(file.append("c") && folder.read("deep/log") == "c\n" && file.failure == nil)
    unlink(folder.file("deep/log"))
    rmdir(folder.file("deep"))
    #expect(!file.append("d"))
    #expect(failures.count == 2)
  }

  @Test func symbolicLinksAreRefused() throws {
    let folder = try TemporaryFolder()
    try folder.write("target", "mine\n")
    #expect(symlink(folder.file("target"), folder.file("log")) == 0)
    let file = RotatingFile(path: folder.file("log"))
    #expect(!file.append("x"))
    #expect(file.failure?.message.contains("symbolic link") == true)
    #expect(folder.read("target") == "mine\n")
  }

  @Test func pipesAndFoldersAreRefusedWithoutWaiting() throws {
    let folder = try TemporaryFolder()
    #expect(mkfifo(folder.file("pipe"), 0o600) == 0 && mkdir(folder.file("folder"), 0o700) == 0)
    for name in ["pipe", "folder"] {
      let file = RotatingFile(path: folder.file(name))
      #expect(!file.append("x") && file.failure != nil)
    }
  }

  @Test func whileItCannotRotateTheFileStaysAsLargeAsItIs() throws {
    let folder = try TemporaryFolder()
    let failures = Collected<Failure>()
    let file = RotatingFile(path: folder.file("log"), bytesMax: 1 << 20, keep: 1) { failures.append($0) }
    // A folder in place of log.1 makes the rotation fail.
    try folder.write("log.1/inside", "x")
    let line = String(repeating: "x", count: 600_000)
    #expect(file.append(line))
    #expect(!file.append(line) && !file.append(line))
    #expect(failures.count == 1 && file.linesLost == 2)
    #expect(folder.read("log")?.utf8.count == 600_001)
  }

  @Test func linesOfManyTasksAreAllWhole() async throws {
    let folder = try TemporaryFolder()
    let file = RotatingFile(path: folder.file("log"), bytesMax: 20_000, keep: 100)
    await withTaskGroup { group in
      for task in 0..<8 {
        group.addTask { for number in 0..<200 { file.append("task \(task) line \(number) end") } }
      }
    }
    let lines = folder.names().flatMap { folder.read($0)?.split(separator: "\n").map(String.init) ?? [] }
    #expect(lines.count == 1_600 && Set(lines).count == 1_600)
    #expect(lines.allSatisfy { $0.hasPrefix("task ") && $0.hasSuffix(" end") })
  }
}
