import Base
import ControlPlane
import Foundation
import Glibc
import Testing

@testable import ControlSocket

@Suite struct SlowClientTests {
  @Test func aClientThatNeverReadsLosesEventsAndIsCut() async throws {
    try await withServer(change: {
      $0.stallDeadline = .milliseconds(300)
      $0.eventsMax = 16
    }) { stage in
      let deaf = try RawPeer(stage.path)
      try await deaf.greet()
      try await deaf.request(1, .subscribe)
      try await eventually("it has subscribed") { stage.desk.bus.listenerCount == 1 }
      let line = String(repeating: "x", count: 10_000)
      let other = try await stage.client()
      try await eventually("it is cut") {
        stage.desk.publish(line)
        try await other.ping()
        return stage.server.statistics.stalled == 1
      }
      try await eventually("its stream is gone") { stage.desk.bus.listenerCount == 0 }
      await other.close()
    }
  }

  @Test func aSlowReaderIsToldWhatItMissed() async throws {
    try await withServer(change: { $0.eventsMax = 4 }) { stage in
      let slow = try RawPeer(stage.path)
      try await slow.greet()
      try await slow.request(1, .subscribe)
      _ = try await slow.until("the stream stands") { $0.contains(.response(id: 1, result: .subscribed)) }
      let line = String(repeating: "x", count: 100_000)
      var published: UInt64 = 0
      // More than kernel, channel and ring together take. Each waits until the node has taken it from the bus.
      for _ in 0..<100 {
        stage.desk.publish(line)
        published += 1
      }
      stage.desk.publish("last")
      published += 1
      let messages = try await slow.until("the newest event") { messages in
        messages.contains { message in
          guard case .event(1, let event) = message, case .log(let record) = event.body else { return false }
          return record.message == "last"
        }
      }
      var seen: UInt64 = 0
      var missed: UInt64 = 0
      for case .event(1, let event) in messages {
        if case .dropped(let count) = event.body { missed += count } else { seen += 1 }
      }
      #expect(missed > 0)
      #expect(seen + missed == published)
      #expect(stage.server.statistics.eventsDropped == missed)
    }
  }

  /// A real process that connects, subscribes, and is stopped by the kernel.
  @Test func aStoppedProcessLeavesOthersAlone() async throws {
    try await withServer { stage in
      let child = Process()
      child.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      let hello = ControlPreamble().bytes + (try WireCodec.frame(.hello(Stage.hello) as ClientMessage))
      let bytes = hello + (try WireCodec.frame(ClientMessage.request(id: 1, ask: .subscribe)))
      child.arguments = [
        "python3", "-c",
        """
        import socket, sys, time
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(sys.argv[1])
        peer.sendall(bytes.fromhex(sys.argv[2]))
        while peer.recv(65536): pass
        """, stage.path, Digest.hex(bytes),
      ]
      try child.run()
      let pid = child.processIdentifier
      defer {
        kill(pid, SIGKILL)
        child.waitUntilExit()
      }
      try await eventually("it has subscribed") { stage.desk.bus.listenerCount == 1 }
      #expect(kill(pid, SIGSTOP) == 0)
      let line = String(repeating: "x", count: 100_000)
      let other = try await stage.client()
      let events = other.events()
      try await other.ping()
      for _ in 0..<100 {
        stage.desk.publish(line)
        #expect(try await other.snapshot() == Desk.snapshot)
      }
      var seen = 0
      for await event in events {
        if case .log = event.body { seen += 1 }
        if seen == 100 { break }
      }
      #expect(stage.server.statistics.clients == 2)
      #expect(stage.server.statistics.stalled == 0)
      await other.close()
    }
  }
}
