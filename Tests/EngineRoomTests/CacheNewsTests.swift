import Base
import ControlPlane
import Foundation
import Synchronization
import TestKit
import Testing

@testable import EngineRoom

@Suite(.timeLimit(.minutes(2))) struct CacheNewsTests {
  private static let project = ProjectID(folderName: "sample")

  private final class Room: Sendable {
    private let told = Mutex<[ProjectEvent]>([])
    var events: [ProjectEvent] { told.withLock { $0 } }
    func hear(_ event: ProjectEvent) { told.withLock { $0.append(event) } }

    func data(_ event: ProjectEvent) throws -> [String: Any] {
      let any = try JSONSerialization.jsonObject(with: Foundation.Data((event.data?.text ?? "").utf8))
      return try #require(any as? [String: Any])
    }

    var keyCount: Int {
      events.reduce(0) { $0 + (((try? data($1))?["keyCount"] as? Int) ?? 0) }
    }
  }

  private func running(_ body: (CacheNews, Room) async throws -> Void) async throws {
    let room = Room()
    let news = CacheNews { room.hear($0) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await news.run() }
      defer { group.cancelAll() }
      try await body(news, room)
    }
  }

  @Test func oneWriteIsToldAtOnceAndManyAreToldTogether() async throws {
    try await running { news, room in
      news.add(Self.project, "shared", ["first"])
      #expect(room.events.count == 1)
      #expect(try room.data(room.events[0])["keys"] as? [String] == ["first"])
      for number in 0..<800 { news.add(Self.project, "shared", ["key \(number % 400)"]) }
      // A namespace of its own waits for nobody.
      news.add(Self.project, "other", ["x"])
      #expect(room.events.contains { $0.data?.text.contains("other") ?? false })
      #expect(await eventually { room.keyCount >= 402 })
      // A turn may have come in between: each key then counts in two.
      #expect(room.events.count < 100 && room.keyCount <= 802)
      let largest = try room.events.map { try room.data($0)["keys"] as? [String] ?? [] }.map(\.count).max()
      #expect(largest == 100)
    }
  }

  @Test func whatWaitsIsToldBeforeWhatComesNextAndAtTheEnd() async throws {
    let room = Room()
    let news = CacheNews { room.hear($0) }
    for key in ["a", "b"] { news.add(Self.project, "shared", [key]) }
    #expect(room.events.count == 1)
    news.flush(Self.project)
    #expect(room.events.count == 2)
    news.flush(Self.project)
    #expect(room.events.count == 2)
    news.add(Self.project, "shared", ["c"])
    let task = Task { await news.run() }
    task.cancel()
    await task.value
    #expect(room.keyCount == 3)
  }
}
