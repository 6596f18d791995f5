import Testing

@testable import Gateway

/// Which loop a new session belongs to.
@Suite struct LoopDealerTests {
  @Test func loopsAreTakenIntoUseOneAfterTheOther() {
    let dealer = LoopDealer(packed: 100)
    #expect(dealer.next([0, 0, 0]) == 0 && dealer.next([99, 0, 0]) == 0)
    #expect(dealer.next([100, 0, 0]) == 1 && dealer.next([100, 99, 0]) == 1)
    #expect(dealer.next([100, 100, 0]) == 2)
    #expect(dealer.next([99, 100, 100]) == 0, "a place that came free")
    #expect(dealer.next([103, 101, 102]) == 1, "all are full: the emptiest")
    #expect(dealer.next([7]) == 0)
  }

  @Test func orTheyTakeTurns() {
    let dealer = LoopDealer()
    #expect((0..<5).map { _ in dealer.next([500, 0]) } == [0, 1, 0, 1, 0])
  }
}
