internal import Base
public import ControlPlane
internal import Glibc

/// The console: one thread that holds the terminal and the model, and tasks that talk to the node for it. Neither waits
/// for the other: the thread gets mail, the tasks get orders, and both are bounded. So a stopped or stalled console
/// costs the node nothing, and a node that does not answer never holds a key back.
public final class Console: Sendable {
  /// Commands and questions that wait to be sent; more are refused with a message.
  static let ordersMax = 64
  /// How many of them are under way at once.
  static let underWayMax = 8

  /// What the thread wants from the node.
  enum Order: Sendable {
    case perform(Command)
    case ask(Query)
  }

  private let plane: any ControlPlane
  private let link: AsyncStream<LinkState>?
  private let options: ConsoleOptions

  /// `link`: how the node is reached, as it changes; nil when it cannot be lost.
  public init(plane: any ControlPlane, link: AsyncStream<LinkState>? = nil, options: ConsoleOptions) {
    self.plane = plane
    self.link = link
    self.options = options
  }

  /// Shows the console until somebody leaves it, the terminal is lost, or the task is cancelled.
  public func run() async -> ConsoleExit {
    let mailbox = Mailbox(refresh: options.refreshMilliseconds)
    let (orders, orderSink) = AsyncStream.makeStream(of: Order.self, bufferingPolicy: .bufferingOldest(Self.ordersMax))
    let isLinkWatched = link != nil
    return await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.pumpEvents(into: mailbox) }
      group.addTask { await self.pumpSnapshots(into: mailbox) }
      group.addTask { await self.pumpLink(into: mailbox) }
      group.addTask { await self.carryOut(orders, mailbox) }
      let options = options
      let exit = await withTaskCancellationHandler {
        await ConsoleThread.run {
          ConsoleLoop.run(options: options, isLinkWatched: isLinkWatched, mailbox: mailbox, orders: orderSink)
        }
      } onCancel: {
        mailbox.stop()
      }
      orderSink.finish()
      group.cancelAll()
      return exit
    }
  }

  private func pumpEvents(into mailbox: Mailbox) async {
    for await event in plane.events() { mailbox.post(event, now: Moment.now().monotonic) }
  }

  /// Snapshots that look the same, after which a node counts as idle and is asked once a second.
  static let idleAfter = 4
  static let idleInterval: Int64 = 1_000

  /// Posts only what would look different or counts as a second of a graph: an idle node wakes the thread no more than
  /// its clock does.
  private func pumpSnapshots(into mailbox: Mailbox) async {
    var last: Snapshot?
    var same = 0
    while !Task.isCancelled {
      do throws(Failure) {
        let snapshot = try await plane.snapshot()
        let isNew = last.map { !snapshot.looksLike($0) } ?? true
        same = isNew ? 0 : same + 1
        // The cache's graphs must know of the seconds in which nothing was read, too.
        if isNew || snapshot.cache != nil { mailbox.post(snapshot) }
        last = snapshot
      } catch {
        // The link says by itself that it is lost; the next round asks again.
        last = nil
      }
      let pause = same < Self.idleAfter ? mailbox.refresh : max(mailbox.refresh, Self.idleInterval)
      // A cancelled sleep ends the loop above.
      try? await Task.sleep(for: .milliseconds(pause))
    }
  }

  private func pumpLink(into mailbox: Mailbox) async {
    guard let link else { return }
    for await state in link { mailbox.post(.link(state)) }
  }

  private func carryOut(_ orders: AsyncStream<Order>, _ mailbox: Mailbox) async {
    await withTaskGroup(of: Void.self) { group in
      var underWay = 0
      for await order in orders {
        if underWay == Self.underWayMax {
          await group.next()
          underWay -= 1
        }
        underWay += 1
        group.addTask { await self.carryOut(order, mailbox) }
      }
      group.cancelAll()
    }
  }

  private func carryOut(_ order: Order, _ mailbox: Mailbox) async {
    switch order {
    case .perform(let command):
      do throws(Failure) {
        mailbox.post(.outcome(command, .success(try await plane.perform(command))))
      } catch {
        mailbox.post(.outcome(command, .failure(error)))
      }
    case .ask(let query):
      do throws(Failure) {
        mailbox.post(.answer(query, .success(try await plane.ask(query))))
      } catch {
        mailbox.post(.answer(query, .failure(error)))
      }
    }
  }
}

extension Snapshot {
  /// Whether a console would show the same for both.
  func looksLike(_ other: Snapshot) -> Bool {
    Header.facts(of: self) == Header.facts(of: other) && projects == other.projects
      && bench == other.bench && cache?.asShown == other.cache?.asShown
  }
}
