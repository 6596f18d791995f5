internal import Base
internal import CSpawn
internal import Glibc
internal import Synchronization

/// `posix_spawn` with pipes, a process group and default signals. Every descriptor made here is closed on exec, so
/// that no child of one test holds a pipe of another; what Glibc shows to Swift cannot set that flag in the call that
/// makes a pipe, so one lock keeps a second start out until it is set.
enum ProgramLaunch {
  struct Launched {
    var processID: Int32
    var output: OutputCapture
    var errors: OutputCapture
  }

  private static let oneAtATime = Mutex(())

  private struct Pipe {
    var reading: Int32
    var writing: Int32
  }

  static func start(
    _ program: String, _ arguments: [String], _ options: ProgramProcess.Options
  ) throws(Failure) -> Launched {
    let result = oneAtATime.withLock { _ in
      Result { () throws(Failure) -> Launched in try startAlone(program, arguments, options) }
    }
    return try result.get()
  }

  private static func startAlone(
    _ program: String, _ arguments: [String], _ options: ProgramProcess.Options
  ) throws(Failure) -> Launched {
    let output = try pipe()
    let errors = try pipe()
    let input = try inputDescriptor(options.input)
    defer { for descriptor in [output.writing, errors.writing, input] { close(descriptor) } }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors.writing, STDERR_FILENO)
    // Sockets of other tests in this process: a relay that hangs up would not be heard while a program holds its end.
    sb_close_from(&actions, 3)

    // env -C changes the folder and becomes the program: same process, and PATH is searched as usual.
    let command = (options.folder.map { ["/usr/bin/env", "-C", $0, "--"] } ?? []) + [program] + arguments
    var processID: pid_t = 0
    let status = withAttributes { attributes in
      withCStrings(command) { argv in
        withEnvironment(options.environment) { environment in
          posix_spawnp(&processID, command[0], &actions, attributes, argv, environment)
        }
      }
    }
    guard status == 0 else {
      close(output.reading)
      close(errors.reading)
      throw Failure(.notFound, "cannot start \(program): \(String(cString: strerror(status)))")
    }
    let launched = Launched(processID: processID, output: OutputCapture(), errors: OutputCapture())
    launched.output.start(output.reading)
    launched.errors.start(errors.reading)
    return launched
  }

  /// A group of its own, no blocked signal, and the default action for every signal.
  private static func withAttributes(_ body: (UnsafePointer<posix_spawnattr_t>) -> Int32) -> Int32 {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))
    return body(&attributes)
  }

  private static func pipe() throws(Failure) -> Pipe {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { throw problem("make a pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return Pipe(reading: ends[0], writing: ends[1])
  }

  /// Given input is put into a file without a name: a pipe would need a writer of its own.
  private static func inputDescriptor(_ input: [UInt8]?) throws(Failure) -> Int32 {
    guard let input else {
      let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw problem("open /dev/null") }
      return descriptor
    }
    var template = Array("/tmp/sb-input-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw problem("make a temporary file") }
    unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    var sent = 0
    while sent < input.count {
      let count = input[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { throw problem("write the input") }
      sent += count
    }
    lseek(descriptor, 0, SEEK_SET)
    return descriptor
  }

  private static func problem(_ action: String) -> Failure {
    Failure(.internal, "cannot \(action): \(String(cString: strerror(errno)))")
  }

  private static func withCStrings(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
  ) -> Int32 {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers)
  }

  private static func withEnvironment(
    _ environment: [String: String]?, _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
  ) -> Int32 {
    withCStrings((environment ?? Environment.all()).map { "\($0.key)=\($0.value)" }, body)
  }
}
