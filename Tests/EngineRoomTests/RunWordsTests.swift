import Base
import ControlPlane
import Sandbox
import Testing

@testable import EngineRoom

@Suite struct RunWordsTests {
  @Test(arguments: [
    ("# Fix the parser\nprint(1)", "Fix the parser"), ("// what it does //\nf()", "what it does"),
    ("/* counts */\nf()", "counts"), ("/**\n * Adds numbers.\n */\nf()", "Adds numbers."),
    ("\"\"\"Says hello.\"\"\"\nprint(1)", "Says hello."), ("#!/usr/bin/python3\n#####\nprint(2)", "print(2)"),
    ("\r\n\n  x = 1  # one\r\n", "x = 1  # one"), ("'a'.upper()", "'a'.upper()"), ("", ""), ("#\n//\n", ""),
  ])
  func aTitleIsTheFirstLineThatSaysSomethingWithoutMarks(_ code: String, _ title: String) {
    #expect(RunWords.title(of: code) == title)
  }

  @Test func nobodyHasMoreMemoryThanTheNodeGives() throws {
    var settings = RunSettings()
    settings.memoryBytesMax = 256 << 20
    func memory(_ wish: Int?) throws -> Int {
      let wish = RunRequest(language: "python", code: "1", memoryBytes: wish)
      return try RunWords.request(wish, owner: "ada", settings: settings).limits.memoryBytes
    }
    #expect(try memory(nil) == 256 << 20)
    #expect(try memory(64 << 20) == 64 << 20)
    #expect(try memory(256 << 20) == 256 << 20)
    let refusal = #expect(throws: Failure.self) { try memory((256 << 20) + 1) }
    #expect(refusal?.code == .invalid)
    #expect(refusal?.hint?.contains("SANDBOX_MEMORY_MAX") == true)
  }
}
