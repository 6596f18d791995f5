import Base
import FoundationEssentials
import TestKit
import Testing

@Suite struct IdentifiersTests {
  @Test(arguments: ["a", "0", "my-app", "a.b_c-d", String(repeating: "x", count: 63)])
  func goodProjectIDsAreTaken(_ text: String) {
    #expect(ProjectID(rawValue: text)?.rawValue == text)
  }

  @Test(arguments: [
    "", "-a", ".a", "_a", "A", "a b", "a/b", "é", "a\n", "a\0", "..", String(repeating: "x", count: 64),
  ])
  func badProjectIDsAreRefused(_ text: String) {
    #expect(ProjectID(rawValue: text) == nil)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([ProjectID].self, from: JSONEncoder().encode([text]))
    }
  }

  @Test(arguments: [
    ("My App", "my-app"), ("signalbox", "signalbox"), (".config", "config"), ("...", "project"), ("", "project"),
    ("Ünï", "n--"), ("a/b", "a-b"), ("_x", "x"),
  ])
  func aFolderNameBecomesAnID(_ folder: String, _ id: String) {
    #expect(ProjectID(folderName: folder).rawValue == id)
  }

  @Test func anyFolderNameBecomesAValidID() {
    var random = SeededRandom()
    for _ in 0..<3_000 {
      let name = String(decoding: random.bytes(Int.random(in: 0...100, using: &random)), as: UTF8.self)
      #expect(ProjectID(rawValue: ProjectID(folderName: name).rawValue) != nil, "\(random)")
    }
  }

  @Test func idsTravelAsPlainStrings() throws {
    let id = ProjectID(folderName: "app")
    #expect(String(decoding: try JSONEncoder().encode([id]), as: UTF8.self) == "[\"app\"]")
    #expect(
      try JSONDecoder().decode([NodeID].self, from: Data("[\"0a1b2c3d\"]".utf8)) == [NodeID(rawValue: "0a1b2c3d")])
    #expect(ProjectID(folderName: "a") < ProjectID(folderName: "b") && "\(id)" == "app")
  }

  @Test func nodeIDsAreEightHexadecimalDigitsAndDiffer() {
    let ids = (0..<100).map { _ in NodeID.random().rawValue }
    #expect(ids.allSatisfy { $0.count == 8 && $0.allSatisfy(\.isHexDigit) })
    #expect(Set(ids).count > 95)
  }
}

@Suite struct FailureTests {
  @Test func everyCodeHasAnExitCodeAndAStatusOfTheContract() {
    let table: [Failure.Code: (Int32, Int)] = [
      .invalid: (64, 400), .unauthenticated: (1, 401), .denied: (1, 403), .notFound: (1, 404), .conflict: (1, 409),
      .limit: (1, 413), .internal: (1, 500), .unavailable: (69, 503), .timeout: (1, 504),
    ]
    for code in Failure.Code.allCases {
      let failure = Failure(code, "m")
      #expect(table[code]?.0 == failure.exitCode && table[code]?.1 == failure.httpStatus)
      #expect(failure.isRetriable == [.timeout, .unavailable].contains(code))
    }
  }

  @Test func theHintFollowsTheMessage() {
    #expect(Failure(.invalid, "wrong").line == "wrong")
    #expect(Failure(.invalid, "wrong", hint: "use 1…5").line == "wrong (use 1…5)")
    #expect(!Failure(.timeout, "m", isRetriable: false).isRetriable)
  }

  @Test func aFailureSurvivesJSON() throws {
    let failure = Failure(.limit, "too much", hint: "less", isRetriable: true)
    #expect(try JSONDecoder().decode(Failure.self, from: JSONEncoder().encode(failure)) == failure)
  }
}
