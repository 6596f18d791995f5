/// What came of a load. Times in milliseconds unless the name says otherwise; counts are of the whole run where
/// `window` is not in the name.
public struct LoadReport: Sendable, Equatable, Codable {
  public struct Latency: Sendable, Equatable, Codable {
    public var p50 = 0.0
    public var p95 = 0.0
    public var p99 = 0.0
    public var p999 = 0.0
    public var largest = 0.0
    public var mean = 0.0
    public var samples = 0
  }

  public var connections = 0
  /// From the first `connect` until the last has its acknowledgement.
  public var connectSeconds = 0.0
  public var connectsPerSecond = 0.0
  /// Connections that the server closed, or that broke, before the end.
  public var drops = 0
  /// Why the first of them did.
  public var firstDrop: String?
  public var published = 0
  /// Publishes that the server answered with `ok: false`.
  public var refused = 0
  /// Open arrival only: events that were due while too many were under way, and so not sent.
  public var skipped = 0
  /// Deliveries that the published events should have had, and had: each receiver of the room counts.
  public var expected = 0
  public var deliveries = 0
  public var lost = 0
  /// Arrived after a later one of the same publisher, or twice.
  public var orderViolations = 0
  /// Messages in which stamps arrived: fewer than deliveries where the server merges.
  public var messages = 0
  public var receivedBytes = 0

  public var windowSeconds = 0.0
  public var windowDeliveries = 0
  public var deliveriesPerSecond = 0.0
  /// Of deliveries within the window, from when the event was sent or due until its bytes were read.
  public var latency = Latency()
  /// Of echoes within the window.
  public var probe = Latency()

  /// User and system time of the server processes within the window.
  public var serverCPUSeconds: Double?
  public var deliveriesPerCPUSecond: Double?
  /// Resident memory of the server processes together: before the first connection, when all were connected (and had
  /// been idle), the most seen after that, and at the end.
  public var residentBytesBefore: Int?
  public var residentBytesConnected: Int?
  public var residentBytesPeak: Int?
  public var residentBytesEnd: Int?

  public init() {}
}
