internal import Base
internal import CSockets
internal import ControlPlane

extension ControlSession {
  /// Terminal cells of an operator's label that are kept.
  static let labelCellsMax = 64

  static func caller(_ hello: ControlHello, _ peer: sb_peer_credentials) -> Caller {
    let label = sanitised(hello.operatorLabel)
    let actor = label.isEmpty ? UserDirectory.loginName(of: peer.uid) ?? "user \(peer.uid)" : label
    return Caller(actor: actor, origin: hello.origin, grants: hello.isReadOnly ? .viewer : .operator)
  }

  /// A label for people: nothing that moves a cursor, hides, or reverses text, and no white space at its ends.
  static func sanitised(_ label: String) -> String {
    var text = DisplayText(label).truncated(to: labelCellsMax).text[...]
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
