internal import ArgumentParser
internal import Base
internal import ControlPlane

struct CacheDeleteCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Remove a key, and with it what was made from it.")

  @OptionGroup var scope: CacheNamespaceOption

  @Argument(help: "The key.")
  var key: String

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    let selection = CacheSelection(namespace: scope.namespace, .key(key))
    let finding = try await withCache(call) { try await CacheInvalidateCommand.carryOut(selection, on: $0) }
    try StandardOutput.say(json ? try JSONText.of(finding) : CacheText.finding(finding))
  }
}
