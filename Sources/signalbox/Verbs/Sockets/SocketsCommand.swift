internal import ArgumentParser

struct SocketsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sockets", abstract: "See the clients of the gateway, send to them, and close their connections.",
    subcommands: [
      SocketsListCommand.self, SocketsShowCommand.self, SocketsKickCommand.self, SocketsBroadcastCommand.self,
    ])
}
