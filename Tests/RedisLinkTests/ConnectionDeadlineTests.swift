import Base
import Glibc
import TestKit
import Testing

@testable import RedisLink

/// When a connection has waited too long, without a clock: the times are given.
@Suite struct ConnectionDeadlineTests {
  private static let millisecond: UInt64 = 1_000_000

  /// A mailbox with one command handed over at time 0, whose deadline is 50 ms.
  private func mailbox() throws -> ConnectionMailbox {
    let mailbox = try ConnectionMailbox(options: RedisOptions())
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    // Nobody reads; the mailbox closes its end when it finishes.
    close(ends[1])
    mailbox.opened(ends[0])
    mailbox.post([RedisCommand("GET", "k")], ticket: Ticket(), deadline: 50 * Self.millisecond)
    return mailbox
  }

  private func isLate(_ mailbox: ConnectionMailbox, at milliseconds: UInt64) -> Bool {
    do throws(RedisError) {
      try mailbox.checkDeadlines(now: milliseconds * Self.millisecond)
      return false
    } catch {
      return error == .timeout
    }
  }

  @Test func silenceEndsAtTheDeadline() throws {
    let mailbox = try mailbox()
    defer { mailbox.finish(.timeout) }
    #expect(!isLate(mailbox, at: 49))
    #expect(isLate(mailbox, at: 51))
  }

  /// 16 MB at 20 MB a second, and then the last bytes never come.
  @Test func aLargeReplyThatArrivesKeepsTheConnection() throws {
    let mailbox = try mailbox()
    defer { mailbox.finish(.timeout) }
    for step in 1...80 as ClosedRange<UInt64> {
      mailbox.moved(200_000, now: step * 10 * Self.millisecond)
      #expect(!isLate(mailbox, at: step * 10 + 9))
    }
    #expect(!isLate(mailbox, at: 849))
    #expect(isLate(mailbox, at: 851))
  }

  @Test func aReplyThatDripsGainsNothing() throws {
    let mailbox = try mailbox()
    defer { mailbox.finish(.timeout) }
    for step in 1...10 as ClosedRange<UInt64> { mailbox.moved(10, now: step * 5 * Self.millisecond) }
    #expect(isLate(mailbox, at: 52))
  }
}
