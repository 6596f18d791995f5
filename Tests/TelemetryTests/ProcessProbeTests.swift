import ControlPlane
import Glibc
import Telemetry
import TestKit
import Testing

@Suite struct ProcessProbeTests {
  @Test func theFiguresAreThoseOfThisProcess() {
    let figures = ProcessProbe().read()
    #expect(figures.processID == getpid())
    #expect(figures.residentBytes > 1 << 20 && figures.residentBytes < 1 << 36)
    #expect(figures.openFiles >= 3 && figures.openFiles < figures.openFilesMax)
    #expect(figures.threads >= 1 && figures.threads < 10_000)
    #expect(figures.cpuSeconds > 0)
  }

  @Test func openedFilesAreCounted() {
    // Other tests open and close files meanwhile, so a number is used that stands out.
    let before = ProcessProbe().read().openFiles
    let descriptors = (0..<300).map { _ in open("/dev/null", O_RDONLY) }
    defer { for descriptor in descriptors { close(descriptor) } }
    #expect(ProcessProbe().read().openFiles > before + 100)
  }

  @Test func workShowsAsPercentAndCPUTimeOnlyGrows() async {
    let probe = ProcessProbe()
    let first = probe.read()
    var sum: UInt64 = 0
    let isSeen = await eventually {
      for number in 0..<200_000 as Range<UInt64> { sum &+= number &* sum }
      return probe.read().cpuPercent > 1
    }
    #expect(isSeen, "\(sum)")
    #expect(probe.read().cpuSeconds > first.cpuSeconds)
  }
}
