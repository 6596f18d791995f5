internal import Base
public import ControlPlane
internal import Glibc

/// The console: one thread that holds the terminal and the model, and tasks that talk to the node for it. Neither waits
/// for the other: the thread gets mail, the tasks get orders, and both are bounded. So a stopped or stalled console
/// costs the node nothing, and a node that does not answer never holds a key back.
public final class Console: Sendable {
  /// Commands and questions that wait to be sent; more are refused with a message.
  static let ordersMax = 64
  /// How many questions are under way at once.
  static let asksMax = 8
  /// How many commands: a reindex or a run may take minutes, and what stops it must not wait for it.
  static let deedsMax = 64
  /// Milliseconds until a node that gave no snapshot is asked again; doubled up to the refresh.
  static let firstPause: Int64 = 10

  /// What the thread wants from the node.
  enum Order: Sendable {
    case perform(Command)
    case ask(Query)
  }

  /// Where the thread puts its orders.
  struct OrderSinks: Sendable {
    let asks: AsyncStream<Order>.Continuation
    let deeds: AsyncStream<Order>.Continuation

    /// False when too many wait.
    func take(_ order: Order) -> Bool {
      let result =
        switch order {
        case .ask: asks.yield(order)
        case .perform: deeds.yield(order)
        }
      if case .dropped = result { return false }
      return true
    }

    func finish() {
      asks.finish()
      deeds.finish()
    }
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
    let (asks, askSink) = AsyncStream.makeStream(of: Order.self, bufferingPolicy: .bufferingOldest(Self.ordersMax))
    let (deeds, deedSink) = AsyncStream.makeStream(of: Order.self, bufferingPolicy: .bufferingOldest(Self.ordersMax))
    let sinks = OrderSinks(asks: askSink, deeds: deedSink)
    let isLinkWatched = link != nil
    let pace = SnapshotPace()
    return await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.pumpEvents(into: mailbox, pace) }
      group.addTask { await self.pumpSnapshots(into: mailbox, pace) }
      group.addTask { await self.pumpLink(into: mailbox) }
      group.addTask { await self.carryOut(asks, most: Self.asksMax, mailbox) }
      group.addTask { await self.carryOut(deeds, most: Self.deedsMax, mailbox) }
      let options = options
      let exit = await withTaskCancellationHandler {
        await ConsoleThread.run {
          ConsoleLoop.run(options: options, isLinkWatched: isLinkWatched, mailbox: mailbox, orders: sinks)
        }
      } onCancel: {
        mailbox.stop()
      }
      sinks.finish()
      group.cancelAll()
      return exit
    }
  }

  private func pumpEvents(into mailbox: Mailbox, _ pace: SnapshotPace) async {
    for await event in plane.events() {
      pace.disturb()
      mailbox.post(event, now: Moment.now().monotonic)
    }
  }

  /// Every snapshot is posted, for the age of the figures counts; only one with news is painted.
  private func pumpSnapshots(into mailbox: Mailbox, _ pace: SnapshotPace) async {
    var last: Snapshot?
    var pause = Self.firstPause
    while !Task.isCancelled {
      do throws(Failure) {
        let snapshot = try await plane.snapshot()
        mailbox.post(snapshot)
        let isAlike = last.map { snapshot.hasNoNews(since: $0) } ?? false
        last = snapshot
        await pace.rest(isAlike: isAlike, refresh: mailbox.refresh)
      } catch {
        // The link says by itself that it is lost. At first it is only not there yet: ask again soon, then less often.
        pause = last == nil ? min(pause * 2, mailbox.refresh) : Self.firstPause
        last = nil
        await pace.rest(isAlike: false, refresh: pause)
      }
    }
  }

  private func pumpLink(into mailbox: Mailbox) async {
    guard let link else { return }
    for await state in link {
      mailbox.post(.link(state))
      guard case .live = state else { continue }
      do throws(Failure) {
        // A console that has found its node shows it at once, and not when its turn comes.
        mailbox.post(try await plane.snapshot())
      } catch {
        // Lost again; the next state says so.
        continue
      }
    }
  }

  private func carryOut(_ orders: AsyncStream<Order>, most: Int, _ mailbox: Mailbox) async {
    await withTaskGroup(of: Void.self) { group in
      var underWay = 0
      for await order in orders {
        if underWay == most {
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
