internal import Base
internal import Yams

/// The walk through a parsed theme file. It knows where it is, so that every refusal names file and line.
struct ThemeReader {
  let path: String
  private var palette: [String: Theme.Color] = [:]

  init(path: String) { self.path = path }

  mutating func theme(_ root: Node.Mapping) throws(Failure) -> Theme {
    let flat = root["palette"] == nil
    if let system = root["system"], !["base16", "base24"].contains(try string(system, "system")) {
      throw wrong(system, "system", accepted: "base16 or base24")
    }
    try readPalette(flat ? root : try mapping(root["palette"], "palette"), isFlat: flat)
    let name = try root["name"].map { node throws(Failure) in try string(node, "name") }
    let scheme = try root["scheme"].map { node throws(Failure) in try string(node, "scheme") }
    guard let title = name ?? scheme else { throw Failure(.invalid, "\(path):1: `name:` is missing") }
    let author = try root["author"].map { node throws(Failure) in try string(node, "author") }
    let variant = try readVariant(root["variant"])
    let roles = try readRoles(root["roles"], variant)
    return Theme(name: title, author: author ?? "", variant: variant) { role in
      roles[role] ?? Theme.Entry(color: .terminalDefault, attributes: [], ansi16: .terminalDefault)
    }
  }

  // MARK: - Palette

  private static let required = (0...15).map { "base0" + String($0, radix: 16, uppercase: true) }
  /// base24's additions, and what stands for them in a base16 scheme.
  private static let fallbacks = [
    "base10": "base00", "base11": "base00", "base12": "base08", "base13": "base0A", "base14": "base0B",
    "base15": "base0C", "base16": "base0D", "base17": "base0E",
  ]

  private mutating func readPalette(_ map: Node.Mapping, isFlat: Bool) throws(Failure) {
    for (keyNode, value) in map {
      let key = Self.canonical(try string(keyNode, "a key of the palette"))
      guard Self.required.contains(key) || Self.fallbacks[key] != nil else {
        if isFlat, !key.hasPrefix("base") { continue }
        throw wrong(keyNode, "palette", accepted: "base00 to base0F and base10 to base17")
      }
      palette[key] = try color(value, key)
    }
    for key in Self.required where palette[key] == nil {
      throw Failure(.invalid, "\(path):\(map.mark?.line ?? 1): \(key) is missing; a palette has base00 to base0F")
    }
    for (key, substitute) in Self.fallbacks where palette[key] == nil { palette[key] = palette[substitute] }
  }

  /// `base0a` is `base0A`.
  private static func canonical(_ key: String) -> String {
    key.lowercased().hasPrefix("base") ? "base" + key.dropFirst(4).uppercased() : key
  }

  private func readVariant(_ node: Node?) throws(Failure) -> Theme.Variant {
    if let node {
      guard let variant = Theme.Variant(rawValue: try string(node, "variant")) else {
        throw wrong(node, "variant", accepted: "dark or light")
      }
      return variant
    }
    guard case .rgb(let background)? = palette["base00"] else { return .dark }
    return background.luminance > 0.18 ? .light : .dark
  }

  // MARK: - Roles

  private func readRoles(_ node: Node?, _ variant: Theme.Variant) throws(Failure) -> [Role: Theme.Entry] {
    var entries: [Role: Theme.Entry] = [:]
    for role in Role.allCases {
      let color = palette[role.paletteName] ?? .terminalDefault
      entries[role] = Theme.Entry(color: color, attributes: [], ansi16: Self.ansi16(role, color, variant))
    }
    guard let node else { return entries }
    for (keyNode, value) in try mapping(node, "roles") {
      let key = try string(keyNode, "a key of roles")
      if key == "ansi16" { continue }
      guard let role = Role(name: key) else {
        throw wrong(keyNode, "roles", accepted: Role.allCases.map(\.name).joined(separator: " "))
      }
      let (color, attributes) = try look(value, key)
      let own = color ?? entries[role]?.color ?? .terminalDefault
      entries[role] = Theme.Entry(color: own, attributes: attributes, ansi16: Self.ansi16(role, own, variant))
    }
    if let map = try mapping(node, "roles")["ansi16"] { try readAnsi16(map, &entries) }
    return entries
  }

  /// The terminal's own colours stay themselves on a terminal with 16.
  private static func ansi16(_ role: Role, _ color: Theme.Color, _ variant: Theme.Variant) -> Theme.Color {
    if case .rgb = color { return .ansi(variant == .dark ? role.darkAnsi : role.lightAnsi) }
    return color
  }

  private func readAnsi16(_ node: Node, _ entries: inout [Role: Theme.Entry]) throws(Failure) {
    for (keyNode, value) in try mapping(node, "ansi16") {
      let key = try string(keyNode, "a key of ansi16")
      guard let role = Role(name: key) else {
        throw wrong(keyNode, "ansi16", accepted: Role.allCases.map(\.name).joined(separator: " "))
      }
      let text = try string(value, key)
      if text == "default" {
        entries[role]?.ansi16 = .terminalDefault
      } else if let number = UInt8(text), number < 16 {
        entries[role]?.ansi16 = .ansi(number)
      } else {
        throw wrong(value, "ansi16 \(key)", accepted: "0 to 15 or default")
      }
    }
  }

  /// A colour, or a map of `fg` and attributes.
  private func look(_ node: Node, _ key: String) throws(Failure) -> (Theme.Color?, Style.Attributes) {
    guard case .mapping(let map) = node else { return (try color(node, key), []) }
    var ground: Theme.Color?
    var attributes: Style.Attributes = []
    for (nameNode, value) in map {
      let name = try string(nameNode, key)
      if name == "fg" || name == "bg" {
        ground = try color(value, key)
        continue
      }
      guard let attribute = Self.attributes[name] else {
        throw wrong(nameNode, key, accepted: "fg bold dim reverse underline")
      }
      guard let isOn = value.bool else { throw wrong(value, "\(key) \(name)", accepted: "true or false") }
      if isOn { attributes.insert(attribute) }
    }
    return (ground, attributes)
  }

  private static let attributes: [String: Style.Attributes] = [
    "bold": .bold, "dim": .dim, "reverse": .reverse, "underline": .underline,
  ]

  // MARK: - Leaves

  private func color(_ node: Node, _ key: String) throws(Failure) -> Theme.Color {
    let text = try string(node, key)
    if text == "default" { return .terminalDefault }
    if text.hasPrefix("ansi"), let number = UInt8(text.dropFirst(4)), number < 16 { return .ansi(number) }
    if let named = palette[Self.canonical(text)] { return named }
    guard let color = RGB(hex: text) else {
      throw wrong(node, key, accepted: "six hexadecimal digits, base00 to base17, ansi0 to ansi15, or default")
    }
    return .rgb(color)
  }

  private func string(_ node: Node, _ key: String) throws(Failure) -> String {
    guard case .scalar(let scalar) = node else {
      throw Failure(.invalid, "\(path):\(node.mark?.line ?? 1): \(key): one value is wanted here, not a list or a map")
    }
    return scalar.string
  }

  private func mapping(_ node: Node?, _ key: String) throws(Failure) -> Node.Mapping {
    guard let node, case .mapping(let map) = node else {
      throw Failure(.invalid, "\(path):\(node?.mark?.line ?? 1): \(key): a map is wanted here")
    }
    return map
  }

  private func wrong(_ node: Node, _ key: String, accepted: String) -> Failure {
    let value = DisplayText(node.scalar?.string ?? "this").truncated(to: 40)
    return Failure(.invalid, "\(path):\(node.mark?.line ?? 1): \(key): \"\(value)\" is not accepted; \(accepted)")
  }
}
