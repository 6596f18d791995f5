import Base
import Testing

@Suite struct SecretTests {
  private struct Holder {
    var secret = Secret("hunter2")
    var optional: Secret? = Secret("hunter2")
    var list = [Secret("hunter2")]
    var byName = ["a": Secret("hunter2")]
  }

  private enum Problem: Error { case wrong(Secret) }

  private func dumped(_ value: some Any) -> String {
    var text = ""
    dump(value, to: &text)
    return text
  }

  @Test func noWayOfPrintingShowsIt() {
    let secret = Secret("hunter2")
    let texts = [
      "\(secret)", String(describing: secret), String(reflecting: secret), secret.description, secret.debugDescription,
      dumped(secret), "\(Holder())", String(reflecting: Holder()), dumped(Holder()), "\([secret])",
      "\(Problem.wrong(secret))",
      dumped(Problem.wrong(secret)), "\(Mirror(reflecting: secret))", dumped(Mirror(reflecting: secret)),
      String(describing: Optional(secret)), "\((secret, 1))",
    ]
    for text in texts { #expect(!text.contains("hunter2"), "\(text.count)") }
    #expect("\(secret)" == "set")
    #expect(Mirror(reflecting: secret).children.isEmpty)
  }

  @Test func onlyRevealGivesItBack() {
    #expect(Secret("hunter2").reveal() == "hunter2")
    #expect(Secret("é").byteCount == 2)
  }

  @Test func equalityIsThatOfTheText() {
    #expect(Secret("a") == Secret("a") && Secret("a") != Secret("b") && Secret("") != Secret("a"))
  }
}

@Suite struct DigestTests {
  /// FIPS 180-4 examples.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
  ])
  func hashesAreThoseOfTheStandard(_ text: String, _ hash: String) {
    #expect(Digest.sha256Hex(text.utf8) == hash)
  }

  @Test func comparisonIsExact() {
    #expect(Digest.constantTimeEquals("", "") && Digest.constantTimeEquals("token", "token"))
    for other in ["", "toke", "tokens", "Token", "token "] { #expect(!Digest.constantTimeEquals("token", other)) }
  }

  @Test func hexadecimalIsLowerCase() {
    #expect(Digest.hex([0, 10, 255]) == "000aff")
    #expect(Digest.hex([UInt8]()) == "")
  }
}
