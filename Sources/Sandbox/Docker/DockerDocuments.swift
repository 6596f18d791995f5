internal import FoundationEssentials

/// What is sent to and read from the Docker Engine API, as far as it is used here. Field names differ from the API's
/// (docs.docker.com/reference/api/engine) in their first letter only.
struct DockerContainer: Codable, Equatable {
  var image: String
  var user: String
  var workingDir: String
  var hostname: String
  var networkDisabled = true
  var attachStdin = true
  var attachStdout = true
  var attachStderr = true
  var openStdin = true
  /// The container's input ends with the connection, and with it the container: a dead node leaves nothing running.
  var stdinOnce = true
  var tty = false
  var entrypoint: [String]
  var cmd: [String] = []
  var labels: [String: String]
  var healthcheck = Healthcheck()
  var hostConfig: HostConfig

  struct Healthcheck: Codable, Equatable { var test = ["NONE"] }

  struct HostConfig: Codable, Equatable {
    var networkMode = "none"
    var readonlyRootfs = true
    var privileged = false
    var capDrop: [String]? = ["ALL"]
    var capAdd: [String]?
    var securityOpt: [String]?
    var memory: Int
    var memorySwap: Int
    var nanoCpus: Int
    var pidsLimit: Int?
    /// No shared memory folder: the two folders that can be written are the ones asked for.
    var ipcMode = "none"
    var oomScoreAdj = 1_000
    var logConfig = LogConfig()
    var ulimits: [Ulimit]?
    var tmpfs: [String: String]?
    var mounts: [Mount]?
    var runtime: String?
  }

  struct LogConfig: Codable, Equatable { var type = "none" }

  struct Ulimit: Codable, Equatable {
    var name: String
    var soft: Int
    var hard: Int
  }

  struct Mount: Codable, Equatable {
    var type = "volume"
    var source: String
    var target: String
    var readOnly: Bool?
    var volumeOptions: VolumeOptions? = VolumeOptions()
  }

  struct VolumeOptions: Codable, Equatable { var noCopy: Bool? = true }
}

/// The Engine's answers.
enum DockerAnswer {
  struct Version: Decodable {
    var version: String
    var apiVersion: String
    var minAPIVersion: String?
    var os: String?
    var arch: String?
  }

  struct Created: Decodable {
    var id: String
    var warnings: [String]?
  }

  struct Inspection: Decodable {
    struct State: Decodable {
      var running: Bool
      var exitCode: Int
      // The API writes OOMKilled.
      var oOMKilled: Bool
    }

    struct Config: Decodable {
      var user: String
      var networkDisabled: Bool?
    }

    var state: State
    var config: Config
    var hostConfig: DockerContainer.HostConfig
  }

  struct Image: Decodable {
    var id: String
    var architecture: String?
  }

  struct Listed: Decodable {
    var id: String
    var labels: [String: String]?
  }

  struct Trouble: Decodable { var message: String }

  /// A line of a pull's progress.
  struct Progress: Decodable {
    var status: String?
    var id: String?
    var error: String?
  }
}

enum DockerJSON {
  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  static func encode(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .custom { path in
      let name = path.last?.stringValue ?? ""
      return Key(stringValue: name.prefix(1).uppercased() + name.dropFirst())
    }
    // Our own values: strings, numbers and lists of them cannot fail to be written.
    return (try? encoder.encode(value)).map(Array.init) ?? []
  }

  static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) -> Value? {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .custom { path in
      let name = path.last?.stringValue ?? ""
      return Key(stringValue: name.prefix(1).lowercased() + name.dropFirst())
    }
    // What cannot be read is told from what is wrong by the caller, who knows what was asked.
    return try? decoder.decode(type, from: Data(bytes))
  }
}
