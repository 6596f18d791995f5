import Foundation
import Glibc
import TestKit
import Testing

@testable import EngineRoom

/// What benches leave in the temporary folder, and who removes it.
@Suite struct ScratchFolderTests {
  @Test func whatDeadBenchesLeftIsRemovedAndNothingElse() async throws {
    let base = try TemporaryFolder()
    let living = try ScratchFolder(in: base.path)
    try base.write("signalbox-bench-dead/lock", "")
    try base.write("signalbox-bench-dead/1/state/log", "x")
    try base.write("signalbox-bench-young/1/said", "about to be locked by its maker")
    try base.write("signalbox-bench-old/1/said", "of a maker that ended before it locked")
    let longAgo = [timeval(tv_sec: 1_000_000, tv_usec: 0), timeval(tv_sec: 1_000_000, tv_usec: 0)]
    #expect(utimes(base.file("signalbox-bench-old"), longAgo) == 0)
    try base.write("elsewhere/lock", "")
    #expect(symlink(base.file("elsewhere"), base.file("signalbox-bench-link")) == 0)

    let next = try ScratchFolder(in: base.path)
    let names = [living.path, next.path].map { String($0.split(separator: "/").last ?? "") }
    let kept = names + ["elsewhere", "signalbox-bench-link", "signalbox-bench-young"]
    #expect(try FileManager.default.contentsOfDirectory(atPath: base.path).sorted() == kept.sorted())
    #expect(FileManager.default.fileExists(atPath: base.file("elsewhere/lock")))
    await next.remove()
    await living.remove()
    #expect(!FileManager.default.fileExists(atPath: next.path))
    #expect(!FileManager.default.fileExists(atPath: living.path))
  }

  @Test func aFolderIsRemovedByWhoWasCancelledToo() async throws {
    let base = try TemporaryFolder()
    let folder = try ScratchFolder(in: base.path)
    try base.write("\(folder.path.split(separator: "/").last ?? "")/1/said", "x")
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      await folder.remove()
    }
    await task.value
    #expect(try FileManager.default.contentsOfDirectory(atPath: base.path).isEmpty)
  }

  @Test func aFolderThatCannotBeMadeSaysWhy() {
    #expect(throws: (any Error).self) { try ScratchFolder(in: "/nonexistent") }
  }
}
