import Testing

@testable import Gateway

/// Rates between two looks, whoever looks.
@Suite struct GatewayRatesTests {
  private static let second: UInt64 = 1_000_000_000

  private static func figures(_ count: UInt64) -> [LoopFigures] {
    var figures = LoopFigures()
    (figures.eventsIn, figures.eventsOut) = (count, count * 10)
    return [figures]
  }

  @Test func aRateIsWhatCameBetweenTwoLooks() {
    let rates = GatewayRates()
    #expect(rates.update(Self.figures(100), now: 10 * Self.second).input == 0)
    let next = rates.update(Self.figures(300), now: 12 * Self.second)
    #expect(next.input == 100 && next.output == 1_000)
  }

  @Test func whoReadTheClockFirstAndComesLastChangesNothing() {
    let rates = GatewayRates()
    _ = rates.update(Self.figures(100), now: 10 * Self.second)
    _ = rates.update(Self.figures(300), now: 12 * Self.second)
    for late in [12 * Self.second - 1, 11 * Self.second, 1] {
      #expect(rates.update(Self.figures(200), now: late).input == 100)
    }
    // Its figures may be the older ones as well.
    #expect(rates.update(Self.figures(200), now: 14 * Self.second).input == 100)
    #expect(rates.update(Self.figures(500), now: 14 * Self.second).input == 100)
  }
}
