import Base
import Glibc
import TestKit
import Testing

@testable import RedisLink

/// When a connection has waited too long, without a clock: the times are given.
@Suite struct ConnectionDeadlineTests {
  private static let millisecond: UInt64 = 1_000_000

  /// A connection with one command handed over at time 0, whose deadline is 50 ms.
  private func state() throws -> ConnectionState {
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    // Nobody reads; the state closes its end.
    close(ends[1])
    let options = RedisOptions()
    let inbox = CommandInbox(options: options)
    var state = try ConnectionState(socket: ends[0], options: options, inbox: inbox)
    let ticket = Ticket([RedisCommand("GET", "k")], deadline: 50 * Self.millisecond)
    try #require(inbox.admit(ticket))
    state.accept(ticket)
    return state
  }

  private func isLate(_ state: inout ConnectionState, at milliseconds: UInt64) -> Bool {
    do throws(RedisError) {
      try state.checkDeadlines(now: milliseconds * Self.millisecond)
      return false
    } catch {
      return error == .timeout
    }
  }

  @Test func silenceEndsAtTheDeadline() throws {
    var state = try state()
    let early = isLate(&state, at: 49)
    let late = isLate(&state, at: 51)
    #expect(!early && late)
  }

  /// 16 MB at 20 MB a second, and then the last bytes never come.
  @Test func aLargeReplyThatArrivesKeepsTheConnection() throws {
    var state = try state()
    for step in 1...80 as ClosedRange<UInt64> {
      state.moved(200_000, now: step * 10 * Self.millisecond)
      let late = isLate(&state, at: step * 10 + 9)
      #expect(!late)
    }
    let early = isLate(&state, at: 849)
    let late = isLate(&state, at: 851)
    #expect(!early && late)
  }

  @Test func aReplyThatDripsGainsNothing() throws {
    var state = try state()
    for step in 1...10 as ClosedRange<UInt64> { state.moved(10, now: step * 5 * Self.millisecond) }
    let late = isLate(&state, at: 52)
    #expect(late)
  }
}
