// swift-tools-version: 6.2
import Glibc
import PackageDescription

/// Every Swift target is built alike: language mode 6, no implicit re-export of imports, and no warning survives.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// The linker that comes with the toolchain, and two tables less for the loader to read at every start: names that
/// nobody looks up, and, packed where its version knows them (DT_RELR), 160,000 addresses.
let startsFast: [LinkerSetting] = {
  var text = [CChar](repeating: 0, count: 64)
  confstr(Int32(_CS_GNU_LIBC_VERSION), &text, text.count)  // "glibc 2.36"
  let version = String(decoding: text.map(UInt8.init(bitPattern:)).prefix { $0 != 0 }, as: UTF8.self)
  var flags = ["-use-ld=lld", "-Xlinker", "--no-export-dynamic"]
  if let minor = version.split(separator: ".").last.flatMap({ Int($0) }), version.hasPrefix("glibc 2."), minor >= 36 {
    flags += ["-Xlinker", "-z", "-Xlinker", "pack-relative-relocs"]
  }
  return [.unsafeFlags(flags)]
}()

/// C targets take no `unsafeFlags`, so warnings are named one by one.
let strictC: [CSetting] = [
  .treatAllWarnings(as: .error),
  .define("_GNU_SOURCE"),
]

/// A room: one folder of `Sources`, with its reasons in `DESIGN.md`.
func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, exclude: ["DESIGN.md"], swiftSettings: strict)
}

func tests(
  _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: strict)
}

/// A C target: one header, one .c file. System libraries are linked by name and not through pkg-config, which
/// prints "prohibited flag(s)" for ncursesw and hiredis on every build.
func ground(_ name: String, libraries: [String] = []) -> Target {
  .target(name: name, cSettings: strictC, linkerSettings: libraries.map { .linkedLibrary($0) })
}

let atomicsFreeNIO: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
]

let package = Package(
  name: "signalbox",
  dependencies: [
    // Sockets, event loops and HTTP/1 framing.
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    // Verbs, flags and help of the command line.
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    // The logging and metrics front ends that every server library here already speaks.
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
    // Deque: a ring buffer for queues with a fixed capacity.
    .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    // SHA-256, HMAC and constant-time comparison must not be home-made.
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    // Start and stop order of the node's services.
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    // Latency histograms with a bounded relative error.
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
    // The HTTP API: router, middleware, body limits, streaming.
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
    // The value types of HTTP that Hummingbird's pipeline speaks.
    .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0", traits: []),
    .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
    // JWT parsing and verification must not be home-made either.
    .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
    // HTTPS to embedding servers and vector stores, and a container engine's unix socket: pooling, TLS and streaming.
    // Exact, because its minor versions change how it starts (1.3x reads configuration through another package).
    .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
    // config.yaml and themes.
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    // MARK: Ground: C, one header and one .c file each
    ground("CNcurses", libraries: ["ncursesw", "tinfo"]),
    ground("CHiredis", libraries: ["hiredis"]),
    ground("CGit2", libraries: ["git2", "z"]),
    // The embedding model is compiled in; its file and its notices are no sources.
    .target(name: "CModel", exclude: ["model"], cSettings: strictC),
    ground("CSockets"),
    ground("CCrash"),
    ground("CThemes"),
    ground("CPty"),
    ground("CSpawn"),
    // Deflate, for permessage-deflate.
    ground("CZlib", libraries: ["z"]),

    // MARK: Floor 1: what every engine and every face may use
    room(
      "Base",
      [
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "DequeModule", package: "swift-collections"),
      ]),
    room(
      "Telemetry",
      [
        "Base", "ControlPlane",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "DequeModule", package: "swift-collections"),
      ]),
    room("ControlPlane", ["Base"]),
    room("Pty", ["Base", "CPty"]),
    room("SocketProtocol", ["Base", .product(name: "DequeModule", package: "swift-collections")]),
    room(
      "Access",
      [
        "Base", "ControlPlane", "CSockets",
        .product(name: "JWTKit", package: "jwt-kit"),
        .product(name: "Crypto", package: "swift-crypto"),
      ]),

    room(
      "RedisLink",
      [
        "Base", "CHiredis",
        .product(name: "DequeModule", package: "swift-collections"),
      ]),

    room(
      "Outbound",
      [
        "Base",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ] + atomicsFreeNIO),

    // MARK: Floor 2: engines, none of which knows another
    room(
      "Bench",
      [
        "Base", "Telemetry", "ControlPlane",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ]),

    room(
      "Cache",
      [
        "Base", "ControlPlane", "Telemetry", "RedisLink",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "DequeModule", package: "swift-collections"),
      ]),

    room("Load", ["Base", "Telemetry", "CSockets"]),

    room(
      "Gateway",
      [
        "Base", "ControlPlane", "Telemetry", "Access", "RedisLink", "SocketProtocol", "CSockets", "CZlib",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ] + atomicsFreeNIO),

    room("CodeIndex", ["Base", "ControlPlane", "Outbound", "CModel", "CGit2", "CSpawn"]),

    // Untrusted programs. The launcher is the cellar: C alone, one process for every sandbox.
    // It also runs inside, where there is no Swift and perhaps no C library: no start files of Swift, all static.
    .executableTarget(
      name: "sandbox-launcher", cSettings: strictC,
      linkerSettings: [
        .unsafeFlags(["-nostartfiles", "-static-stdlib", "-Xclang-linker", "-static", "-Xlinker", "-s"])
      ]),
    room("Sandbox", ["Base", "ControlPlane", .product(name: "DequeModule", package: "swift-collections")]),

    // MARK: Floor 3: faces, which see the control plane and never an engine
    room(
      "ControlSocket",
      [
        "Base", "ControlPlane", "CSockets",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ] + atomicsFreeNIO),
    room(
      "API",
      [
        "Base", "ControlPlane", "Access", "Telemetry",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Logging", package: "swift-log"),
      ]),

    room(
      "Console",
      [
        "Base", "ControlPlane", "CNcurses", "CThemes", .product(name: "Yams", package: "Yams"),
        .product(name: "Logging", package: "swift-log"),
      ]),

    // MARK: Floor 4: composes everything below
    room(
      "EngineRoom",
      [
        "Base", "Telemetry", "ControlPlane", "Access", "RedisLink", "Bench", "Cache", "Gateway", "Load", "CodeIndex",
        "SocketProtocol", "ControlSocket", "API", "Pty", "CCrash", "CSpawn", "Sandbox", "Outbound",
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),

    // MARK: Roof
    .executableTarget(
      name: "signalbox",
      dependencies: [
        "Base", "Telemetry", "ControlPlane", "Access", "RedisLink", "Bench", "Load", "ControlSocket", "API", "Console",
        "EngineRoom", "Gateway", "CSpawn",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Yams", package: "Yams"),
      ],
      exclude: ["DESIGN.md"],
      swiftSettings: strict, linkerSettings: startsFast),

    // MARK: Tests
    room("TestKit", ["Base", "CSpawn"]),
    tests("GroundTests", ["CNcurses", "CHiredis", "CGit2", "CSockets", "CCrash", "CZlib"]),
    tests("TestKitTests", ["TestKit", "Base"]),
    tests("BaseTests", ["Base", "TestKit"]),
    tests(
      "TelemetryTests",
      [
        "Telemetry", "ControlPlane", "Base", "TestKit",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
      ]),
    tests("ControlPlaneTests", ["ControlPlane", "Base", "TestKit"]),
    tests(
      "AccessTests",
      [
        "Access", "Base", "ControlPlane", "TestKit",
        .product(name: "JWTKit", package: "jwt-kit"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
      ]),
    tests("SocketProtocolTests", ["SocketProtocol", "Base", "TestKit"]),
    tests("RedisLinkTests", ["RedisLink", "Base", "TestKit"]),
    // A server of the tests' own process that answers as a test says.
    .target(
      name: "FakeServers", dependencies: [.product(name: "NIOHTTP1", package: "swift-nio")] + atomicsFreeNIO,
      path: "Tests/FakeServers", swiftSettings: strict),
    tests("OutboundTests", ["Outbound", "FakeServers", "Base", "TestKit"]),
    tests("CacheTests", ["Cache", "RedisLink", "Base", "TestKit"]),
    tests("CacheSimulationTests", ["Cache", "Base", "TestKit"]),
    tests("LoadTests", ["Load", "Telemetry", "TestKit"]),
    tests(
      "GatewayTests",
      [
        "Gateway", "SocketProtocol", "Access", "RedisLink", "ControlPlane", "Base", "TestKit",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "JWTKit", package: "jwt-kit"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),

    // A program for the kill test of the index, never installed.
    .executableTarget(
      name: "IndexProbe", dependencies: ["CodeIndex", "ControlPlane", "Base"], path: "Tests/IndexProbe",
      swiftSettings: strict),
    tests(
      "CodeIndexTests", ["CodeIndex", "IndexProbe", "Outbound", "FakeServers", "Base", "ControlPlane", "TestKit"],
      exclude: ["Golden"]),
    tests("SandboxTests", ["Sandbox", "sandbox-launcher", "Outbound", "ControlPlane", "Base", "TestKit"]),
    tests("BenchTests", ["Bench", "Base", "ControlPlane", "TestKit"]),
    tests(
      "ControlSocketTests",
      [
        "ControlSocket", "ControlPlane", "Base", "TestKit", "CSockets",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ] + atomicsFreeNIO),
    tests(
      "APITests",
      [
        "API", "Access", "ControlPlane", "Telemetry", "Base", "TestKit",
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "InMemoryLogging", package: "swift-log"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "JWTKit", package: "jwt-kit"),
      ]),
    // A program for the terminal's own tests, never installed.
    .executableTarget(
      name: "ConsoleProbe", dependencies: ["Console", "ControlPlane", "Base"], path: "Tests/ConsoleProbe",
      swiftSettings: strict),
    tests(
      "ConsoleTests", ["Console", "ConsoleProbe", "Base", "ControlPlane", "Pty", "TestKit"], exclude: ["Golden"]),
    tests(
      "EngineRoomTests",
      [
        "EngineRoom", "sandbox-launcher", "Bench", "Load", "CCrash", "ControlPlane", "Access", "RedisLink", "Base",
        "Telemetry", "TestKit", "CodeIndex", "FakeServers",
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
    tests("SettingsTests", ["signalbox", "RedisLink", "Base", "ControlPlane", "EngineRoom", "TestKit"]),
    tests(
      "IntegrationTests", ["signalbox", "sandbox-launcher", "ControlSocket", "ControlPlane", "Base", "Pty", "TestKit"],
      exclude: ["Scripts"]),
    tests("TidyTests", ["TestKit"]),
  ]
)
