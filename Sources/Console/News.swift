internal import Base
internal import ControlPlane

/// What reaches the model from outside the keyboard.
enum News: Sendable {
  case snapshot(Snapshot)
  case events([Event])
  case link(LinkState)
  case answer(Query, Result<Answer, Failure>)
  case outcome(Command, Result<Outcome, Failure>)
  /// What a file held that was asked for.
  case file(String, Result<String, Failure>)
  case themeApplied(String)
  /// The name of the theme that stays.
  case themeRefused(String, Failure)
  /// Something the console did succeeded: a file written, a text copied.
  case done(String)
  case failed(Failure)
}
