internal import Glibc
internal import NIOCore

extension ChannelPipeline.SynchronousOperations {
  /// NIO makes and accepts sockets without SOCK_CLOEXEC, and a program that this process starts would hold them open:
  /// the port stays taken, a client waits for an end that does not come. A program started between the accept and this
  /// call still gets them unless its starter closes what it has no use for, as all of ours do.
  func setCloseOnExec() throws {
    _ = try withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { fcntl($0, F_SETFD, FD_CLOEXEC) }
  }
}
