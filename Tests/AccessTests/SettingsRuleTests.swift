import Access
import Base
import Testing

struct SettingsRuleTests {
  private let long = Secret(String(repeating: "k", count: 32))

  @Test(arguments: ["0.0.0.0", "::", "192.168.1.4", "box.example"])
  func anOpenAddressNeedsACredential(host: String) throws {
    let failure = #expect(throws: Failure.self) { try AccessSettings(host: host).validate() }
    #expect(failure?.code == .invalid)
    #expect(failure?.line.contains("SIGNALBOX_TOKEN") == true)
    #expect(failure?.line.contains(host) == true)
    try AccessSettings(token: long, host: host).validate()
    try AccessSettings(jwtSecret: long, host: host).validate()
    try AccessSettings(jwksFile: "/keys.json", host: host).validate()
  }

  @Test(arguments: ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
  func loopbackNeedsNone(host: String) throws { try AccessSettings(host: host).validate() }

  @Test func shortSecretsAreRefusedWithoutBeingShown() {
    let short = Secret("hunter2hunter2hunter2hunter2hun")
    for settings in [AccessSettings(token: short), AccessSettings(jwtSecret: short)] {
      let failure = #expect(throws: Failure.self) { try settings.validate() }
      #expect(failure?.message.contains("31 bytes") == true)
      #expect(failure?.line.contains("hunter2") == false)
    }
  }

  @Test(arguments: [
    "0123456789abcdef 0123456789abcdef", "0123456789abcdef0123456789abcde\n", "ééééééééééééééééé",
  ])
  func aTokenThatNoHeaderCanCarryIsRefused(token: String) {
    let failure = #expect(throws: Failure.self) { try AccessSettings(token: Secret(token)).validate() }
    #expect(failure?.message.contains("SIGNALBOX_TOKEN") == true)
  }

  @Test func aStarWithoutACredentialIsWarnedOf() {
    #expect(AccessSettings(corsOrigins: .any).warnings.count == 1)
    #expect(AccessSettings(token: long, corsOrigins: .any).warnings.isEmpty)
    #expect(AccessSettings(jwtIssuer: "a").warnings.count == 1)
  }
}
