/// The protocol revisions spoken.
public enum ProtocolRevision {
  public static let engineIO = 4
  public static let socketIO = 5
}
