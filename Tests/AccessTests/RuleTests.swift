import Access
import Base
import Testing

struct RuleTests {
  @Test(arguments: [
    "localhost", "localhost:8000", "LOCALHOST:1", "app.localhost", "a.b.localhost:80", "127.0.0.1", "127.255.3.4:8000",
    "[::1]", "[::1]:8000", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]:8000", "localhost.",
  ])
  func loopbackNamesAreServed(host: String) { #expect(HostRule.isLoopbackName(host)) }

  @Test(arguments: [
    nil, "", "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.nip.io", "128.0.0.1", "0.0.0.0",
    "::1", "[::2]", "[::1", "[::1]x", "localhost:99999", "localhost:", "localhost:80:80", "notlocalhost", ".localhost",
    "localhost\u{0}", "local host", "user@localhost", "localhost/", "2130706433", "0x7f.1", "127.1", "localhost:-1",
  ])
  func everyOtherHostIsMisdirected(host: String?) { #expect(!HostRule.isLoopbackName(host)) }

  private static let origins: [(String?, String?, OriginPolicy.Decision)] = [
    ("http://localhost:8000", "localhost:8000", .same),
    ("http://LOCALHOST:8000", "localhost:8000", .same),
    ("http://localhost", "localhost:80", .same),
    ("http://[::1]:8000", "[::1]:8000", .same),
    ("http://localhost:8001", "localhost:8000", .foreign),
    ("https://localhost:8000", "localhost:8000", .foreign),
    ("http://127.0.0.1:8000", "localhost:8000", .foreign),
    ("http://evil.example", "localhost:8000", .foreign),
    ("null", "localhost:8000", .foreign),
    ("", "localhost:8000", .foreign),
    ("http://localhost:8000/", "localhost:8000", .foreign),
    ("http://a@localhost:8000", "localhost:8000", .foreign),
    ("file://localhost:8000", "localhost:8000", .foreign),
    ("http://localhost:8000, http://evil.example", "localhost:8000", .foreign),
    (nil, "localhost:8000", .absent),
    ("http://localhost:8000", nil, .foreign),
  ]

  @Test(arguments: origins)
  func onlyTheSameOriginIsTheSame(origin: String?, host: String?, expected: OriginPolicy.Decision) {
    #expect(OriginPolicy(.sameOriginOnly).decide(origin: origin, host: host) == expected)
  }

  @Test func behindATLSProxyTheSameOriginIsHTTPS() {
    let policy = OriginPolicy(.sameOriginOnly)
    #expect(policy.decide(origin: "https://box.example", host: "box.example", scheme: "https") == .same)
    #expect(policy.decide(origin: "http://box.example", host: "box.example", scheme: "https") == .foreign)
  }

  @Test func listedOriginsAreAllowedByName() throws {
    let policy = OriginPolicy(try CORSOrigins(" https://App.Example.com:443 , http://localhost:5173 "))
    let allowed = policy.decide(origin: "https://app.example.com", host: "box")
    #expect(allowed == .allowed(headerValue: "https://app.example.com"))
    #expect(policy.decide(origin: "http://localhost:5173", host: "box") != .foreign)
    #expect(policy.decide(origin: "http://app.example.com", host: "box") == .foreign)
    #expect(policy.decide(origin: "https://app.example.com.evil", host: "box") == .foreign)
    #expect(policy.decide(origin: "null", host: "box") == .foreign)
  }

  @Test func aStarAllowsEveryPage() throws {
    let policy = OriginPolicy(try CORSOrigins("*"))
    #expect(policy.decide(origin: "https://any.example", host: "box") == .allowed(headerValue: "*"))
    #expect(policy.decide(origin: "http://box", host: "box") == .same)
  }

  @Test func anEmptyListIsSameOriginOnly() throws { #expect(try CORSOrigins(" , ") == .sameOriginOnly) }

  @Test(arguments: ["example.com", "*,https://a.example", "https://a.example/path", "null", "https://", "ftp://a"])
  func whatIsNoOriginIsRefusedByName(text: String) {
    let failure = #expect(throws: Failure.self) { try CORSOrigins(text) }
    #expect(failure?.code == .invalid)
    #expect(failure?.hint?.contains("accepted") == true)
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.1.2.3", "10.1.2.3", true),
    ("10.1.2.3", "10.1.2.4", false), ("192.168.4.0/22", "192.168.7.255", true),
    ("192.168.4.0/22", "192.168.8.0", false),
    ("0.0.0.0/0", "8.8.8.8", true), ("fd00::/8", "fdab::1", true), ("fd00::/8", "fe80::1", false),
    ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("::ffff:10.0.0.0/104", "10.9.9.9", true), ("::/0", "10.0.0.1", false),
    ("10.0.0.0/8", "fd00::1", false), ("::1", "::1", true), ("10.0.0.128/25", "10.0.0.127", false),
  ])
  func addressBlocksContainWhatTheyShould(block: String, address: String, expected: Bool) throws {
    #expect(try CIDR(block).contains(try #require(IPAddress(address))) == expected)
  }

  @Test(arguments: [
    "", "10", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1", "x/8", "10.0.0.0/+8",
  ])
  func whatIsNoAddressBlockIsRefused(text: String) {
    #expect(throws: Failure.self) { try CIDR(text) }
  }

  @Test(arguments: [
    ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("::2", false),
    ("10.0.0.1", false), ("::ffff:10.0.0.1", false), ("::", false), ("0.0.0.0", false),
  ])
  func loopbackAddressesAreKnown(text: String, expected: Bool) throws {
    #expect(try #require(IPAddress(text)).isLoopback == expected)
  }

  @Test(arguments: ["", "localhost", "1.2.3", "1.2.3.4.5", "::g", "127.0.0.1\u{0}x", "[127.0.0.1", "1.2.3.4/8"])
  func whatIsNoAddressIsNone(text: String) { #expect(IPAddress(text) == nil) }

  @Test(arguments: [
    ("10.0.0.9", ["203.0.113.5"], "10.0.0.9"),
    ("10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
    ("10.0.0.1", ["198.51.100.1, 203.0.113.5"], "203.0.113.5"),
    ("10.0.0.1", ["198.51.100.1", "203.0.113.5, 10.0.0.2"], "203.0.113.5"),
    ("10.0.0.1", ["127.0.0.1, 203.0.113.5"], "203.0.113.5"),
    ("10.0.0.1", ["203.0.113.5:4711"], "203.0.113.5"),
    ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
    ("10.0.0.1", ["garbage"], "10.0.0.1"),
    ("10.0.0.1", [], "10.0.0.1"),
    ("::ffff:10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
    ("203.0.113.5", ["127.0.0.1"], "203.0.113.5"),
  ])
  func forwardedAddressesAreBelievedOnlyFromTrustedProxies(
    peer: String, headers: [String], expected: String
  ) throws {
    let proxies = try CIDR.list("10.0.0.1, 10.0.0.2/32")
    let client = ClientAddress.resolve(
      peer: try #require(IPAddress(peer)), forwardedFor: headers, trustedProxies: proxies)
    #expect(client.description == expected)
  }

  @Test func aForwardingHeaderOfManyThousandHopsIsCutShort() throws {
    let client = ClientAddress.resolve(
      peer: try #require(IPAddress("10.0.0.1")),
      forwardedFor: [String(repeating: "10.0.0.1,", count: 50_000)], trustedProxies: [try CIDR("10.0.0.1")])
    #expect(client.description == "10.0.0.1")
  }
}
