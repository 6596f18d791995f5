import Base
import FoundationEssentials
import TestKit
import Testing

@testable import CodeIndex

/// Files of the index: what goes in comes out, and no damaged one leads a reader astray.
@Suite struct SegmentTests {
  private func key(_ number: UInt8, isTyped: Bool = false) throws -> RecordKey {
    RecordKey(id: try #require(ObjectID(bytes: [UInt8](repeating: number, count: 20))), isTyped: isTyped)
  }

  private func sample() throws -> [UInt8] {
    var writer = try RecordWriter()
    for number in 0..<6 {
      let lines = (0..<Int(number) * 15 + 3).map { "func name\($0)_\(number)(value: Int) { alpha beta\($0 % 7) }\n" }
      try Array(lines.joined().utf8).withUnsafeBufferPointer { text in
        _ = try writer.add(try key(UInt8(number + 1)), text)
      }
    }
    writer.addSkipped(try key(99, isTyped: true), .tooLarge)
    return writer.takeSegment()
  }

  private func open(_ bytes: [UInt8], _ folder: TemporaryFolder) throws -> Segment {
    try folder.write("s.seg", bytes: bytes)
    return try Segment(path: folder.file("s.seg"), name: "s.seg")
  }

  /// Everything a segment can be asked; the sum only keeps the work from being left out.
  private func readAll(_ segment: Segment) -> Int {
    var sum = 0
    for index in 0..<segment.counts.records { sum += segment.record(index)?.bytes ?? 0 }
    for row in 0..<segment.counts.rows {
      sum += segment.symbol(row).utf8.count + segment.lines(row).count + segment.words(row)
      sum += segment.vector(row).reduce(0) { $0 + Int($1) }
    }
    for index in 0..<segment.counts.terms { segment.forEachPosting(at: index) { sum += $0 + Int($1) } }
    return sum
  }

  @Test func whatGoesInComesOut() throws {
    let folder = try TemporaryFolder()
    let segment = try open(try sample(), folder)
    #expect(segment.counts.records == 7)
    let last = try #require(segment.record(6))
    #expect(last.key == (try key(99, isTyped: true)) && last.skip == .tooLarge && last.rows.isEmpty)
    let record = try #require(segment.record(3))
    #expect(record.key == (try key(4)) && record.skip == nil)
    #expect(record.rows.map { segment.lines($0) } == [0..<40, 30..<48])
    #expect(segment.symbol(record.rows.lowerBound) == "name0_3")
    let table = try TermTable()
    let terms = try table.split("alpha beta3 3")
    let hashes = table.withHashes { hashes in terms.map { hashes[Int($0)] } }
    var rows: [Int: UInt32] = [:]
    segment.forEachPosting(of: hashes[0]) { rows[$0] = $1 }
    #expect(rows.count == segment.counts.rows)
    #expect(rows[record.rows.lowerBound] == 40)
    segment.forEachPosting(of: 12_345) { _, _ in Issue.record("there is no such word") }
  }

  @Test func mergingKeepsEveryRecordAndPosting() throws {
    let folder = try TemporaryFolder()
    let segment = try open(try sample(), folder)
    let whole = try open(IndexStore.merged([segment]) { _ in true }, folder)
    #expect(whole.counts == segment.counts)
    #expect(readAll(whole) == readAll(segment))
    let dropped = try key(4)
    let part = try open(IndexStore.merged([segment]) { $0 != dropped }, folder)
    #expect(part.counts.records == 6 && part.counts.rows == segment.counts.rows - 2)
  }

  /// A changed byte anywhere is found by the checksum.
  @Test func anyChangedByteIsFound() throws {
    let folder = try TemporaryFolder()
    let bytes = try sample()
    SeededRandom.run { random in
      for _ in 0..<200 {
        var damaged = bytes
        damaged[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
        if Bool.random(using: &random) { damaged.removeLast(Int.random(in: 1...bytes.count - 1, using: &random)) }
        #expect(throws: IndexError.self, "\(random)") { try open(damaged, folder) }
      }
    }
  }

  /// Even with a checksum that fits, numbers that do not fit are refused or do no harm.
  @Test func hostileNumbersLeadNobodyOutside() throws {
    let folder = try TemporaryFolder()
    let bytes = try sample()
    SeededRandom.run { random in
      var opened = 0
      for round in 0..<1_500 {
        var hostile = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          // Most of what matters is at the front: header, records, rows.
          let end = round % 2 == 0 ? 2_048 : bytes.count
          hostile[Int.random(in: 8..<end, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        withUnsafeBytes(of: Segment.checksum(hostile).littleEndian) { hostile.replaceSubrange(56..<64, with: $0) }
        guard let segment = try? open(hostile, folder) else { continue }
        opened += 1
        _ = readAll(segment)
      }
      #expect(opened > 0)
    }
  }

  @Test func manifestsComeBackAndDamagedOnesDoNot() throws {
    var files: [Manifest.File] = []
    for number in 0..<40 {
      let stamp = number % 3 == 0 ? FileStamp(size: 5, changed: -7, inode: UInt64.max) : nil
      let entry = SourceEntry(
        path: "dir \(number)/né\n\(number).c", id: try key(UInt8(number)).id, skip: number % 5 == 0 ? .binary : nil,
        isInFolder: stamp != nil)
      files.append(Manifest.File(entry: entry, stamp: stamp))
    }
    let manifest = Manifest(fingerprint: Fingerprint(commit: "c", tree: nil, ref: "main"), files: files)
    let bytes = manifest.encoded()
    #expect(try Manifest(decoding: bytes, file: "m") == manifest)
    SeededRandom.run { random in
      for _ in 0..<1_000 {
        var damaged = bytes
        damaged[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
        #expect(throws: IndexError.self, "\(random)") { try Manifest(decoding: damaged, file: "m") }
        // With a checksum that fits the numbers must still be handled.
        let body = Checksum64.hash(Array(damaged[32...]))
        withUnsafeBytes(of: body.littleEndian) { damaged.replaceSubrange(24..<32, with: $0) }
        _ = try? Manifest(decoding: damaged, file: "m")
        #expect(throws: IndexError.self) {
          try Manifest(decoding: Array(damaged.prefix(Int.random(in: 0..<bytes.count, using: &random))), file: "m")
        }
      }
    }
  }

  /// Changes written one after another give the manifest they lead to; cut or changed anywhere, one of the states
  /// before.
  @Test func changesLeadFromOneWholeManifestToTheNext() throws {
    func file(_ name: String, _ number: UInt8) throws -> Manifest.File {
      Manifest.File(entry: SourceEntry(path: name, id: try key(number).id, skip: nil), stamp: nil)
    }
    let base = Manifest(
      fingerprint: Fingerprint(commit: "0", tree: "t", ref: nil), files: try (0..<9).map { try file("f\($0)", $0) })
    var states = [base]
    let first = ManifestLog(base: Manifest.checksum(in: base.encoded()), baseBytes: 1)
    var (log, bytes, ends) = (first, [UInt8](), [0])
    for number in 1..<UInt8(7) {
      let change = ManifestChange(
        fingerprint: Fingerprint(commit: "\(number)", tree: nil, ref: "main"), gone: ["f\(number)", "g\(number - 1)"],
        files: [try file("g\(number)", number + 50), try file("f0", number + 100)])
      let (more, next) = log.appending(change)
      (log, bytes) = (next, bytes + more)
      var state = states[states.count - 1]
      state.apply([change])
      states.append(state)
      ends.append(bytes.count)
    }
    func read(_ bytes: [UInt8]) -> (Manifest, ManifestLog) {
      var (manifest, log) = (base, first)
      manifest.apply(log.read(bytes, file: "c"))
      return (manifest, log)
    }
    func sorted(_ manifest: Manifest) -> [String] {
      manifest.files.map { "\($0.entry.path) \($0.entry.id)" }.sorted()
    }
    let (whole, end) = read(bytes)
    #expect(sorted(whole) == sorted(states[6]) && whole.fingerprint == states[6].fingerprint && end == log)
    for count in 0..<bytes.count {
      let (manifest, _) = read(Array(bytes.prefix(count)))
      let expected = ends.lastIndex { $0 <= count } ?? 0
      #expect(sorted(manifest) == sorted(states[expected]) && manifest.fingerprint == states[expected].fingerprint)
    }
    SeededRandom.run { random in
      for _ in 0..<500 {
        var damaged = bytes
        let at = Int.random(in: 0..<bytes.count, using: &random)
        damaged[at] ^= UInt8.random(in: 1...255, using: &random)
        let (manifest, _) = read(damaged)
        let isKnown = states.contains { $0.fingerprint == manifest.fingerprint && sorted($0) == sorted(manifest) }
        #expect(isKnown, "\(random)")
      }
    }
    // Changes of another manifest are not read.
    var other = ManifestLog(base: 7, baseBytes: 1)
    #expect(other.read(bytes, file: "c").isEmpty && other.length == 0)
  }
}
