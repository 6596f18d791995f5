import ControlPlane
import FoundationEssentials
import Telemetry
import TestKit
import Testing

@Suite struct LogFormatTests {
  private func record(_ message: String, _ metadata: [String: String] = [:], level: LogLevel = .warning) -> LogRecord {
    LogRecord(
      timeMilliseconds: 1_795_216_445_221, level: level, label: "gateway", message: message, metadata: metadata)
  }

  @Test func textIsTheDocumentedForm() {
    let line = LogFormat.text.line(record("message", ["key": "value", "a": "1"]))
    #expect(line == "2026-11-20T23:14:05.221Z WARN  gateway  message a=1 key=value\n")
  }

  @Test func columnsStayForEveryLevel() {
    for level in LogLevel.allCases {
      #expect(LogFormat.text.line(record("MESSAGE", level: level)).split(separator: "MESSAGE")[0].count == 40)
    }
  }

  @Test func outsideBytesCannotForgeALineOrReachTheTerminal() {
    let line = LogFormat.text.line(record("a\n2026 fake\u{1b}[31m\u{9b}1m\u{202e}\0", ["k\u{7}": "v\r\n\u{2028}"]))
    #expect(line.unicodeScalars.dropLast().allSatisfy { $0.value >= 0x20 && $0.value != 0x7f })
    #expect(line.contains("a\\n2026 fake\\x1b[31m\\x9b1m\\u{202e}\\x00 "))
    #expect(line.contains("k\\x07=\"v\\r\\n\\u{2028}\"") || line.contains("\"k\\x07\"=\"v\\r\\n\\u{2028}\""))
  }

  @Test(arguments: [("", "\"\""), ("a b", "\"a b\""), ("a\"b", "\"a\\\"b\""), ("a=b", "\"a=b\""), ("é", "é")])
  func valuesThatWouldBeAmbiguousAreQuoted(_ value: String, _ shown: String) {
    #expect(LogFormat.text.line(record("m", ["k": value])).hasSuffix("m k=\(shown)\n"))
  }

  @Test func aJSONLineIsTheRecord() throws {
    let original = record("quote \" back \\ \n\t\r \u{1} \u{7f} \u{2028} é 🙂", ["k\"": "v\u{0}"])
    let line = LogFormat.json.line(original)
    #expect(line.utf8.filter { $0 == 10 }.count == 1 && line.hasSuffix("}\n"))
    #expect(try JSONDecoder().decode(LogRecord.self, from: Data(line.utf8)) == original)
    #expect(line.hasPrefix("{\"time\":\"2026-11-20T23:14:05.221Z\","))
  }

  @Test func anyTextGivesOneValidLineInBothForms() throws {
    var random = SeededRandom()
    for _ in 0..<300 {
      let text = String(decoding: random.bytes(Int.random(in: 0...40, using: &random)), as: UTF8.self)
      let original = record(text, [text: text])
      let json = LogFormat.json.line(original)
      #expect(try JSONDecoder().decode(LogRecord.self, from: Data(json.utf8)) == original, "\(random)")
      let plain = LogFormat.text.line(original)
      #expect(plain.utf8.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "\(random)")
    }
  }
}
