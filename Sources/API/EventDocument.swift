internal import ControlPlane

/// An event as its listeners over HTTP read it: `{"timeMilliseconds","kind","data"?}`.
struct EventDocument: Encodable {
  /// Every `Event.kind`.
  static let kinds = [
    "log", "command", "health", "projects-changed", "bench-progress", "cache-invalidated", "sockets-changed",
    "index-progress", "reindexed", "journey", "run", "run-output",
    "draining", "stopping",
    "dropped",
  ]

  private enum CodingKeys: String, CodingKey {
    case timeMilliseconds, kind, data
  }

  let event: Event

  func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(event.timeMilliseconds, forKey: .timeMilliseconds)
    try fields.encode(event.kind, forKey: .kind)
    switch event.body {
    case .log(let record): try fields.encode(record, forKey: .data)
    case .command(let record): try fields.encode(record, forKey: .data)
    case .health(let health):
      try fields.encode(HealthDocument(health), forKey: .data)
    case .benchProgress(let progress): try fields.encode(progress, forKey: .data)
    case .cacheInvalidated(let invalidated): try fields.encode(invalidated, forKey: .data)
    case .indexProgress(let progress): try fields.encode(progress, forKey: .data)
    case .reindexed(let ending): try fields.encode(ending, forKey: .data)
    case .journey(let journey): try fields.encode(journey, forKey: .data)
    case .run(let summary): try fields.encode(summary, forKey: .data)
    case .runOutput(let output): try fields.encode(output, forKey: .data)
    case .dropped(let count): try fields.encode(["count": count], forKey: .data)
    case .projectsChanged, .socketsChanged, .draining, .stopping: break
    }
  }
}
