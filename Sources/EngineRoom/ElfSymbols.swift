internal import Glibc

/// Names of the functions of an executable, from its ELF symbol table (System V ABI, "Symbol Table"). The dying process
/// could only write addresses: exporting every Swift symbol for its sake would cost each start of the program.
///
/// 64-bit little-endian ELF only, which is every platform signalbox is built for; any other file has no names.
struct ElfSymbols: ~Copyable {
  private struct Table {
    let offset: Int
    let count: Int
    let strings: Range<Int>
  }

  private static let headerBytes = 64
  private static let sectionBytes = 64
  private static let symbolBytes = 24
  private static let symbolTableType: UInt32 = 2
  private static let functionType: UInt8 = 2
  /// Bytes of a name; mangled Swift names of generic code are long.
  private static let nameMax = 4_096

  private let map: UnsafeRawBufferPointer
  private let table: Table

  /// Nil for a file that cannot be read, is no such ELF file, or was stripped.
  init?(path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_size > Self.headerBytes,
      let base = mmap(nil, Int(facts.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED
    else { return nil }
    let map = UnsafeRawBufferPointer(start: base, count: Int(facts.st_size))
    guard let table = Self.table(of: map) else {
      munmap(base, map.count)
      return nil
    }
    self.map = map
    self.table = table
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: map.baseAddress), map.count) }

  /// The functions that hold these addresses (relative to where the file is loaded), as mangled names. One pass over
  /// the table for all of them.
  func names(at addresses: [UInt64]) -> [UInt64: String] {
    var best: [UInt64: (start: UInt64, name: Int)] = [:]
    for index in 0..<table.count {
      let entry = table.offset + index * Self.symbolBytes
      guard map[entry + 4] & 15 == Self.functionType else { continue }
      let start: UInt64 = read(entry + 8)
      let end = start &+ (read(entry + 16) as UInt64)
      for address in addresses where start <= address && address < end && start >= best[address]?.start ?? 0 {
        best[address] = (start, Int(read(entry) as UInt32))
      }
    }
    return best.compactMapValues { name(at: table.strings.lowerBound + $0.name) }
  }

  private func name(at offset: Int) -> String? {
    guard table.strings.contains(offset) else { return nil }
    let bytes = map[offset..<min(table.strings.upperBound, offset + Self.nameMax)].prefix { $0 != 0 }
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }

  private func read<Value: FixedWidthInteger>(_ offset: Int) -> Value {
    map.loadUnaligned(fromByteOffset: offset, as: Value.self)
  }

  private static func table(of map: UnsafeRawBufferPointer) -> Table? {
    guard map.prefix(6).elementsEqual([0x7f, 0x45, 0x4c, 0x46, 2, 1]) else { return nil }
    let sections = map.loadUnaligned(fromByteOffset: 0x28, as: UInt64.self)
    let count = Int(map.loadUnaligned(fromByteOffset: 0x3c, as: UInt16.self))
    for index in 0..<count {
      guard let header = section(map, sections, index), header.type == symbolTableType,
        let strings = section(map, sections, header.link)
      else { continue }
      return Table(
        offset: header.bytes.lowerBound, count: header.bytes.count / symbolBytes, strings: strings.bytes)
    }
    return nil
  }

  /// One section header, checked against the size of the file.
  private static func section(
    _ map: UnsafeRawBufferPointer, _ table: UInt64, _ index: Int
  ) -> (type: UInt32, link: Int, bytes: Range<Int>)? {
    guard let start = Int(exactly: table), start >= 0, start <= map.count - sectionBytes * (index + 1) else {
      return nil
    }
    let header = start + index * sectionBytes
    let offset = map.loadUnaligned(fromByteOffset: header + 24, as: UInt64.self)
    let size = map.loadUnaligned(fromByteOffset: header + 32, as: UInt64.self)
    guard let first = Int(exactly: offset), let length = Int(exactly: size), first <= map.count,
      length <= map.count - first
    else { return nil }
    return (
      map.loadUnaligned(fromByteOffset: header + 4, as: UInt32.self),
      Int(map.loadUnaligned(fromByteOffset: header + 40, as: UInt32.self)), first..<first + length
    )
  }
}
