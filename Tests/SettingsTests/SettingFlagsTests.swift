import Base
import Testing

@testable import signalbox

@Suite struct SettingFlagsTests {
  @Test func flagsAreTakenAnywhereAndTheRestIsLeft() throws {
    let flags = try SettingFlags(["--api-port", "1", "status", "--json", "--redis-url=redis://h", "x"])
    #expect(flags.values == ["--api-port": "1", "--redis-url": "redis://h"])
    #expect(flags.rest == ["status", "--json", "x"])
  }

  @Test func nothingIsTakenAfterTwoDashes() throws {
    let flags = try SettingFlags(["--theme", "t", "--", "--api-port", "1"])
    #expect(flags.values == ["--theme": "t"])
    #expect(flags.rest == ["--", "--api-port", "1"])
  }

  @Test func aVerbKeepsAFlagThatIsItsOwn() throws {
    let own: [String: Set<String>] = ["cache": ["--theme"]]
    #expect(try SettingFlags(["cache", "--theme", "t"], verbsOwn: own).rest == ["cache", "--theme", "t"])
    #expect(try SettingFlags(["status", "--theme", "t"], verbsOwn: own).values == ["--theme": "t"])
    #expect(try SettingFlags(["--theme", "t", "cache"], verbsOwn: own).values == ["--theme": "t"])
  }

  @Test func theNamespaceOfACacheVerbIsNotTheSetting() throws {
    let flags = try SettingFlags(["--namespace", "prod", "cache", "get", "k", "--namespace", "team"])
    #expect(flags.values == ["--namespace": "prod"])
    #expect(flags.rest == ["cache", "get", "k", "--namespace", "team"])
  }

  @Test func watchingAStatusIsNotWatchingProjects() throws {
    let flags = try SettingFlags(["--watch", "off", "status", "--json", "--watch"])
    #expect(flags.values == ["--watch": "off"])
    #expect(flags.rest == ["status", "--json", "--watch"])
  }

  @Test func watchWorktreeIsShortForTheSettingWithItsValue() throws {
    let flags = try SettingFlags(["start", "--watch-worktree", "folder"])
    #expect(flags.values == ["--watch": "worktree"] && flags.rest == ["start", "folder"])
    // So it comes to the node in the background.
    #expect(flags.arguments == ["--watch=worktree"])
    #expect(throws: Failure.self) { try SettingFlags(["--watch", "off", "--watch-worktree"]) }
  }

  @Test(arguments: [
    (["--api-port"], "--api-port needs a value"), (["--api-port", "--json"], "--api-port needs a value"),
    (["--config"], "--config needs a value"), (["--theme", "a", "--theme", "b"], "--theme is given twice"),
    (["--token", "x"], "--token is not a flag"), (["--jwt-secret=x"], "--jwt-secret is not a flag"),
  ])
  func wrongFlagsAreRefusedInOneLine(arguments: [String], reason: String) {
    let failure = SettingsFixture(arguments: arguments).refusal()
    #expect(failure?.exitCode == 64)
    #expect(failure?.message.hasPrefix(reason) == true)
  }

  @Test func anEmptyValueIsRefusedByTheRule() {
    let failure = SettingsFixture(arguments: ["--api-port="]).refusal()
    #expect(failure?.message.hasPrefix("--api-port is empty") == true)
  }
}
