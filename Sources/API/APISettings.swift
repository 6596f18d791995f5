/// Where the HTTP API listens, and the bounds it keeps. Sizes in bytes.
public struct APISettings: Sendable {
  /// An address or a name; who may bind what is decided by `AccessSettings.validate`.
  public var host: String
  /// 0: any free port.
  public var port: Int
  /// Longest request body (CONTRACT, HTTP API: 8 MB).
  public var bodyMax = 8 << 20
  /// Of a cached value (16 MB) and of a batch of them (32 MB).
  public var cacheValueMax = 16 << 20
  public var cacheBatchMax = 32 << 20
  /// Longest head (request line and all header fields), and how many fields.
  public var headMax = 16 << 10
  public var headFieldsMax = 100
  /// How long a connection may wait for a complete request head, be it idle or slow.
  public var headTimeout: Duration = .seconds(15)
  /// How long a request body may take to arrive.
  public var bodyTimeout: Duration = .seconds(30)
  /// How long an answer may take; `POST /v1/bench` has its own.
  public var requestTimeout: Duration = .seconds(30)
  /// Of a run: its queue, its own time and its end.
  public var runTimeout: Duration = .seconds(900)
  public var benchTimeout: Duration = .seconds(900)
  /// How long a client may take nothing of an answer before it is cut.
  public var writeTimeout: Duration = .seconds(30)
  /// How long a graceful stop waits for open requests and streams before it cuts them.
  public var shutdownTimeout: Duration = .seconds(3)
  /// Open connections; further ones wait in the kernel's backlog.
  public var connectionsMax = 1_024
  /// Open event streams; further ones get 429.
  public var eventStreamsMax = 64
  /// An idle event stream carries a comment this often, so that proxies and we notice a dead client.
  public var eventKeepAlive: Duration = .seconds(15)

  public init(host: String = "127.0.0.1", port: Int = 8_000) {
    self.host = host
    self.port = port
  }
}
