internal import Base
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// `/v1/cache/…` (CONTRACT, HTTP API).
struct CacheRoutes {
  static let stats = "/v1/cache/stats"
  static let namespace = "/v1/cache/:namespace"
  static let key = "/v1/cache/:namespace/:key"
  static let invalidate = "/v1/cache/:namespace/invalidate"
  static let batchGet = "/v1/cache/:namespace/batch/get"
  static let batchSet = "/v1/cache/:namespace/batch/set"

  let settings: APISettings

  func add(to routes: APIRouter) {
    routes.route(Self.stats, get: statistics)
    routes.route(Self.namespace, get: noKey, put: noKey, delete: noKey)
    routes.route(Self.key, get: get, put: put, delete: delete)
    // A key may be called `invalidate` too.
    routes.route(Self.invalidate, get: get, post: invalidate, put: put, delete: delete)
    routes.route(Self.batchGet, post: batchGet)
    routes.route(Self.batchSet, post: batchSet)
  }

  @Sendable private func statistics(_ request: Request, _ context: APIContext) async throws -> Response {
    guard let cache = try await context.door().snapshot().cache else {
      throw Failure(.unavailable, "this node does not run the cache", hint: "name it in SIGNALBOX_ENGINES")
    }
    return try JSONBody.response(cache)
  }

  @Sendable private func noKey(_ request: Request, _ context: APIContext) async throws -> Response {
    throw Failure(.invalid, "the key is missing", hint: "the target is /v1/cache/NAMESPACE/KEY, KEY percent-encoded")
  }

  // MARK: One key

  @Sendable private func get(_ request: Request, _ context: APIContext) async throws -> Response {
    let target = try CacheTarget(request)
    let values = try await values(target.namespace, [target.key], context)
    guard let found = values.first, let found else {
      // Returned and not thrown: a miss is an answer, and no request that was refused.
      return ProblemDetails(.notFound, .miss, "there is no value under this key").response()
    }
    return Response(
      status: .ok,
      headers: [
        .contentType: found.contentType,
        // What one agent stored must not become a page of this origin in somebody's browser.
        .contentSecurityPolicy: "sandbox; default-src 'none'",
      ],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: found.value.bytes)))
  }

  @Sendable private func put(_ request: Request, _ context: APIContext) async throws -> Response {
    let target = try CacheTarget(request, takesOptions: true)
    let slow = ProblemDetails(.requestTimeout, .slow, "the request body did not arrive in time")
    let buffer = try await Deadline.run(settings.bodyTimeout, or: slow) { [settings] in
      try await request.body.collect(upTo: settings.cacheValueMax)
    }
    let entry = CacheWrite.Entry(
      key: target.key, value: Blob(Array(buffer.readableBytesView)), contentType: request.headers[.contentType],
      timeToLiveMilliseconds: target.timeToLiveMilliseconds, tags: target.tags, dependsOn: target.dependsOn)
    return try await write(CacheWrite(namespace: target.namespace, entries: [entry]), context)
  }

  @Sendable private func delete(_ request: Request, _ context: APIContext) async throws -> Response {
    let target = try CacheTarget(request)
    return try await carryOut(CacheSelection(namespace: target.namespace, .key(target.key)), context)
  }

  // MARK: Many keys

  @Sendable private func batchGet(_ request: Request, _ context: APIContext) async throws -> Response {
    let target = try CacheTarget(request)
    let wish = try await JSONBody.read(
      CacheDocuments.BatchGet.self, from: request, bytesMax: settings.bodyMax, within: settings.bodyTimeout,
      expected: #"accepted: {"keys":["a","b"]}"#)
    let found = try await values(target.namespace, wish.keys, context)
    var answer = CacheDocuments.Values()
    for (key, value) in zip(wish.keys, found) {
      guard let value else {
        answer.missing.append(key)
        continue
      }
      answer.entries.append(.init(key: key, valueBase64: value.value.base64, contentType: value.contentType))
    }
    return try JSONBody.response(answer)
  }

  @Sendable private func batchSet(_ request: Request, _ context: APIContext) async throws -> Response {
    let target = try CacheTarget(request)
    let wish = try await JSONBody.read(
      CacheDocuments.BatchSet.self, from: request, bytesMax: settings.cacheBatchMax, within: settings.bodyTimeout,
      expected:
        #"accepted: {"entries":[{"key","valueBase64","contentType"?,"ttlSeconds"?,"tags"?,"dependsOn"?}]}"#)
    return try await write(CacheWrite(namespace: target.namespace, entries: wish.entries.map(\.entry)), context)
  }

  @Sendable private func invalidate(_ request: Request, _ context: APIContext) async throws -> Response {
    let target = try CacheTarget(request)
    let wish = try await JSONBody.read(
      CacheDocuments.Invalidate.self, from: request, bytesMax: settings.bodyMax, within: settings.bodyTimeout,
      expected: "accepted: \(CacheDocuments.Invalidate.form)")
    let selection = CacheSelection(namespace: target.namespace, wish.strategy)
    guard wish.isDryRun else { return try await carryOut(selection, context) }
    let plane = try context.door()
    guard case .cacheSurvey(let finding) = try await bounded({ try await plane.ask(.cacheSurvey(selection)) }) else {
      throw Failure.otherAnswer
    }
    return try JSONBody.response(finding)
  }

  // MARK: Asking the node

  private func values(_ namespace: String, _ keys: [String], _ context: APIContext) async throws -> [CacheValue?] {
    let plane = try context.door()
    let query = Query.cacheGet(namespace: namespace, keys: keys)
    guard case .cacheValues(let values) = try await bounded({ try await plane.ask(query) }) else {
      throw Failure.otherAnswer
    }
    return values
  }

  /// 200 when every node sees it; 202 when only this one does, until Redis is back.
  private func write(_ write: CacheWrite, _ context: APIContext) async throws -> Response {
    let plane = try context.door()
    let outcome = try await bounded { try await plane.perform(.cacheSet(write)) }
    guard case .cacheStored(let reach) = outcome.result else { throw Failure.otherAnswer }
    return try JSONBody.response(
      CacheDocuments.Stored(stored: write.entries.count, reach: reach), status: reach == .stored ? .ok : .accepted)
  }

  /// 202 when it is in force on this node only.
  private func carryOut(_ selection: CacheSelection, _ context: APIContext) async throws -> Response {
    let plane = try context.door()
    let outcome = try await bounded { try await plane.perform(.cacheInvalidate(selection)) }
    guard case .cacheInvalidated(let finding) = outcome.result else { throw Failure.otherAnswer }
    return try JSONBody.response(finding, status: finding.durability == .localOnly ? .accepted : .ok)
  }

  /// A bound of the cache is about the size of the request: 413.
  private func bounded<Value>(_ ask: () async throws -> Value) async throws -> Value {
    do {
      return try await ask()
    } catch let failure as Failure where failure.code == .limit {
      throw ProblemDetails(.contentTooLarge, .body, failure.message, hint: failure.hint)
    }
  }

}
