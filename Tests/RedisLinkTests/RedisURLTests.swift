import Base
import RedisLink
import Testing

@Suite struct RedisURLTests {
  @Test(
    arguments: [
      ("redis://h", "h:6379", nil, 0), ("redis://h:1/2", "h:1", nil, 2), ("redis://u:p%40@h:1/", "h:1", "u", 0),
      ("redis://:p@[::1]:7", "[::1]:7", nil, 0), ("unix:///run/r.sock", "/run/r.sock", nil, 0),
      ("REDIS://h:65535", "h:65535", nil, 0),
    ] as [(String, String, String?, Int)])
  func addressesAreRead(_ text: String, _ shown: String, _ user: String?, _ database: Int) throws {
    let url = try RedisURL(text)
    #expect("\(url)" == shown)
    #expect(url.user == user)
    #expect(url.database == database)
    #expect((url.password != nil) == text.contains("@"))
  }

  @Test(arguments: [
    "", "h:6379", "http://h", "redis://", "redis://h:0", "redis://h:65536", "redis://h:x", "redis://h/1024",
    "redis://h/x", "redis://u@h", "redis://[::1", "redis://::1:6379", "redis://h%", "redis://u:%zz@h", "unix://r.sock",
    "unix:///" + String(repeating: "x", count: 108), "redis://a b:1", "redis://:s3cret@h:99999",
  ])
  func whatIsNoAddressIsRefusedInOneLineWithoutItsSecrets(_ text: String) {
    let error = #expect(throws: Failure.self) { try RedisURL(text) }
    #expect(error?.code == .invalid)
    #expect(error?.line.contains("s3cret") == false)
    #expect(error?.hint?.contains(RedisURL.rule) == true)
  }

  @Test func encryptionIsRefusedWithAWayOut() {
    let error = #expect(throws: Failure.self) { try RedisURL("rediss://h:6380") }
    #expect(error?.message.contains("TLS") == true)
    #expect(error?.hint?.contains("stunnel") == true)
  }
}
