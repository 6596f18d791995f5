import CCrash
import CGit2
import CHiredis
import CNcurses
import CSockets
import Glibc
import Testing

/// Each system library is linked and is one that the rooms above were written for.
@Suite struct GroundTests {
  @Test func cursesIsTheWideCharacterLibrary() {
    #expect(String(cString: sb_curses_version()).hasPrefix("ncurses 6."))
  }

  @Test func hiredisIsThere() { #expect(sb_hiredis_version() >= 1_400) }

  @Test func libgit2IsThere() { #expect(sb_git2_version() >= 10_500) }

  @Test func theKernelNamesThePeerOfAUnixSocket() {
    var ends: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    defer { ends.forEach { close($0) } }
    var credentials = sb_peer_credentials()
    #expect(sb_peer_credentials_of(ends[0], &credentials) == 0)
    #expect(credentials.pid == getpid() && credentials.uid == geteuid() && credentials.gid == getegid())
  }

  @Test func whatIsNoSocketHasNoPeer() {
    var credentials = sb_peer_credentials()
    #expect(sb_peer_credentials_of(-1, &credentials) == EBADF)
  }
}
