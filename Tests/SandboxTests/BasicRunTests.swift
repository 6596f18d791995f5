import Testing

@testable import Sandbox

@Suite struct BasicRunTests {
  @Test func aPythonProgramRunsAndItsOutputComesBack() async throws {
    let engine = try SandboxEngine(SandboxSettings())
    let result = try await engine.run(SandboxRequest(language: .python, code: "print(2 + 2)\n"))
    print(result)
    #expect(result.stdout == "4\n")
  }
}
