internal import CGit2

/// The library that reads repositories.
public enum GitLibrary {
  /// Of the one that is loaded, such as `1.5.1`.
  public static var version: String {
    let number = Int(sb_git2_version())
    return "\(number / 10_000).\(number / 100 % 100).\(number % 100)"
  }
}
