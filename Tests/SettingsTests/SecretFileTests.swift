import Base
import ControlPlane
import Testing

@testable import signalbox

@Suite struct SecretFileTests {
  private static let token = "0123456789abcdef0123456789abcdef"

  private func fixture(_ reading: FileReading) -> SettingsFixture {
    SettingsFixture(environment: ["SIGNALBOX_TOKEN_FILE": "/run/token"], files: ["/run/token": reading])
  }

  @Test(arguments: ["", "\n", "\r\n"])
  func oneLineEndIsStripped(end: String) throws {
    let settings = try fixture(.bytes(Array((Self.token + end).utf8), mode: 0o600)).resolve()
    #expect(settings.token?.reveal() == Self.token)
    #expect(settings.warnings.isEmpty)
    let report = try #require(settings.reports.first { $0.name == "token" })
    #expect(report.source == .secretFile)
    #expect(report.origin == "SIGNALBOX_TOKEN_FILE /run/token")
  }

  @Test(arguments: [
    (FileReading.absent, "does not exist"), (.unreadable("Permission denied"), "Permission denied"),
    (.tooLarge, "64 KiB"), (.bytes([], mode: 0o600), "is empty"), (.bytes([10], mode: 0o600), "is empty"),
    (.bytes([0xFF, 0xFE], mode: 0o600), "not UTF-8"), (.bytes(Array("short".utf8), mode: 0o600), "at least 32 bytes"),
  ])
  func aFileThatHoldsNoSecretIsRefusedByItsPath(reading: FileReading, reason: String) throws {
    let failure = try #require(fixture(reading).refusal())
    #expect(failure.exitCode == 64)
    #expect(failure.message.contains("/run/token") && failure.message.contains(reason))
    #expect(failure.message.contains("SIGNALBOX_TOKEN_FILE") && !failure.message.contains("short"))
  }

  @Test func aFileOthersMayReadIsUsedWithAWarning() throws {
    let settings = try fixture(.bytes(Array(Self.token.utf8), mode: 0o644)).resolve()
    #expect(settings.token != nil)
    #expect(settings.warnings.count == 1)
    #expect(settings.warnings.first?.contains("chmod 600") == true)
  }

  @Test func theValueAndItsFileTogetherAreRefused() throws {
    var both = fixture(.bytes(Array(Self.token.utf8), mode: 0o600))
    both.environment["SIGNALBOX_TOKEN"] = Self.token
    #expect(both.refusal()?.message == "SIGNALBOX_TOKEN and SIGNALBOX_TOKEN_FILE are both set; set one of them")
    let file = SettingsFixture.file("token: \(Self.token)\ntokenFile: /run/token\n")
    #expect(file.refusal()?.message.contains("token and tokenFile are both set") == true)
  }

  @Test func theConfigFileMayNameTheSecretsFile() throws {
    var fixture = SettingsFixture.file("tokenFile: secret.txt\n")
    fixture.files["/home/ada/.config/signalbox/secret.txt"] = .bytes(Array(Self.token.utf8), mode: 0o600)
    #expect(try fixture.resolve().token?.reveal() == Self.token)
  }

  @Test func theFlagOfTheFileBeatsTheVariable() throws {
    let other = String(repeating: "y", count: 40)
    let fixture = SettingsFixture(
      arguments: ["--token-file", "t"], environment: ["SIGNALBOX_TOKEN": Self.token],
      files: ["/srv/app/t": .bytes(Array(other.utf8), mode: 0o600)])
    #expect(try fixture.resolve().token?.reveal() == other)
  }
}
