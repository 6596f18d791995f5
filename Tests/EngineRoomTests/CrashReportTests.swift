import Base
import CCrash
import Glibc
import TestKit
import Testing

@testable import EngineRoom

@Suite struct CrashReportTests {
  @Test func aReportIsToldOnce() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("last.txt", "signalbox 0.1.0\nsignal SEGV address 0x0\n")
    #expect(try CrashReport.takeNews(file: file)?.contains("SEGV") == true)
    #expect(try CrashReport.takeNews(file: file) == nil)
    #expect(folder.read("last.txt")?.contains("SEGV") == true, "it stays for doctor")
  }

  @Test func withoutAReportThereIsNoNews() throws {
    let folder = try TemporaryFolder()
    #expect(try CrashReport.takeNews(file: folder.file("last.txt")) == nil)
  }

  @Test func aFrameOfThisProgramIsNamedAndOthersAreLeftAlone() async throws {
    try await aside { try Self.nameFrames() }
  }

  private static func nameFrames() throws {
    let executable = try signalboxExecutable()
    let outcome = try #require(firstFunction(of: executable))
    let report = """
      signalbox 0.1.0
      \(executable)(+0x\(String(outcome.address, radix: 16)))[0x1]
      \(executable)(main+0x10)[0x2]
      /no/such/file(+0x10)[0x3]
      """
    let named = CrashReport.named(report, writtenAt: .max).split(separator: "\n")
    #expect(named[1].hasSuffix("[0x1] \(outcome.name)"))
    #expect(named[2].hasSuffix("[0x2]") && named[3].hasSuffix("[0x3]"))
    let older = CrashReport.named(report, writtenAt: 0)
    #expect(older == report, "a program that is newer than the report names nothing")
  }

  private static func firstFunction(of path: String) -> (address: UInt64, name: String)? {
    // `main` is in every program, and is not mangled; its address is found by asking for all of them in steps.
    guard let symbols = ElfSymbols(path: path) else { return nil }
    let addresses = (0..<300).map { UInt64($0) * 200_000 }
    guard let hit = symbols.names(at: addresses).first(where: { !$0.value.hasPrefix("$s") }) else { return nil }
    return (hit.key, hit.value)
  }

  @Test(arguments: ["", "text", "\u{7f}ELF", "\u{7f}ELF\u{2}\u{1}" + String(repeating: "\u{7f}", count: 200)])
  func whatIsNoProgramHasNoNames(text: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("program", text)
    let isNil = ElfSymbols(path: path) == nil
    #expect(isNil)
  }

  @Test func aSwiftNameIsShownAsPeopleWriteIt() throws {
    let text = try #require(sb_crash_demangle("$s10EngineRoom4NodeO"))
    defer { free(text) }
    #expect(String(cString: text) == "EngineRoom.Node")
    #expect(sb_crash_demangle("main") == nil)
  }
}
