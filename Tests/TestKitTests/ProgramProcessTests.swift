import Base
import Glibc
import TestKit
import Testing

@Suite struct ProgramProcessTests {
  @Test func outputInputFolderEnvironmentAndStatusArriveAsGiven() async throws {
    let folder = try TemporaryFolder()
    let options = ProgramProcess.Options(environment: ["WORD": "hello"], folder: folder.path, input: Array("in".utf8))
    let script = "cat; pwd; echo $WORD; echo bad >&2; exit 7"
    let outcome = try await ProgramProcess.run("/bin/sh", ["-c", script], options)
    #expect(outcome.status == .exited(7))
    #expect(outcome.standardOutput == "in\(folder.path)\nhello\n")
    #expect(outcome.standardError == "bad\n")
  }

  @Test func aSignalIsDeliveredAndReported() async throws {
    let process = try ProgramProcess("sleep", ["100"])
    #expect(process.isRunning)
    #expect(process.signal(SIGTERM))
    #expect(try await process.outcome().status == .signalled(SIGTERM))
    #expect(!process.signal(SIGTERM))
  }

  @Test func aProgramThatDoesNotEndIsKilledAtTheDeadline() async throws {
    let process = try ProgramProcess("sleep", ["100"])
    let error = await #expect(throws: Failure.self) { try await process.outcome(within: .milliseconds(20)) }
    #expect(error?.code == .timeout)
    #expect(process.exitStatus == .signalled(SIGKILL))
    #expect(kill(process.processID, 0) != 0)
  }

  @Test func grandchildrenEndWithTheProgram() async throws {
    let process = try ProgramProcess("/bin/sh", ["-c", "sleep 100 & echo $!; wait"])
    #expect(await eventually { process.standardOutput.hasSuffix("\n") })
    let grandchild = try #require(Int32(process.standardOutput.dropLast()))
    process.kill()
    #expect(await eventually { isGone(grandchild) })
  }

  @Test func theProcessEndsWithItsObject() async throws {
    func start() throws -> Int32 { try ProgramProcess("sleep", ["100"]).processID }
    let processID = try start()
    #expect(kill(processID, 0) != 0)
  }

  @Test func aStoppedProgramIsKilledToo() async throws {
    let process = try ProgramProcess("sleep", ["100"])
    process.signal(SIGSTOP)
    process.kill()
    #expect(process.exitStatus == .signalled(SIGKILL))
  }

  @Test func outputWithoutEndIsBounded() async throws {
    let outcome = try ProgramProcess("head", ["-c", "6000000", "/dev/zero"])
    #expect(try await outcome.outcome().status == .exited(0))
    #expect(outcome.isTruncated && outcome.standardOutputBytes.count == 4 << 20)
  }

  @Test func aProgramThatIsNotThereIsAnError() {
    let error = #expect(throws: Failure.self) { try ProgramProcess("/nowhere/at/all") }
    #expect(error?.code == .notFound)
  }

  /// Whether a process is gone, or a zombie that someone else has to reap.
  private func isGone(_ processID: Int32) -> Bool {
    guard kill(processID, 0) == 0 else { return true }
    guard let file = fopen("/proc/\(processID)/stat", "r") else { return true }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, 256, file) != nil else { return true }
    return String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self).contains(") Z ")
  }
}

@Suite struct SignalboxExecutableTests {
  @Test func theExecutableOfThisBuildIsFound() throws {
    let path = try signalboxExecutable()
    #expect(path.hasSuffix("/signalbox"))
    #expect(access(path, X_OK) == 0)
  }
}

@Suite struct EnvironmentTests {
  @Test func aCleanEnvironmentHasNoSettingsOfADeveloper() {
    let environment = Environment.clean(["SIGNALBOX_API_PORT": "1", "PATH": nil])
    #expect(environment["SIGNALBOX_API_PORT"] == "1")
    #expect(environment["PATH"] == nil)
    #expect(environment["REDIS_URL"] == nil)
    #expect(Environment.all()["PATH"] != nil)
  }
}
