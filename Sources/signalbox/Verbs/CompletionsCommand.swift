internal import ArgumentParser
internal import Base

struct CompletionsCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "completions", abstract: "Print the completion script of a shell.",
    discussion: "bash: signalbox completions bash > ~/.local/share/bash-completion/completions/signalbox")

  @Argument(help: "bash, zsh or fish.", completion: .list(["bash", "zsh", "fish"]))
  var shell: String

  func perform(_ call: Invocation) async throws {
    let shells: [String: CompletionShell] = ["bash": .bash, "zsh": .zsh, "fish": .fish]
    guard let known = shells[shell] else {
      let near = Suggestion.clause(for: shell, in: ["bash", "zsh", "fish"])
      throw Failure(.invalid, "'\(DisplayText(shell).truncated(to: 80))' must be one of bash, zsh, fish\(near)")
    }
    try StandardOutput.say(Signalbox.completionScript(for: known))
  }
}
