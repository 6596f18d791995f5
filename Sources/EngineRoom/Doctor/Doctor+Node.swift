internal import Base
internal import ControlPlane
internal import ControlSocket

extension Doctor {
  /// The node that runs, with what it lacks now and since when; nothing when none runs.
  static func runningNode(_ facts: DoctorSettings) async -> [DoctorFinding] {
    guard let socket = facts.socket else { return [] }
    let hello = ControlHello(version: facts.version, operatorLabel: "doctor", origin: .commandLine)
    // Without a node there is nothing to say of it: `doctor` is for machines that have none yet as well.
    guard let client = try? await ControlClient.connect(path: socket, hello: hello) else { return [] }
    let snapshot = try? await client.snapshot()
    await client.close()
    return snapshot.map(findings) ?? []
  }

  /// One for the node, and one for each component that is not well.
  static func findings(of snapshot: Snapshot) -> [DoctorFinding] {
    let node = DoctorFinding(
      component: "running node", state: snapshot.health == .ok ? .ok : .weak,
      version: "\(snapshot.node) is running, health \(snapshot.health.rawValue)",
      usedFor: "the engines, for every command and client",
      without: "nothing is served, and commands open what they need by themselves", fix: nil)
    return [node]
      + snapshot.reasons.map { reason in
        DoctorFinding(
          component: "running node: \(firstLine(reason.component))", state: .weak,
          version: "\(firstLine(reason.reason)), since \(Timestamp.iso8601(reason.since))",
          usedFor: "health of the running node", without: "the rest of the node goes on", fix: nil)
      }
  }
}
