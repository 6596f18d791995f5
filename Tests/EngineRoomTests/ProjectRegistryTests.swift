import Base
import ControlPlane
import Glibc
import TestKit
import Testing

@testable import EngineRoom

@Suite struct ProjectRegistryTests {
  private func make(_ names: String...) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["state"] + names { #expect(mkdir("\(folder.path)/\(name)", 0o700) == 0) }
    return folder
  }

  private func registry(_ folder: TemporaryFolder) throws -> ProjectRegistry {
    try ProjectRegistry(stateFolder: "\(folder.path)/state")
  }

  @Test func theFoldersNameIsTheDefaultID() throws {
    let folder = try make("My Web_App")
    let project = try registry(folder).add(path: "\(folder.path)/My Web_App", id: nil)
    #expect(project.id.rawValue == "my-web_app")
  }

  @Test func whatWasAddedIsThereAfterARestart() throws {
    let folder = try make("api", "web")
    let first = try registry(folder)
    _ = try first.add(path: "\(folder.path)/web", id: nil)
    _ = try first.add(path: "\(folder.path)/api", id: ProjectID(rawValue: "back"))
    let second = try registry(folder)
    #expect(second.all.map(\.id.rawValue) == ["back", "web"])
    #expect(second.all == first.all)
  }

  @Test func aTakenIDNamesBothPaths() throws {
    let folder = try make("a", "b")
    let projects = try registry(folder)
    let id = try #require(ProjectID(rawValue: "same"))
    _ = try projects.add(path: "\(folder.path)/a", id: id)
    #expect {
      _ = try projects.add(path: "\(folder.path)/b", id: id)
    } throws: { error in
      let failure = error as? Failure
      return failure?.code == .conflict && failure?.message.contains("/a") == true
        && failure?.message.contains("/b") == true
    }
    #expect(projects.all.count == 1)
  }

  @Test func addingTheSameFolderAgainChangesNothing() throws {
    let folder = try make("a")
    let projects = try registry(folder)
    let first = try projects.add(path: "\(folder.path)/a", id: nil)
    let again = try projects.add(path: "\(folder.path)/./a/", id: nil)
    #expect(first == again)
    #expect(projects.all == [first])
  }

  @Test func aKnownFolderUnderAnotherIDIsAConflict() throws {
    let folder = try make("a")
    let projects = try registry(folder)
    _ = try projects.add(path: "\(folder.path)/a", id: nil)
    let other = try #require(ProjectID(rawValue: "other"))
    #expect(throws: Failure.self) { _ = try projects.add(path: "\(folder.path)/a", id: other) }
  }

  @Test func whatIsNoReadableFolderIsRefused() throws {
    let folder = try make()
    let projects = try registry(folder)
    for path in ["\(folder.path)/missing", "/dev/null", ""] {
      #expect {
        _ = try projects.add(path: path, id: nil)
      } throws: { ($0 as? Failure)?.code == .invalid }
    }
    #expect(projects.all.isEmpty)
  }

  @Test func removingAnUnknownProjectNamesTheKnownOnes() throws {
    let folder = try make("a")
    let projects = try registry(folder)
    _ = try projects.add(path: "\(folder.path)/a", id: nil)
    #expect {
      _ = try projects.remove(id: try #require(ProjectID(rawValue: "b")))
    } throws: { error in
      (error as? Failure)?.code == .notFound && (error as? Failure)?.hint == "known: a"
    }
    _ = try projects.remove(id: try #require(ProjectID(rawValue: "a")))
    #expect(try registry(folder).all.isEmpty)
  }

  @Test(arguments: [
    "", "{", "[]", "{\"version\":2,\"projects\":[]}", "{\"version\":1,\"projects\":[{\"id\":\"A B\"}]}",
  ])
  func aListThatCannotBeReadIsNeverReplaced(text: String) throws {
    let folder = try make("a")
    let file = "\(folder.path)/state/projects.json"
    try WholeFile.replace(file, with: Array(text.utf8))
    #expect(throws: Failure.self) { _ = try registry(folder) }
    #expect(try WholeFile.read(file, maxBytes: 1_000) == Array(text.utf8))
  }

  @Test func aFullOrLostDiskLeavesTheListAsItWas() throws {
    let folder = try make("a", "b")
    let projects = try registry(folder)
    _ = try projects.add(path: "\(folder.path)/a", id: nil)
    #expect(rename("\(folder.path)/state", "\(folder.path)/gone") == 0)
    #expect(throws: Failure.self) { _ = try projects.add(path: "\(folder.path)/b", id: nil) }
    #expect(projects.all.map(\.id.rawValue) == ["a"])
  }
}
