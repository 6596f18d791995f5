/// An archive of one file, in the form of POSIX.1-1988 that every tar reads.
enum Tar {
  private static let block = 512

  static func file(_ name: String, mode: Int, _ content: [UInt8]) -> [UInt8] {
    var head = [UInt8](repeating: 0, count: block)
    func put(_ text: String, at offset: Int) {
      head.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
    }
    func octal(_ value: Int, _ digits: Int) -> String {
      let text = String(value, radix: 8)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    put(name, at: 0)
    put(octal(mode, 7), at: 100)
    put(octal(0, 7), at: 108)
    put(octal(0, 7), at: 116)
    put(octal(content.count, 11), at: 124)
    put(octal(0, 11), at: 136)
    put("        ", at: 148)
    put("0", at: 156)
    put("ustar", at: 257)
    put("00", at: 263)
    put(octal(head.reduce(0) { $0 + Int($1) }, 6) + "\0 ", at: 148)
    let padding = (block - content.count % block) % block
    return head + content + [UInt8](repeating: 0, count: padding + 2 * block)
  }
}
