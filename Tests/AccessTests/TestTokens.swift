import Access
import Base
import CryptoExtras
import Foundation
import JWTKit

/// Signs real tokens with keys made for this run, and writes the matching key set.
struct TestTokens: Sendable {
  static let secret = Secret("0123456789abcdef0123456789abcdef")

  let elliptic = ES256PrivateKey()
  let edwards: EdDSA.PrivateKey
  let rsa: JWTKit.Insecure.RSA.PrivateKey

  init() throws {
    edwards = try EdDSA.PrivateKey()
    rsa = try JWTKit.Insecure.RSA.PrivateKey(backing: _RSA.Signing.PrivateKey(keySize: .bits2048))
  }

  /// Signs `claims` with one of our keys; `header` overrides, e.g. `["crit": …]`.
  func sign(_ claims: Claims, with algorithm: String, header: JWTHeader = JWTHeader()) async throws -> String {
    let keys = JWTKeyCollection()
    switch algorithm {
    case "HS256": await keys.add(hmac: HMACKey(from: Self.secret.reveal()), digestAlgorithm: .sha256)
    case "RS256": await keys.add(rsa: rsa, digestAlgorithm: .sha256)
    case "RS512": await keys.add(rsa: rsa, digestAlgorithm: .sha512)
    case "ES256": await keys.add(ecdsa: elliptic)
    case "EdDSA": await keys.add(eddsa: edwards)
    default: await keys.addUnsecuredNone()
    }
    return try await keys.sign(claims, header: header)
  }

  func keySet(kid: String? = nil) throws -> String {
    let primitives = try rsa.publicKey.getKeyPrimitives()
    guard let point = elliptic.publicKey.parameters else { throw Failure(.internal, "no curve point") }
    let name = kid.map { ",\"kid\":\"\($0)\"" } ?? ""
    return """
      {"keys":[
        {"kty":"RSA","alg":"RS256","use":"sig","n":"\(base64URL(primitives.modulus))",
         "e":"\(base64URL(primitives.publicExponent))"\(name)},
        {"kty":"EC","crv":"P-256","x":"\(base64URL(point.x))","y":"\(base64URL(point.y))"\(name)},
        {"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"\(base64URL(edwards.publicKey.rawRepresentation))"\(name)},
        {"kty":"oct","k":"c2VjcmV0"},
        {"kty":"EC","crv":"secp256k1","alg":"ES256K","x":"AA","y":"AA"},
        {"kty":"RSA","use":"enc","alg":"RSA-OAEP","n":"AA","e":"AQAB"}
      ]}
      """
  }

  private func base64URL(_ data: Data) -> String { base64URL(data.base64EncodedString()) }

  private func base64URL(_ text: String) -> String {
    text.replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
      .replacingOccurrences(of: "=", with: "")
  }
}

/// A payload made of any JSON values, so that malformed claims can be signed too.
struct Claims: JWTPayload, ExpressibleByDictionaryLiteral {
  enum Value: Codable, Sendable, ExpressibleByStringLiteral, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral
  {
    case text(String)
    case number(Double)
    case list([Value])
    case null

    init(stringLiteral value: String) { self = .text(value) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }
    init(arrayLiteral elements: Value...) { self = .list(elements) }
    init(from decoder: any Decoder) throws { self = .null }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .number(let number): try container.encode(number)
      case .list(let list): try container.encode(list)
      case .null: try container.encodeNil()
      }
    }
  }

  var values: [String: Value]

  init(dictionaryLiteral elements: (String, Value)...) {
    values = Dictionary(elements, uniquingKeysWith: { $1 })
  }

  init(from decoder: any Decoder) throws { values = [:] }
  func encode(to encoder: any Encoder) throws { try values.encode(to: encoder) }
  func verify(using algorithm: some JWTAlgorithm) async throws {}
}

/// Time of day that a test decides.
struct FixedClock: WallClock {
  /// 2026-11-20
  static let seconds: Int64 = 1_795_132_800
  func nowMilliseconds() -> Int64 { Self.seconds * 1_000 }
}

/// A file in a folder of its own, gone with `remove`.
struct TemporaryFile {
  let path: String
  private let folder: String

  init(_ content: String) throws {
    folder = "/tmp/sb-access-\(UUID().uuidString)"
    path = "\(folder)/keys.json"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try write(content)
  }

  func write(_ content: String) throws { try Data(content.utf8).write(to: URL(fileURLWithPath: path)) }
  func remove() throws { try FileManager.default.removeItem(atPath: folder) }
}
