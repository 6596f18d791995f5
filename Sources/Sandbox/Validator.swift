/// Layer 1: reads a program with the grammar of its language before anything of it runs.
actor Validator {
  private let host: SandboxHost

  init(_ host: SandboxHost) { self.host = host }

  func check(_ request: SandboxRequest) async throws(SandboxError) -> [Violation] { [] }

  func shutdown() async {}
}
