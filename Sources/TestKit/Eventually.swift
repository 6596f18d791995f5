/// Asks `condition` again and again until it holds or the time is over, and says whether it held. This is how a test
/// waits for something that happens elsewhere: `#expect(await eventually { server.clients == 2 })`.
///
/// Polls after 1 ms first, then less and less often, at most every 50 ms. The default limit is long because machines
/// that run tests are slow; a condition that holds costs only the time until it does.
public func eventually(
  within limit: Duration = .seconds(20), isolation: isolated (any Actor)? = #isolation,
  _ condition: () async throws -> Bool
) async rethrows -> Bool {
  let deadline = ContinuousClock.now.advanced(by: limit)
  var pause = Duration.milliseconds(1)
  while true {
    if try await condition() { return true }
    if ContinuousClock.now >= deadline || Task.isCancelled { return false }
    try? await Task.sleep(for: pause)  // a cancelled sleep is seen at the next turn
    pause = min(pause * 2, .milliseconds(50))
  }
}
