internal import Base
internal import CodeIndex
internal import Outbound

/// The servers that the index talks to, and the connections to them.
final class RemoteIndex: Sendable {
  let options: RemoteOptions
  private let transport: PooledTransport

  /// `folder`: the index's own. Throws the one line that says why the folder cannot be used.
  init?(_ settings: RemoteIndexSettings, folder: String, cache: CacheEngine?) throws(Failure) {
    let hasStore = settings.pineconeHost != nil && settings.pineconeKey != nil
    guard settings.usesServer || hasStore else { return nil }
    let transport = PooledTransport()
    self.transport = transport
    do throws(IndexError) {
      var store: (any VectorStore)?
      if let host = settings.pineconeHost, let key = settings.pineconeKey {
        store = try PineconeStore(.init(host: host, key: key), folder: folder, transport: transport)
      }
      options = RemoteOptions(
        embedder: try Self.embedder(settings, transport), store: store, cache: cache.map(CachedVectors.init),
        consent: settings.choice == .openai ? .given : .askedElseBuiltIn)
    } catch {
      throw error.failure
    }
  }

  private static func embedder(
    _ settings: RemoteIndexSettings, _ transport: PooledTransport
  ) throws(IndexError) -> any Embedder {
    guard settings.usesServer else { return try BuiltInEmbedder() }
    var options = OpenAIEmbedder.Options(key: settings.key, model: settings.model)
    if let baseURL = settings.baseURL { options.baseURL = baseURL }
    return OpenAIEmbedder(options, transport: transport)
  }

  func close() async { await transport.close() }
}
