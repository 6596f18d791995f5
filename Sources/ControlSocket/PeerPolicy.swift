internal import CSockets

/// Who may attach: the node's own user, root, and members of one group when one is configured. File rights already say
/// the same; this is the second lock, for a socket whose file was made accessible by hand.
struct PeerPolicy: Sendable {
  /// The user the node runs as.
  let nodeUser: UInt32
  /// `SIGNALBOX_SOCKET_GROUP`, resolved.
  let group: UInt32?

  /// `supplementary` is asked only when nothing else decides.
  func allows(_ peer: sb_peer_credentials, supplementary: (UInt32) -> [UInt32] = UserDirectory.groups) -> Bool {
    if peer.uid == nodeUser || peer.uid == 0 { return true }
    guard let group else { return false }
    return peer.gid == group || supplementary(peer.uid).contains(group)
  }
}
