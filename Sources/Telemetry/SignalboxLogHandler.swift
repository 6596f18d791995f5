internal import ControlPlane
public import Logging

/// The swift-log back end of signalbox: makes a bounded, redacted `LogRecord` and hands it to the sink.
public struct SignalboxLogHandler: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let sink: LogSink
  private var ownLevel: Logger.Level?

  public init(label: String, sink: LogSink) {
    self.label = LogRedaction.clipped(label, 64)
    self.sink = sink
  }

  /// The sink's level, unless this logger was given its own.
  public var logLevel: Logger.Level {
    get { ownLevel ?? Logger.Level(rawValue: sink.level.rawValue) ?? .info }
    set { ownLevel = newValue }
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// The event's metadata wins over the provider's, and that over the logger's own.
  public func log(event: LogEvent) {
    var merged = metadata
    if let provided = metadataProvider?.get() { merged.merge(provided) { $1 } }
    if let given = event.metadata { merged.merge(given) { $1 } }
    if let error = event.error, merged["error"] == nil { merged["error"] = "\(error)" }
    sink.append(
      LogRecord(
        timeMilliseconds: sink.nowMilliseconds(), level: LogLevel(rawValue: event.level.rawValue) ?? .info,
        label: label, message: LogRedaction.clipped(event.message.description, LogRedaction.messageBytesMax),
        metadata: LogRedaction.flatten(merged)))
  }
}
