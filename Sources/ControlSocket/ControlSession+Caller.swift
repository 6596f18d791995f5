internal import CSockets
internal import ControlPlane

extension ControlSession {
  /// Unicode scalars of an operator's label that are kept.
  static let labelScalarsMax = 64

  static func caller(_ hello: ControlHello, _ peer: sb_peer_credentials) -> Caller {
    let label = sanitised(hello.operatorLabel)
    let actor = label.isEmpty ? UserDirectory.loginName(of: peer.uid) ?? "user \(peer.uid)" : label
    return Caller(actor: actor, origin: hello.origin, grants: hello.isReadOnly ? .viewer : .operator)
  }

  /// A label for people: nothing that moves a cursor, hides, or reverses text, and no white space at its ends.
  static func sanitised(_ label: String) -> String {
    var kept = String.UnicodeScalarView()
    for scalar in label.unicodeScalars where isPrintable(scalar) {
      if kept.count == labelScalarsMax { break }
      if kept.isEmpty && scalar == " " { continue }
      kept.append(scalar)
    }
    while kept.last == " " { kept.removeLast() }
    return String(kept)
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}
