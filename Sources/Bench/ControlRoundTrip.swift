public import Base
public import ControlPlane

/// A status round trip: what every look at a running node costs. Given the plane of a control client it crosses the
/// socket and both codecs. Requests arrive at fixed times, as watchers do.
public struct ControlRoundTrip: Workload {
  public var suite: String { "control" }
  public var name: String { "status round trip" }
  public var unit: String { "ms" }
  public let target: Double?
  public let arrival: Arrival
  public var figure: Figure { .p99 }

  private let plane: any ControlPlane

  /// `target`: the 99th percentile in milliseconds that must be kept.
  public init(plane: any ControlPlane, target: Double? = 10, perSecond: Double = 200) {
    self.plane = plane
    self.target = target
    arrival = .open(perSecond: perSecond, inFlightMax: 16)
  }

  public func measure() async throws(Failure) -> Double? {
    _ = try await plane.snapshot()
    return nil
  }
}
