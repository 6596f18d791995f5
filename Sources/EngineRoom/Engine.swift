/// The engines a node can run (CONTRACT, Words).
public enum Engine: String, Sendable, CaseIterable {
  case gateway, index, sandbox, cache

  /// Those that are part of this build.
  public static let built: Set<Engine> = [.gateway, .index, .sandbox, .cache]
}
