import EngineRoom
import Foundation
import Glibc
import Testing

@testable import signalbox

/// Reading real files, and what only looks like one.
@Suite struct FileTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = "/tmp/sb-files-\(UInt32.random(in: 0...UInt32.max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a folder that stays in /tmp hurts nobody
    try body(folder)
  }

  @Test func onlyRegularFilesOfFittingSizeAreRead() throws {
    try withFolder { folder in
      let file = "\(folder)/a"
      try Data("12345".utf8).write(to: URL(fileURLWithPath: file))
      chmod(file, 0o640)
      #expect(FileReading.of(file, bytesMax: 5) == .bytes(Array("12345".utf8), mode: 0o640))
      #expect(FileReading.of(file, bytesMax: 4) == .tooLarge)
      #expect(FileReading.of("\(folder)/none", bytesMax: 5) == .absent)
      #expect(FileReading.of("\(file)/under", bytesMax: 5) == .absent)
      #expect(FileReading.of(folder, bytesMax: 5) == .unreadable("it is not a regular file"))
      #expect(FileReading.of("/dev/zero", bytesMax: 5) == .unreadable("it is not a regular file"))
      #expect(FileReading.of("/dev/null", bytesMax: 5) == .bytes([], mode: 0o666))
      #expect(mkfifo("\(folder)/pipe", 0o600) == 0)
      #expect(FileReading.of("\(folder)/pipe", bytesMax: 5) == .unreadable("it is not a regular file"))
    }
  }

  @Test func theTailOfAFileIsWholeLines() throws {
    try withFolder { folder in
      let file = "\(folder)/a"
      try Data("first\nsecond\nthird\n".utf8).write(to: URL(fileURLWithPath: file))
      #expect(FileTail.lines(of: file) == .lines(["first", "second", "third"]))
      #expect(FileTail.lines(of: file, bytesMax: 10) == .lines(["third"]))
      #expect(FileTail.lines(of: "\(folder)/none") == .absent)
    }
  }

  @Test func pathArgumentsAreFoldersOnceEach() throws {
    try withFolder { folder in
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/link", withDestinationPath: folder)
      #expect(try FolderArguments.resolve([folder, "\(folder)/link", "\(folder)/."]) == [folder])
      try Data().write(to: URL(fileURLWithPath: "\(folder)/file"))
      #expect(throws: (any Error).self) { try FolderArguments.resolve(["\(folder)/file"]) }
      #expect(throws: (any Error).self) { try FolderArguments.resolve(["\(folder)/none"]) }
    }
  }
}
