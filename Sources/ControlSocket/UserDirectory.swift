internal import Glibc

/// What the system's user database says.
enum UserDirectory {
  /// A user in more groups than this is looked up no further.
  private static let groupsMax: Int32 = 1_024
  private static let bufferBytes = 16_384

  /// The login name; nil for a user id without an entry.
  static func loginName(of user: UInt32) -> String? { entry(of: user)?.name }

  /// The groups of a user by the database: a process may have left some of them.
  static func groups(of user: UInt32) -> [UInt32] {
    guard let entry = entry(of: user) else { return [] }
    var count = groupsMax
    var groups = [gid_t](repeating: 0, count: Int(count))
    guard getgrouplist(entry.name, entry.group, &groups, &count) >= 0 else { return [entry.group] }
    return groups.prefix(Int(count)).map { UInt32($0) }
  }

  private static func entry(of user: UInt32) -> (name: String, group: UInt32)? {
    var record = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: bufferBytes)
    guard getpwuid_r(user, &record, &buffer, buffer.count, &found) == 0, found != nil, let name = record.pw_name else {
      return nil
    }
    return (String(cString: name), record.pw_gid)
  }
}
