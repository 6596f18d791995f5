internal import Base
internal import Glibc

/// One reading of both clocks. Every method of the model that depends on time is given one, so that tests decide it.
struct Moment: Sendable, Equatable {
  /// Milliseconds of a clock that never jumps; only differences mean anything.
  var monotonic: Int64
  /// Milliseconds since 1970, for what people read.
  var wall: Int64

  /// The machine's clocks.
  static func now() -> Moment {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let monotonic = Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    return Moment(monotonic: monotonic, wall: SystemWallClock().nowMilliseconds())
  }

  func adding(milliseconds: Int64) -> Moment {
    Moment(monotonic: monotonic + milliseconds, wall: wall + milliseconds)
  }
}
