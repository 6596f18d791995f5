/// Commands that README shows must exist: targets of the Makefile, and verbs of the program.
enum ReadmeCommands {
  struct Known {
    var targets: Set<String>
    var verbs: Set<String>
  }

  static func findings(readme: SourceFile, _ known: Known) -> [Finding] {
    shown(readme).compactMap { line, command in
      let isKnown = command.program == "make" ? known.targets : known.verbs
      guard !isKnown.contains(command.word) else { return nil }
      return Finding(path: readme.path, line: line, message: "there is no `\(command.program) \(command.word)`")
    }
  }

  /// Every target named on a line that begins with targets and a colon; `:=` is an assignment.
  static func targets(makefile: String) -> Set<String> {
    var targets: Set<String> = []
    for line in makefile.split(separator: "\n") {
      guard let first = line.first, first.isLetter, let colon = line.firstIndex(of: ":") else { continue }
      guard !line[line.index(after: colon)...].hasPrefix("="), !line[..<colon].contains("=") else { continue }
      for name in line[..<colon].split(separator: " ") { targets.insert(String(name)) }
    }
    return targets
  }

  /// `commandName: "x"` and `aliases: ["x", …]` of every ArgumentParser configuration.
  static func verbs(_ files: [SourceFile]) -> Set<String> {
    var verbs: Set<String> = ["help"]
    for file in files {
      for match in file.text.matches(of: #/commandName:\s*"([^"]+)"/#) { verbs.insert(String(match.output.1)) }
      for match in file.text.matches(of: #/aliases:\s*\[([^\]]*)\]/#) {
        for name in match.output.1.matches(of: #/"([^"]+)"/#) { verbs.insert(String(name.output.1)) }
      }
    }
    return verbs
  }

  private typealias Command = (program: String, word: String)

  /// Code is what stands in a fenced block or between backticks on one line.
  private static func shown(_ readme: SourceFile) -> [(Int, Command)] {
    var found: [(Int, Command)] = []
    var isFenced = false
    for (index, line) in readme.lines.enumerated() {
      if line.drop(while: { $0 == " " }).hasPrefix("```") {
        isFenced.toggle()
        continue
      }
      let pieces = line.split(separator: "`", omittingEmptySubsequences: false)
      let spans = isFenced ? [line] : pieces.enumerated().filter { !$0.offset.isMultiple(of: 2) }.map(\.element)
      for span in spans { found += commands(span).map { (index + 1, $0) } }
    }
    return found
  }

  private static func commands(_ span: Substring) -> [Command] {
    let code = span.prefix { $0 != "#" }
    return code.split { ["|", ";", "&", "(", ")"].contains($0) }.flatMap { statement -> [Command] in
      var words = statement.split(separator: " ")[...]
      while let first = words.first, ["$", "sudo", "env"].contains(first) || first.contains("=") {
        words = words.dropFirst()
      }
      guard let program = words.popFirst() else { return [] }
      let name = program.split(separator: "/").last ?? program
      if name == "make" {
        return words.prefix { isPlain($0) || $0.hasPrefix("-") || $0.contains("=") }.filter(isPlain)
          .map { ("make", String($0)) }
      }
      guard name == "signalbox", let word = words.first, isPlain(word) else { return [] }
      return [("signalbox", String(word))]
    }
  }

  /// A word of lower-case letters and dashes; options, paths and placeholders such as PATH are not.
  private static func isPlain(_ word: Substring) -> Bool {
    word.first?.isLowercase == true && word.allSatisfy { ($0.isLetter && $0.isLowercase) || $0 == "-" }
  }
}
