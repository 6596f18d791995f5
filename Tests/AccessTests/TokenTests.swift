import Access
import Base
import ControlPlane
import Foundation
import JWTKit
import Testing

struct TokenTests {
  private static let later: Claims.Value = .number(Double(FixedClock.seconds + 60))
  private static let peer = SocketEndpoint("10.1.2.3", port: 40_000)
  private static let local = SocketEndpoint("10.1.2.4", port: 8_000)

  private func credentials(_ token: String?) -> RequestCredentials {
    RequestCredentials(bearer: token.map { Secret($0) }, peer: Self.peer, local: Self.local, face: .http)
  }

  private func refusal(_ authenticator: Authenticator, _ token: String?) async -> Failure? {
    do {
      _ = try await authenticator.authenticate(credentials(token))
      return nil
    } catch {
      return error
    }
  }

  private func withKeyFile(
    _ tokens: TestTokens, kid: String? = nil, _ body: (Authenticator, TemporaryFile) async throws -> Void
  ) async throws {
    let file = try TemporaryFile(try tokens.keySet(kid: kid))
    let settings = AccessSettings(jwksFile: file.path, jwtIssuer: "issuer", jwtAudience: "signalbox")
    try await body(try await Authenticator(settings: settings, clock: FixedClock()), file)
    try file.remove()
  }

  private static let good: Claims = [
    "exp": later, "sub": "ada", "iss": "issuer", "aud": ["other", "signalbox"], "role": "agent", "projects": ["a*"],
    "rooms": ["agent:*", "task:?"], "publish": [], "namespaces": ["team-[ab]"],
  ]

  @Test(arguments: ["RS256", "ES256", "EdDSA"])
  func everyPublicKeyAlgorithmOfTheKeySetIsAccepted(algorithm: String) async throws {
    let tokens = try TestTokens()
    try await withKeyFile(tokens) { authenticator, _ in
      let token = try await tokens.sign(Self.good, with: algorithm)
      let result = try await authenticator.authenticate(credentials(token))
      #expect(result.caller.actor == "ada")
      #expect(result.caller.origin == .http)
      #expect(result.expiresAtMilliseconds == (FixedClock.seconds + 60) * 1_000)
      let grants = result.caller.grants
      #expect(grants.role == .agent)
      #expect(grants.projects?.map(\.pattern) == ["a*"])
      #expect(grants.rooms?.map(\.pattern) == ["agent:*", "task:?"])
      #expect(grants.publish == [])
      #expect(!grants.allows(publishingTo: "agent:1"))
      #expect(grants.allows(namespace: "team-a"))
    }
  }

  @Test func aSharedSecretVerifiesHS256AndTheRoleIsViewerWhenNoneIsNamed() async throws {
    let settings = AccessSettings(jwtSecret: TestTokens.secret)
    let authenticator = try await Authenticator(settings: settings, clock: FixedClock())
    let token = try await TestTokens().sign(["exp": Self.later], with: "HS256")
    let result = try await authenticator.authenticate(credentials(token))
    #expect(result.caller.grants == .viewer)
    #expect(result.caller.actor == "jwt")
  }

  @Test(arguments: ["none", "HS256", "RS512"])
  func anAlgorithmThatIsNotConfiguredIsRefused(algorithm: String) async throws {
    let tokens = try TestTokens()
    try await withKeyFile(tokens) { authenticator, _ in
      var token = try await tokens.sign(Self.good, with: algorithm)
      if algorithm == "none" { token += "AA" }
      let failure = await refusal(authenticator, token)
      #expect(failure?.code == .unauthenticated)
      #expect(failure?.message.contains("algorithm") == true)
    }
  }

  @Test func anUnsignedTokenWithAnEmptySignatureIsRefused() async throws {
    let tokens = try TestTokens()
    try await withKeyFile(tokens) { authenticator, _ in
      let token = try await tokens.sign(Self.good, with: "none")
      #expect(token.hasSuffix("."))
      #expect(await refusal(authenticator, token)?.code == .unauthenticated)
    }
  }

  @Test func aPublicKeyUsedAsAnHMACSecretIsRefused() async throws {
    let tokens = try TestTokens()
    let file = try TemporaryFile(try tokens.keySet())
    // Both kinds are configured, so HS256 itself is allowed, but only with the configured secret.
    let settings = AccessSettings(jwtSecret: TestTokens.secret, jwksFile: file.path)
    let authenticator = try await Authenticator(settings: settings, clock: FixedClock())
    for secret in [tokens.rsa.publicKey.pemRepresentation, tokens.elliptic.publicKey.pemRepresentation] {
      let keys = JWTKeyCollection()
      await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
      let token = try await keys.sign(["exp": Self.later] as Claims)
      #expect(await refusal(authenticator, token)?.message.contains("signature") == true)
    }
    try file.remove()
  }

  private static let malformed: [(Claims, String)] = [
    (["sub": "ada"], "claim"),
    (["exp": "tomorrow"], "claim"),
    (["exp": -1], "claim"),
    (["exp": 1e18], "claim"),
    (["exp": .null], "claim"),
    (["exp": .number(Double(FixedClock.seconds))], "expired"),
    (["exp": later, "nbf": .number(Double(FixedClock.seconds + 1))], "not valid yet"),
    (["exp": later, "role": "root"], "claim"),
    (["exp": later, "role": 1], "claim"),
    (["exp": later, "rooms": "agent:*"], "claim"),
    (["exp": later, "rooms": .null], "claim"),
    (["exp": later, "projects": ["[a"]], "claim"),
    (["exp": later, "publish": [1]], "claim"),
    (["exp": later, "namespaces": .list(Array(repeating: "a", count: 257))], "claim"),
    (["exp": later, "sub": ""], "claim"),
    (["exp": later, "sub": "a\u{1b}[2J"], "claim"),
    (["exp": later, "sub": 7], "claim"),
    (["exp": later, "aud": [1]], "claim"),
  ]

  @Test(arguments: malformed)
  func aMissingOrMalformedClaimRefusesTheToken(claims: Claims, reason: String) async throws {
    let settings = AccessSettings(jwtSecret: TestTokens.secret)
    let authenticator = try await Authenticator(settings: settings, clock: FixedClock())
    let failure = await refusal(authenticator, try await TestTokens().sign(claims, with: "HS256"))
    #expect(failure?.code == .unauthenticated)
    #expect(failure?.message.contains(reason) == true, "\(failure?.message ?? "accepted")")
  }

  private static let misaddressed: [(Claims, String)] = [
    (["exp": later, "aud": "signalbox"], "issuer"),
    (["exp": later, "iss": "someone", "aud": "signalbox"], "issuer"),
    (["exp": later, "iss": "issuer"], "audience"),
    (["exp": later, "iss": "issuer", "aud": []], "audience"),
    (["exp": later, "iss": "issuer", "aud": "signalboxes"], "audience"),
  ]

  @Test(arguments: misaddressed)
  func issuerAndAudienceAreCheckedWhenConfigured(claims: Claims, reason: String) async throws {
    let tokens = try TestTokens()
    try await withKeyFile(tokens) { authenticator, _ in
      let failure = await refusal(authenticator, try await tokens.sign(claims, with: "ES256"))
      #expect(failure?.message.contains(reason) == true)
    }
  }

  @Test(arguments: [
    "", "x", "..", "a.b", "a.b.c", "a.b.c.d", "eyJ.eyJ.sig", "\u{0}", "é.é.é", "a b.c d.e f",
    "eyJhbGciOiJIUzI1NiJ9..AA", "bnVsbA.e30.AA", "W10.e30.AA", "eyJhbGciOjF9.e30.AA", "eyJhbGciOiJIUzI1NiJ9.e30.AA",
    "eyJhbGciOiJIUzI1NiJ9.e30.!!!!",
  ])
  func garbageIsNoToken(token: String) async throws {
    let settings = AccessSettings(token: Secret(String(repeating: "t", count: 32)), jwtSecret: TestTokens.secret)
    let authenticator = try await Authenticator(settings: settings, clock: FixedClock())
    let failure = await refusal(authenticator, token)
    #expect(failure?.code == .unauthenticated)
    #expect(failure.map { token.utf8.count < 4 || !$0.line.contains(token) } == true)
  }

  @Test func aTokenOf64KiBIsRefusedBeforeItIsDecoded() async throws {
    let authenticator = try await Authenticator(settings: AccessSettings(jwtSecret: TestTokens.secret))
    let claims: Claims = ["exp": Self.later, "pad": .text(String(repeating: "x", count: 64 << 10))]
    let failure = await refusal(authenticator, try await TestTokens().sign(claims, with: "HS256"))
    #expect(failure?.message.contains("too long") == true)
  }

  @Test func aTokenChangedInAnyPartIsRefused() async throws {
    let authenticator = try await Authenticator(
      settings: AccessSettings(jwtSecret: TestTokens.secret), clock: FixedClock())
    let token = try await TestTokens().sign(["exp": Self.later, "role": "viewer"], with: "HS256")
    var random = SystemRandomNumberGenerator()
    for index in token.utf8.indices.dropLast() where Int.random(in: 0..<4, using: &random) == 0 {
      var changed = Array(token.utf8)
      let position = token.utf8.distance(from: token.utf8.startIndex, to: index)
      changed[position] = changed[position] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      let failure = await refusal(authenticator, String(decoding: changed, as: UTF8.self))
      #expect(failure?.code == .unauthenticated, "byte \(position)")
    }
  }

  @Test func aHeaderExtensionThatMustBeUnderstoodRefusesTheToken() async throws {
    let authenticator = try await Authenticator(
      settings: AccessSettings(jwtSecret: TestTokens.secret), clock: FixedClock())
    let header: JWTHeader = ["crit": .array([.string("b64")])]
    let token = try await TestTokens().sign(["exp": Self.later], with: "HS256", header: header)
    #expect(await refusal(authenticator, token)?.message.contains("extension") == true)
  }

  @Test func aKeyNameThatTheKeySetDoesNotHaveIsRefused() async throws {
    let tokens = try TestTokens()
    try await withKeyFile(tokens, kid: "one") { authenticator, _ in
      let known = try await tokens.sign(Self.good, with: "ES256", header: ["kid": .string("one")])
      #expect(try await authenticator.authenticate(credentials(known)).caller.actor == "ada")
      let unknown = try await tokens.sign(Self.good, with: "ES256", header: ["kid": .string("two")])
      #expect(await refusal(authenticator, unknown)?.message.contains("key this node does not know") == true)
    }
  }

  @Test func theSharedTokenGrantsEverythingAndAnythingElseNothing() async throws {
    let token = "correct-horse-battery-staple-0123456789"
    let authenticator = try await Authenticator(settings: AccessSettings(token: Secret(token)))
    let result = try await authenticator.authenticate(credentials(token))
    #expect(result == Authenticated(caller: Caller(actor: "token", origin: .http, grants: .operator)))
    for wrong in [token + "x", String(token.dropLast()), token.uppercased(), ""] {
      #expect(await refusal(authenticator, wrong)?.code == .unauthenticated)
    }
    #expect(await refusal(authenticator, nil)?.hint?.contains("Bearer") == true)
  }

  @Test func aReloadTakesNewKeysAndABadFileKeepsTheOldOnes() async throws {
    let old = try TestTokens()
    let new = try TestTokens()
    try await withKeyFile(old) { authenticator, file in
      let oldToken = try await old.sign(Self.good, with: "EdDSA")
      let newToken = try await new.sign(Self.good, with: "EdDSA")
      #expect(await refusal(authenticator, newToken) != nil)
      for bad in ["", "[]", "{\"keys\":[]}", "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\"}]}"] {
        try file.write(bad)
        let failure = await #expect(throws: Failure.self) { try await authenticator.reload() }
        #expect(failure?.message.contains(file.path) == true)
        #expect(failure?.message.contains("stay in use") == true)
        #expect(await refusal(authenticator, oldToken) == nil)
      }
      try file.write(try new.keySet())
      try await authenticator.reload()
      #expect(await refusal(authenticator, oldToken) != nil)
      #expect(await refusal(authenticator, newToken) == nil)
    }
  }

  @Test func aKeyFileThatCannotBeReadIsNamed() async throws {
    for path in ["/nonexistent/keys.json", "/tmp"] {
      let failure = await #expect(throws: Failure.self) {
        _ = try await Authenticator(settings: AccessSettings(jwksFile: path))
      }
      #expect(failure?.code == .invalid)
      #expect(failure?.message.contains(path) == true)
    }
  }

  private static let headers: [([String], String?)] = [
    (["Bearer abc"], "abc"), (["bearer   abc "], "abc"), (["BEARER a.b.c"], "a.b.c"), ([], nil),
  ]

  @Test(arguments: headers)
  func theAuthorizationHeaderIsReadInAnyCase(values: [String], expected: String?) throws {
    #expect(try RequestCredentials.bearer(authorization: values)?.reveal() == expected)
  }

  @Test(arguments: [["Basic abc"], ["Bearer"], ["abc"], [""], ["Bearer a", "Bearer b"]])
  func anyOtherAuthorizationHeaderIsRefused(values: [String]) {
    let failure = #expect(throws: Failure.self) { try RequestCredentials.bearer(authorization: values) }
    #expect(failure?.code == .unauthenticated)
  }
}
