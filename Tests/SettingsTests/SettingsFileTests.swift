import Base
import Testing

@testable import signalbox

@Suite struct SettingsFileTests {
  private let path = SettingsFixture.defaultFile

  @Test func listsAreTakenWhereTheSettingIsAList() throws {
    let settings = try SettingsFixture.file(
      """
      corsOrigin:
        - https://a.example
        - "http://b.example:8080"
      trustedProxies: [10.0.0.0/8, "::1"]
      """
    ).resolve()
    #expect(settings.corsOrigin == ["https://a.example", "http://b.example:8080"])
    #expect(settings.trustedProxies == ["10.0.0.0/8", "::1"])
  }

  @Test(arguments: ["", "# nothing\n", "---\n", "~\n"])
  func anEmptyFileIsFine(text: String) {
    #expect(SettingsFixture.file(text).refusal() == nil)
  }

  @Test func anUnknownKeyIsRefusedWithItsLineAndTheNearest() {
    let failure = SettingsFixture.file("apiPort: 1\n\nredisURL: x\n").refusal()
    #expect(failure?.message == "\(path):3: unknown key 'redisURL' (did you mean redisUrl?)")
    let far = SettingsFixture.file("zzzzzzzzzzzz: x\n").refusal()
    #expect(far?.message == "\(path):1: unknown key 'zzzzzzzzzzzz'")
  }

  @Test func aKeyGivenTwiceIsRefused() {
    let failure = SettingsFixture.file("apiPort: 1\ntheme: x\napiPort: 2\n").refusal()
    #expect(failure?.message.contains("'apiPort' appears twice") == true)
    #expect(failure?.exitCode == 64)
  }

  @Test(arguments: [
    "apiPort: {a: 1}\n", "apiPort: [1, 2]\n", "corsOrigin: [[x]]\n", "corsOrigin: [{a: b}]\n", "apiPort:\n",
    "apiPort: ~\n", "? [a, b]\n: 1\n", "- a\n", "just words\n", "apiPort: 1\n---\napiPort: 2\n", "apiPort: *x\n",
    "corsOrigin: *\n", "apiPort: [\n", "apiPort: \"x\n", "\tapiPort: 1\n", "apiPort: 0x50\n", "apiPort: 8_0\n",
    "apiPort: 80.0\n", "apiPort: \"\"\n", "apiPort: true\n", "<<: {apiPort: 1}\n",
  ])
  func whatIsNoFlatListOfSettingsIsRefusedWithItsPlace(text: String) throws {
    let failure = try #require(SettingsFixture.file(text).refusal())
    #expect(failure.exitCode == 64)
    #expect(failure.message.contains(path))
    #expect(!failure.line.contains("\n"))
  }

  @Test func quotesMakeAStarAValue() throws {
    #expect(try SettingsFixture.file("corsOrigin: '*'\n").resolve().corsOrigin == ["*"])
    let failure = try #require(SettingsFixture.file("corsOrigin: *\n").refusal())
    #expect(failure.line.contains("in quotes"))
  }

  @Test func anAliasBombIsRefusedBeforeItIsBuilt() throws {
    var text = "a0: &a0 [x, x]\n"
    for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    text += "? *a40\n: 1\n"
    #expect(SettingsFixture.file(text).refusal()?.message.contains("aliases") == true)
  }

  @Test func deepNestingIsRefusedAndNothingOverflows() {
    let text = "corsOrigin: " + String(repeating: "[", count: 500_000)
    #expect(SettingsFixture.file(text).refusal()?.exitCode == 64)
    let closed = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
    #expect(SettingsFixture.file("corsOrigin: \(closed)").refusal()?.exitCode == 64)
  }

  @Test func aFileThatCannotBeReadIsRefusedByName() {
    for (reading, reason) in [
      (FileReading.unreadable("Permission denied"), "Permission denied"), (.tooLarge, "1 MiB"),
      (.bytes([0xC3, 0x28], mode: 0o600), "UTF-8"),
    ] {
      let failure = SettingsFixture(files: [path: reading]).refusal()
      #expect(failure?.message.contains(path) == true && failure?.message.contains(reason) == true)
    }
  }

  @Test func aNamedFileMustBeThere() {
    let failure = SettingsFixture(arguments: ["--config", "x.yaml"]).refusal()
    #expect(failure?.message == "--config x.yaml: there is no such file")
    let there = SettingsFixture(
      arguments: ["--config=x.yaml"], files: ["/srv/app/x.yaml": .bytes(Array("apiPort: 7".utf8), mode: 0o600)])
    #expect((try? there.resolve().apiPort) == 7)
  }

  @Test func bytesOfTheFileNeverReachTheMessageRaw() throws {
    let failure = try #require(SettingsFixture.file("\"a\\e[2J\\u202e\": 1\n").refusal())
    #expect(!failure.message.unicodeScalars.contains { $0.value == 0x1B || $0.value == 0x202E })
    #expect(failure.message.contains("\\x1b[2J"))
  }

  /// Any bytes at all give settings or one line, and never a crash.
  @Test func mangledFilesNeverCrash() {
    var random = SplitMix(state: 42)
    let seed = Array("apiPort: 80\ncorsOrigin: [a, &b c, *b]\n? x\n: {y: 'z'}\n\"q\\u0041\": |\n  t\n--- !!map\n".utf8)
    for _ in 0..<2_000 {
      var bytes = seed
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        bytes[index] = UInt8.random(in: 0...255, using: &random)
      }
      let failure = SettingsFixture(files: [path: .bytes(bytes, mode: 0o600)]).refusal()
      #expect(failure.map { !$0.line.contains("\n") } ?? true, "\(bytes)")
    }
  }
}

/// The same numbers at every run (Steele, Lea, Flood 2014).
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
