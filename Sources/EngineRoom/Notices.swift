internal import CodeIndex

/// What the program must say of what it carries.
public enum Notices {
  /// Of the embedding model: its form, its sources and their licences.
  public static var model: String { BuiltInEmbedder.notice }
}
