internal import Access
internal import Base
internal import EngineRoom
internal import Glibc

extension Settings {
  /// What the node is told. Throws `invalid` for values that only make sense together, or not on this machine.
  func node(
    environment: [String: String], projectPaths: [String], logDestination: NodeSettings.LogDestination
  ) throws(Failure) -> NodeSettings {
    try requireCredentialBeyondLoopback()
    return NodeSettings(
      version: Version.current, stateFolder: stateFolder, socketPath: socket, socketGroup: try groupID(),
      access: try access(), apiPort: apiPort, engines: engines, cache: cache, gateway: gateway, index: index,
      runs: runs(environment), logLevel: logLevel, logDestination: logDestination,
      operatorLabel: operatorName, projectPaths: projectPaths, reports: reports,
      doctor: doctor(environment: environment))
  }

  private var cache: CacheSettings {
    CacheSettings(
      redis: redis, prefix: namespace, timeToLiveDays: cacheTTLDays, firstLevelBytes: cacheFirstLevelBytes)
  }

  private func runs(_ environment: [String: String]) -> RunSettings {
    var runs = runs
    runs.searchPath = environment["PATH"] ?? ""
    return runs
  }

  private func access() throws(Failure) -> AccessSettings {
    AccessSettings(
      token: token, jwtSecret: jwtSecret, jwksFile: jwksFile, jwtIssuer: jwtIssuer, jwtAudience: jwtAudience,
      corsOrigins: try CORSOrigins(corsOrigin.joined(separator: ",")),
      trustedProxies: try CIDR.list(trustedProxies.joined(separator: ",")), host: host)
  }

  private func groupID() throws(Failure) -> UInt32? {
    guard let socketGroup else { return nil }
    guard let entry = getgrnam(socketGroup) else {
      throw Failure(
        .invalid, "SIGNALBOX_SOCKET_GROUP is '\(DisplayText(socketGroup).truncated(to: 80))': no such group here")
    }
    return entry.pointee.gr_gid
  }
}
