internal import Base
internal import Glibc

/// Another WebSocket server that does the same work, in a process of its own: what it takes to serve the clients of
/// `signalbox load`, and nothing else: no heartbeats, no authorisation, no bounds. So the comparison flatters the peer.
struct GatewayPeer: Sendable {
  let name: String
  /// The interpreter, by its absolute path.
  let program: String
  let fileName: String
  let script: String
  let environment: [String: String]

  static let startLimit = Duration.seconds(60)

  /// Of a look whether it is there.
  static let lookLimit = Duration.seconds(10)

  static let names = ["uWebSockets", "Node ws"]

  /// Those that are installed, the strongest first.
  static func installed() async -> [GatewayPeer] {
    let all = [
      await installed(
        names[0], program: "python3", test: ["-c", "import socketify"], fileName: "peer.py", script: pythonScript),
      await installed(
        names[1], program: "node", test: ["-e", "require('ws')"], fileName: "peer.js", script: nodeScript,
        environment: ["NODE_PATH": "/usr/share/nodejs:/usr/lib/node_modules:/usr/local/lib/node_modules"]),
    ]
    return all.compactMap { $0 }
  }

  private static func installed(
    _ name: String, program: String, test: [String], fileName: String, script: String,
    environment: [String: String] = [:]
  ) async -> GatewayPeer? {
    guard let path = CacheWorkloads.program(program) else { return nil }
    var variables = environment
    for name in ["PATH", "HOME"] { variables[name] = getenv(name).map { String(cString: $0) } }
    let launch = BenchChild.Launch(arguments: test, environment: variables)
    guard let child = try? BenchChild(path, launch) else { return nil }  // not startable: not installed
    guard await child.end(within: lookLimit).status == 0 else { return nil }
    return GatewayPeer(name: name, program: path, fileName: fileName, script: script, environment: variables)
  }

  /// Starts it on a free port and waits until it accepts.
  func start(_ bench: Workbench) async throws(Failure) -> (child: BenchChild, port: UInt16) {
    let path = "\(bench.folder)/\(fileName)"
    try WholeFile.replace(path, with: Array(script.utf8))
    let port = try BenchNode.freePort()
    let child = try BenchChild(program, .init(arguments: [path, "\(port)"], environment: environment))
    do throws(Failure) {
      let end = ContinuousClock.now + Self.startLimit
      while !Self.accepts(port) {
        guard ContinuousClock.now < end, !child.hasEnded else {
          throw Failure(.unavailable, "\(name) did not start for the bench")
        }
        try await bench.sleep(.milliseconds(10))
      }
      return (child, port)
    } catch {
      child.kill()
      throw error
    }
  }

  private static func accepts(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  // MARK: The peers' programs

  /// One parse and one encoding an event, one send a member.
  private static let nodeScript = """
    const { WebSocketServer } = require("ws");
    const rooms = new Map();
    const server = new WebSocketServer({
      port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096, perMessageDeflate: false });
    server.on("connection", (socket) => {
      socket.rooms = [];
      socket.send('0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}');
      socket.on("message", (data) => {
        const text = data.toString();
        if (text.startsWith("40")) return socket.send('40{"sid":"x"}');
        const bracket = text.indexOf("[");
        if (!text.startsWith("42") || bracket < 0) return;
        const [name, argument] = JSON.parse(text.slice(bracket));
        const number = text.slice(2, bracket);
        if (name.startsWith("subscribe-")) {
          const room = name.slice(10) + ":" + argument;
          if (!rooms.has(room)) rooms.set(room, new Set());
          rooms.get(room).add(socket);
          socket.rooms.push(room);
          socket.send("43" + number + '[{"ok":true}]');
        } else if (name === "publish") {
          const message = "42" + JSON.stringify([argument.event, argument.data]);
          for (const member of rooms.get(argument.room) || []) member.send(message);
          socket.send("43" + number + '[{"ok":true}]');
        }
      });
      socket.on("close", () => socket.rooms.forEach((room) => rooms.get(room).delete(socket)));
      socket.on("error", () => {});
    });
    """

  /// Its own publish and subscribe; Python is called once an event.
  private static let pythonScript = """
    import json, sys
    from socketify import App, AppListenOptions, OpCode
    app = App()
    def opened(ws):
        ws.send('0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}', OpCode.TEXT)
    def message(ws, text, opcode):
        if text.startswith("40"):
            ws.send('40{"sid":"x"}', OpCode.TEXT)
            return
        bracket = text.find("[")
        if not text.startswith("42") or bracket < 0:
            return
        name, argument = json.loads(text[bracket:])
        number = text[2:bracket]
        if name.startswith("subscribe-"):
            ws.subscribe(name[10:] + ":" + argument)
            ws.send("43" + number + '[{"ok":true}]', OpCode.TEXT)
        elif name == "publish":
            event = json.dumps([argument["event"], argument["data"]], separators=(",", ":"))
            app.publish(argument["room"], "42" + event, OpCode.TEXT, False)
            ws.send("43" + number + '[{"ok":true}]', OpCode.TEXT)
    app.ws("/socket.io/", {"compression": 0, "max_payload_length": 1000000, "idle_timeout": 120,
                          "max_backpressure": 64 * 1024 * 1024, "open": opened, "message": message})
    app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"), lambda config: None)
    app.run()
    """
}
