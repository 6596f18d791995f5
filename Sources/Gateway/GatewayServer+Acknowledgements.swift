internal import Base

/// What became of an event that was to be acknowledged.
public struct Acknowledgements: Sendable, Equatable {
  /// Clients that were asked, on all nodes that said so in time.
  public var asked = 0
  /// The first argument of each answer, as JSON text with placeholders for binaries, in the order they came.
  public var answers: [[UInt8]] = []
  /// All that were asked have answered.
  public var isComplete = false

  public init() {}
}

/// The server asks its clients.
extension GatewayServer {
  /// Bytes of answers that are kept; past it the result is incomplete.
  static let answerBytesMax = 16 << 20
  static let acknowledgementDeadlineMax = Duration.seconds(60)

  /// Sends an event to the members of its rooms (a socket's id is a room, too), on all nodes unless `isLocal`, and
  /// waits for their acknowledgements, no longer than `deadline`.
  func emitWithAcknowledgement(_ emission: Emission, within deadline: Duration) async -> Acknowledgements {
    let deadline = min(deadline, Self.acknowledgementDeadlineMax)
    let (heard, inlet) = AsyncStream<ClusterAnswer>.makeStream(bufferingPolicy: .bufferingOldest(Loop.answersMax * 2))
    let remote = emission.isLocal ? nil : await context.adapter.ask(emission, within: deadline) { inlet.yield($0) }
    defer { remote?.end() }
    return await withTaskGroup(of: Void.self) { group in
      group.addTask {
        let pending = self.begin(emission, within: deadline) { inlet.yield(.acknowledgement($0)) }
        inlet.yield(.asked(await pending()))
      }
      group.addTask {
        // Cancelled when everybody has answered.
        try? await Task.sleep(for: deadline)
        inlet.finish()
      }
      let answers = await Self.gather(heard, servers: 1 + (remote?.servers ?? 0))
      group.cancelAll()
      return answers
    }
  }

  private static func gather(_ heard: AsyncStream<ClusterAnswer>, servers: Int) async -> Acknowledgements {
    var result = Acknowledgements()
    var (counted, missing, bytes) = (0, 0, 0)
    for await answer in heard {
      switch answer {
      case .asked(let count):
        counted += 1
        result.asked += count
      case .acknowledgement(.missing(let count)): missing += count
      case .acknowledgement(.answer(let json, attachments: _)):
        bytes += json.count + OutputQueue.entryBytes
        if bytes <= answerBytesMax { result.answers.append(json) } else { missing += 1 }
      }
      guard counted == servers, result.answers.count + missing >= result.asked else { continue }
      result.isComplete = missing == 0
      break
    }
    return result
  }

  /// The same for checked JSON text; nil: no argument.
  public func ask(rooms: [String], event: String, json: String?, within deadline: Duration) async -> Acknowledgements {
    var emission = emission(rooms: rooms, event: event, json: json)
    emission.kind = .plain
    return await emitWithAcknowledgement(emission, within: deadline)
  }

  /// Puts the question into the loops' mailboxes now; the answer is how many clients were asked.
  func begin(
    _ emission: Emission, within deadline: Duration, _ listener: @escaping @Sendable (Acknowledgement) -> Void
  ) -> @Sendable () async -> Int {
    let by = MonotonicTime.now() + UInt64(max(0, deadline.nanoseconds))
    let pending = pose { $0.ask(emission, deadline: by, listener) }
    return { await pending().reduce(0, +) }
  }
}
