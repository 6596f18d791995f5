import Base
import TestKit
import Testing

@testable import RedisLink

@Suite struct CommandInboxTests {
  private func ticket(_ text: String) -> Ticket { Ticket([RedisCommand("ECHO", .text(text))]) }

  private func text(_ ticket: Ticket) -> String? {
    if case .text(let text)? = ticket.commands.first?.arguments.last { return text }
    return nil
  }

  @Test func whatWasLeftFirstIsTakenFirst() {
    let inbox = CommandInbox(options: RedisOptions())
    for number in 0..<5 { #expect(inbox.push(ticket("\(number)")) == nil) }
    #expect(inbox.take().map(text) == ["0", "1", "2", "3", "4"])
    #expect(inbox.isEmpty)
    #expect(inbox.take().isEmpty)
  }

  @Test func whatComesAfterTheEndIsRefused() {
    let inbox = CommandInbox(options: RedisOptions())
    #expect(inbox.push(ticket("before")) == nil)
    #expect(inbox.close().map(text) == ["before"])
    #expect(inbox.push(ticket("after")) == .closed)
    #expect(inbox.close().isEmpty)
  }

  @Test func commandsAndBytesAreBounded() {
    var options = RedisOptions()
    options.pendingMax = 2
    options.outputBytesMax = 1_000
    let inbox = CommandInbox(options: options)
    #expect(inbox.push(ticket(String(repeating: "x", count: 2_000))) == .full)
    #expect(inbox.push(ticket("a")) == nil)
    #expect(inbox.push(ticket("b")) == nil)
    #expect(inbox.push(ticket("c")) == .full)
    inbox.answered(1)
    #expect(inbox.push(ticket("d")) == nil)
  }

  /// Eight tasks leave a thousand each while one takes: each comes once, those of one task in their order.
  @Test func nothingIsLostOrTwiceWhileItIsTaken() async {
    var options = RedisOptions()
    options.pendingMax = .max
    options.outputBytesMax = .max
    let inbox = CommandInbox(options: options)
    let (writers, each) = (8, 1_000)
    let taken = await withTaskGroup(of: Void.self) { group in
      for writer in 0..<writers {
        group.addTask { for number in 0..<each { _ = inbox.push(ticket("\(writer) \(number)")) } }
      }
      var taken: [String] = []
      let end = ContinuousClock.now + .seconds(30)
      while taken.count < writers * each, ContinuousClock.now < end {
        taken += inbox.take().compactMap(text)
        await Task.yield()
      }
      return taken
    }
    for writer in 0..<writers {
      let own = taken.filter { $0.hasPrefix("\(writer) ") }
      #expect(own == (0..<each).map { "\(writer) \($0)" })
    }
  }
}

@Suite struct SolitudeTests {
  @Test func aVainWaitMakesTheNextOnesRarer() {
    var solitude = Solitude()
    for expected in [1, 3, 7] {
      #expect(refusals(&solitude) == 0)
      solitude.ended(inTime: false)
      #expect(refusals(&solitude) == expected)
    }
    solitude.ended(inTime: true)
    #expect(refusals(&solitude) == 0)
  }

  @Test func companyEndsItUntilCommandsWereAloneForAWhile() {
    var solitude = Solitude()
    solitude.saw(2)
    for _ in 1..<Solitude.aloneMin { solitude.saw(1) }
    #expect(refusals(&solitude) == 100)
    solitude.saw(1)
    #expect(refusals(&solitude) == 0)
  }

  /// How often it says no before it says yes, up to a hundred times.
  private func refusals(_ solitude: inout Solitude) -> Int {
    for count in 0..<100 where solitude.permits() { return count }
    return 100
  }
}
