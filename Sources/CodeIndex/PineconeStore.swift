public import Base
public import Outbound
internal import Synchronization

/// Vectors in a Pinecone index, one namespace a project.
///
/// The service is eventually consistent: what was written is found by its queries some time later, and counts lag too.
/// So what was written stays here as well (the "overlay", at most `overlayMax` vectors) and takes part in every query
/// until a fetch has seen it. What no fetch sees after several looks is written again. Which vectors were seen is kept
/// in a ledger on disk; at the start of the next run its count is compared with the service's, and when vectors
/// have gone there, each one is looked for and the lost are computed again.
public final class PineconeStore: VectorStore {
  public struct Options: Sendable {
    /// As the console of Pinecone shows it, with or without `https://`.
    public var host: String
    public var key: Secret
    /// Of one request.
    public var deadline: Duration
    /// How long `settle` looks for what was written before it leaves the rest to the overlay.
    public var settleDeadline: Duration
    public var retry: RetryPolicy

    public init(
      host: String, key: Secret, deadline: Duration = .seconds(30), settleDeadline: Duration = .seconds(30),
      retry: RetryPolicy = .init()
    ) {
      self.host = host
      self.key = key
      self.deadline = deadline
      self.settleDeadline = settleDeadline
      self.retry = retry
    }
  }

  private struct Space {
    /// Seen there.
    var confirmed: Set<VectorID> = []
    /// Written and not seen yet.
    var overlay: [VectorID: [Float]] = [:]
    /// Compared with the service in this process.
    var isAudited = false
  }

  private static let answerMax = 64 << 20
  /// 100 MB of vectors with 1,536 dimensions.
  static let overlayMax = 16_384
  private static let looksBeforeRepair = 3
  private static let firstPause = Duration.milliseconds(250)
  private static let longestPause = Duration.seconds(4)

  private let options: Options
  private let base: String
  private let ledger: VectorLedger
  private let exchange: PatientExchange
  private let spaces = Mutex<[VectorSpace: Space]>([:])

  /// The ledger is kept under `folder`, the index's own.
  public init(
    _ options: Options, folder: String, transport: any HTTPExchange, clock: any Clock<Duration> = ContinuousClock(),
    wallClock: any WallClock = SystemWallClock()
  ) throws(IndexError) {
    self.options = options
    var base = options.host.contains("://") ? options.host : "https://" + options.host
    while base.hasSuffix("/") { base.removeLast() }
    self.base = base
    ledger = VectorLedger(folder: try IndexFolder(path: folder), store: base)
    exchange = PatientExchange(
      transport, limits: HTTP.Limits(bodyMax: Self.answerMax, deadline: options.deadline), policy: options.retry,
      clock: clock, wallClock: wallClock)
  }

  public var identity: String { "Pinecone at \(options.host)" }

  /// Vectors that were written and that no fetch has seen yet.
  public var unconfirmed: Int { spaces.withLock { $0.values.reduce(0) { $0 + $1.overlay.count } } }

  // MARK: VectorStore

  public func missing(_ ids: Set<VectorID>, in space: VectorSpace) async throws(IndexError) -> Set<VectorID> {
    if !known(space).isAudited { try await audit(space, ids) }
    let now = known(space)
    return ids.filter { !now.confirmed.contains($0) && now.overlay[$0] == nil }
  }

  public func upsert(_ vectors: [StoredVector], into space: VectorSpace) async throws(IndexError) {
    guard let dimensions = vectors.first?.values.count else { return }
    if known(space).overlay.count + vectors.count > Self.overlayMax { _ = try await confirm(space) }
    guard known(space).overlay.count + vectors.count <= Self.overlayMax else {
      throw .vectorStore("Pinecone does not show what was written to it; the next run goes on from here")
    }
    let step = PineconeWire.batchMax(dimensions: dimensions)
    for start in stride(from: 0, to: vectors.count, by: step) {
      let batch = Array(vectors[start..<min(start + step, vectors.count)])
      try await write(batch, space)
      change(space) { state in for vector in batch { state.overlay[vector.id] = vector.values } }
    }
  }

  public func settle(_ space: VectorSpace, keeping: Set<VectorID>) async throws(IndexError) -> VectorUpkeep {
    var upkeep = VectorUpkeep()
    if !known(space).isAudited {
      let remembered = ledger.read(space)
      change(space) { $0.confirmed.formUnion(remembered) }
    }
    upkeep.repaired = try await confirm(space)
    let gone = known(space).confirmed.subtracting(keeping)
    if !gone.isEmpty {
      let ids = Array(gone)
      for start in stride(from: 0, to: ids.count, by: PineconeWire.deleteMax) {
        let part = Array(ids[start..<min(start + PineconeWire.deleteMax, ids.count)])
        _ = try await send(wire(space).delete(part))
      }
      change(space) { $0.confirmed.subtract(gone) }
    }
    let state = known(space)
    try ledger.write(state.confirmed, space)
    if !state.overlay.isEmpty {
      upkeep.note = "Pinecone does not show \(state.overlay.count) vectors yet; they are answered from here"
    }
    return upkeep
  }

  public func query(
    _ vector: [Float], in space: VectorSpace, limit: Int, isWanted: @escaping @Sendable (VectorID) -> Bool
  ) async throws(IndexError) -> [VectorMatch] {
    // The service cannot be asked for what is wanted: more is asked for, and the rest left out.
    let found = try wire(space).matches(try await send(wire(space).query(vector, limit: min(1_000, limit * 2))))
    let overlay = known(space).overlay
    var matches = found.filter { overlay[$0.id] == nil && isWanted($0.id) }
    for (id, values) in overlay where isWanted(id) && values.count == vector.count {
      matches.append(VectorMatch(id: id, score: zip(values, vector).reduce(0) { $0 + $1.0 * $1.1 }))
    }
    matches.sort { ($1.score, $0.id.description) < ($0.score, $1.id.description) }
    return Array(matches.prefix(limit))
  }

  public func remove(_ project: ProjectID) async throws(IndexError) {
    let space = VectorSpace(project: project, model: "")
    switch await exchange.exchange(wire(space).deleteAll()) {
    case .success(let response) where response.isSuccess || response.status == 404: break
    case .success(let response): throw PineconeWire.refusal(response)
    case .failure(let problem): throw failure(problem)
    }
    spaces.withLock { spaces in spaces = spaces.filter { $0.key.project != project } }
    ledger.remove(project)
  }

  // MARK: What is there

  /// Compares what the ledger says with what the service counts, and looks for each vector when the two differ; also
  /// for those that are wanted and in no ledger, when the service has some (another state folder wrote them).
  private func audit(_ space: VectorSpace, _ wanted: Set<VectorID>) async throws(IndexError) {
    let remembered = ledger.read(space)
    let (count, _) = try wire(space).statistics(try await send(wire(space).statistics()))
    var doubtful = count > 0 ? wanted.subtracting(remembered) : []
    var confirmed = remembered
    if count < remembered.count {
      doubtful.formUnion(remembered)
      confirmed = []
    }
    confirmed.formUnion(try await seen(doubtful, space))
    change(space) { state in
      state.confirmed.formUnion(confirmed)
      state.isAudited = true
    }
  }

  private func seen(_ ids: Set<VectorID>, _ space: VectorSpace) async throws(IndexError) -> Set<VectorID> {
    let list = Array(ids)
    var seen: Set<VectorID> = []
    for start in stride(from: 0, to: list.count, by: PineconeWire.fetchMax) {
      let part = Array(list[start..<min(start + PineconeWire.fetchMax, list.count)])
      seen.formUnion(try wire(space).fetched(try await send(wire(space).fetch(part))).intersection(part))
    }
    return seen
  }

  /// Looks for what was written until all of it was seen or the time is over; writes again what is not seen after
  /// several looks. Returns how many that were.
  private func confirm(_ space: VectorSpace) async throws(IndexError) -> Int {
    let started = exchange.timer.now
    var pause = Self.firstPause
    var repaired: Set<VectorID> = []
    var looks = 0
    while true {
      let seen = try await seen(Set(known(space).overlay.keys), space)
      change(space) { state in
        for id in seen { state.overlay[id] = nil }
        state.confirmed.formUnion(seen)
      }
      let unseen = known(space).overlay
      looks += 1
      guard !unseen.isEmpty, exchange.timer.now - started < options.settleDeadline else { return repaired.count }
      if looks % Self.looksBeforeRepair == 0 {
        let vectors = unseen.map { StoredVector(id: $0.key, values: $0.value) }
        let step = PineconeWire.batchMax(dimensions: vectors[0].values.count)
        for start in stride(from: 0, to: vectors.count, by: step) {
          try await write(Array(vectors[start..<min(start + step, vectors.count)]), space)
        }
        repaired.formUnion(unseen.keys)
      }
      do {
        try await exchange.timer.sleep(pause)
      } catch {
        throw .cancelled
      }
      pause = min(pause * 2, Self.longestPause)
    }
  }

  // MARK: Requests

  private func write(_ vectors: [StoredVector], _ space: VectorSpace) async throws(IndexError) {
    let wire = wire(space)
    // How many the service says it took is not what it will show; only a fetch tells.
    _ = try wire.upserted(try await send(wire.upsert(vectors, model: space.model)))
  }

  private func send(_ request: HTTP.Request) async throws(IndexError) -> [UInt8] {
    switch await exchange.exchange(request) {
    case .success(let response) where response.isSuccess: return response.body
    case .success(let response): throw PineconeWire.refusal(response)
    case .failure(let problem): throw failure(problem)
    }
  }

  private func failure(_ problem: HTTP.Problem) -> IndexError {
    switch problem {
    case .cancelled: .cancelled
    case .invalidRequest: .vectorStore("PINECONE_INDEX_HOST or PINECONE_API_KEY is not usable")
    default: .vectorStore("Pinecone: \(problem.failure.message)")
    }
  }

  private func wire(_ space: VectorSpace) -> PineconeWire {
    PineconeWire(base: base, key: options.key, namespace: space.project.rawValue, tag: space.tag)
  }

  private func known(_ space: VectorSpace) -> Space { spaces.withLock { $0[space] ?? Space() } }

  private func change(_ space: VectorSpace, _ body: (inout Space) -> Void) {
    spaces.withLock { body(&$0[space, default: Space()]) }
  }
}
