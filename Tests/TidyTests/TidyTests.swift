import TestKit
import Testing

/// The rules of the house, applied to the whole repository.
@Suite struct TidyTests {
  private func check(_ files: [SourceFile], _ rule: (SourceFile) -> [Finding]) {
    for finding in files.flatMap(rule) { Issue.record("\(finding)") }
  }

  @Test func theRepositoryIsFound() {
    #expect(Repository.sources.contains { $0.path == "Sources/Base/Glob.swift" })
    #expect(Repository.tests.contains { $0.path == "Tests/TidyTests/TidyTests.swift" })
    #expect(Repository.rooms.contains("Base") && !Repository.rooms.contains("CSockets"))
    #expect(Repository.file("Package.swift")?.text.contains("signalbox") == true)
  }

  @Test func functionsAreShort() async {
    await aside { check(Repository.sources + Repository.tests, FunctionLength.findings) }
  }

  @Test func filesAndLinesAreShort() async {
    await aside { check(Repository.sources + Repository.tests, Layout.sizes) }
  }

  @Test func everyImportGoesThroughADoor() async { await aside { check(Repository.sources, ImportWalls.findings) } }

  @Test func everyRoomIsOnAFloor() {
    for room in Repository.names("Sources") where Repository.isFolder("Sources/\(room)") && room != "TestKit" {
      #expect(ImportWalls.floors[room] != nil || !Repository.rooms.contains(room), "\(room)")
    }
  }

  @Test func nothingIsUnchecked() async { await aside { check(Repository.sources, ForbiddenWords.unchecked) } }

  @Test func allowedUncheckedFilesStillExist() {
    for path in ForbiddenWords.uncheckedAllowed.keys { #expect(Repository.file(path) != nil, "\(path)") }
  }

  @Test func nothingCrashesOnPurpose() async { await aside { check(Repository.sources, ForbiddenWords.crashes) } }

  @Test func nothingIsLeftOver() async {
    let others = ["Package.swift", "Makefile", "README.md", ".ci/run"].compactMap { Repository.file($0) }
    await aside { check(Repository.sources + Repository.tests + others, ForbiddenWords.leftovers) }
  }

  @Test func everyRoomHasItsPage() {
    for room in Repository.rooms {
      for finding in Layout.design(room: room, Repository.file("Sources/\(room)/DESIGN.md")) {
        Issue.record("\(finding)")
      }
    }
  }

  @Test func everyCommandOfREADMEExists() throws {
    let readme = try #require(Repository.file("README.md"))
    let known = ReadmeCommands.Known(
      targets: ReadmeCommands.targets(makefile: Repository.file("Makefile")?.text ?? ""),
      verbs: ReadmeCommands.verbs(Repository.sources.filter { $0.target == "signalbox" }))
    for finding in ReadmeCommands.findings(readme: readme, known) { Issue.record("\(finding)") }
  }
}
