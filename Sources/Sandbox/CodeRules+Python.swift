internal import ControlPlane

extension CodeRules {
  /// Modules without a way to files, processes, the network or the interpreter's inside, and the packages that data
  /// programs use. The first part of a dotted name counts.
  static let pythonModules: Set<String> = [
    "__future__", "abc", "argparse", "array", "ast", "asyncio", "base64", "binascii", "bisect", "calendar", "cmath",
    "collections", "colorsys", "concurrent", "contextlib", "contextvars", "copy", "csv", "dataclasses", "datetime",
    "decimal", "difflib", "enum", "errno", "fractions", "functools", "gettext", "graphlib", "hashlib", "heapq",
    "hmac", "html", "io", "ipaddress", "itertools", "json", "keyword", "locale", "logging", "math", "mimetypes",
    "numbers", "operator", "pprint", "queue", "random", "re", "reprlib", "secrets", "statistics", "string",
    "stringprep", "struct", "sys", "textwrap", "threading", "time", "timeit", "token", "tokenize", "traceback",
    "types", "typing", "unicodedata", "unittest", "uuid", "warnings", "weakref", "xml", "zlib", "zoneinfo", "bz2",
    "lzma", "gzip", "sched", "shlex", "sqlite3", "cmd", "fnmatch", "tomllib", "getopt", "optparse",
    "numpy", "pandas", "matplotlib", "scipy", "sklearn", "sympy", "networkx", "seaborn", "statsmodels", "PIL",
    "pydantic", "dateutil", "pytz", "yaml", "attr", "attrs", "tabulate", "typing_extensions", "more_itertools",
  ]
  /// What `standard` adds: files of the work folder.
  static let pythonFileModules: Set<String> = [
    "os", "pathlib", "tempfile", "shutil", "glob", "zipfile", "tarfile", "fileinput", "stat", "filecmp", "pickle",
    "shelve", "platform", "inspect", "signal", "posixpath",
  ]
  static let osNames: Set<String> = [
    "path", "getcwd", "listdir", "makedirs", "mkdir", "remove", "rename", "replace", "rmdir", "scandir", "sep", "stat",
    "unlink", "walk", "linesep", "environ", "getenv", "cpu_count", "name", "urandom", "fspath", "PathLike", "pathsep",
    "getpid", "extsep", "curdir", "pardir",
  ]
  static let sysNames: Set<String> = [
    "argv", "stdin", "stdout", "stderr", "exit", "version", "version_info", "maxsize", "float_info", "int_info",
    "getsizeof", "setrecursionlimit", "getrecursionlimit", "byteorder", "platform", "maxunicode", "exc_info",
    "implementation", "getrefcount", "intern", "hexversion", "getdefaultencoding", "flags", "executable",
    "set_int_max_str_digits", "getswitchinterval", "hash_info",
  ]
  /// Dunder names that programs use without reaching for the interpreter.
  static let plainDunders: Set<String> = [
    "init", "new", "name", "doc", "str", "repr", "len", "iter", "next", "enter", "exit", "aenter", "aexit", "call",
    "eq", "ne", "lt", "le", "gt", "ge", "hash", "bool", "contains", "getitem", "setitem", "delitem", "add", "sub",
    "mul", "truediv", "floordiv", "mod", "pow", "neg", "pos", "abs", "int", "float", "index", "round", "and", "or",
    "xor", "invert", "lshift", "rshift", "matmul", "radd", "rsub", "rmul", "iadd", "isub", "imul", "format", "bytes",
    "del", "set_name", "get", "set", "delete", "init_subclass", "class_getitem", "post_init", "annotations",
    "qualname", "module", "slots", "version", "await", "aiter", "anext", "missing", "reversed", "copy", "deepcopy",
    "main", "name__", "getattr", "setattr", "dataclass_fields", "members", "cause", "context", "notes", "wrapped",
    "file", "all", "match_args", "iand", "ior", "ixor", "rtruediv", "divmod", "trunc", "floor", "ceil", "length_hint",
    "fspath", "delattr", "dir", "sizeof", "instancecheck", "subclasscheck", "prepare", "suppress_context", "debug",
  ]
  static let frameNames: Set<String> = [
    "f_globals", "f_locals", "f_back", "f_builtins", "f_code", "tb_frame", "tb_next", "gi_frame", "gi_code",
    "gi_yieldfrom", "cr_frame", "cr_code", "cr_origin", "ag_frame", "ag_code", "co_code", "co_consts", "func_globals",
    "func_code",
  ]
  static let reexported: Set<String> = [
    "os", "_os", "sys", "_sys", "subprocess", "_subprocess", "builtins", "importlib", "ctypes", "socket", "_socket",
    "posix", "_posix", "shutil", "_shutil", "linecache", "_io", "popen", "ctypeslib",
  ]
  static let codeNames: Set<String> = ["eval", "exec", "compile", "__import__", "breakpoint", "execfile"]
  static let insideNames: Set<String> = ["globals", "locals", "vars", "__builtins__", "__loader__", "__spec__"]
  /// As text they are of use to nobody but who looks them up by name.
  static let textNames: Set<String> = [
    "__globals__", "__subclasses__", "__builtins__", "__mro__", "__base__", "__bases__", "__code__", "__closure__",
    "__import__", "__loader__", "__spec__", "__getattribute__", "__self__", "__func__",
  ]
  /// Names of allowed modules that make code out of text or load it, by the module.
  static let codeMakers: [String: Set<String>] = [
    "typing": ["get_type_hints", "ForwardRef"], "types": ["FunctionType", "LambdaType", "CodeType"],
    "logging": ["config"], "sqlite3": ["load_extension"],
  ]
  static let superNames: Set<String> = ["getattribute", "reduce", "reduce_ex", "getstate", "setstate", "class"]
  static let encodings: Set<String> = [
    "utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii", "latin-1", "latin1", "iso-8859-1", "iso-latin-1",
  ]

  /// `modules`: what the names stand for that the program's imports bind.
  func pythonFinding(_ fact: CodeFacts.Fact, _ modules: [String: Set<String>]) -> Violation? {
    switch fact.kind {
    case "import": pythonImport(fact)
    case "from": pythonFrom(fact)
    case "relative" where files.allSatisfy { !$0.contains("/") }:
      finding(fact, "import", .critical, "there is no package to import from", "pass the module as a file")
    case "name": pythonName(fact)
    case "value" where !(modules[fact.value] ?? []).isDisjoint(with: ["os", "sys"]):
      finding(
        fact, "system", .critical, "\(fact.value) as a value can reach everything", "use what you need of it by name",
        softens: true)
    case "attribute": pythonAttribute(fact, modules)
    case "text" where Self.textNames.contains(fact.value):
      finding(
        fact, "dunder", .critical, "a text that names \(fact.value), which reaches into the interpreter",
        "use the name of an attribute of your own", softens: true)
    case "code":
      finding(
        fact, "dynamic-code", .critical, "\(fact.value) with code as text runs what cannot be checked",
        "give it a function, or use time.perf_counter()", softens: true)
    case "computed":
      finding(
        fact, "computed-attribute", .critical, "\(fact.value) with a name that is computed",
        "use a dictionary, or write the name out", softens: true)
    case "format":
      finding(
        fact, "format-string", .critical, "a format string that reads private attributes",
        "format plain values", softens: true)
    case "open": pythonOpen(fact)
    case "encoding" where !Self.encodings.contains(fact.value):
      finding(fact, "encoding", .critical, "a source encoding that can hide code", "save the program as UTF-8")
    default: nil
    }
  }

  private func isAllowed(_ module: String) -> Bool {
    let first = module.split(separator: ".").first.map(String.init) ?? module
    // What came with the run is checked like the program.
    if files.contains("\(first).py") || files.contains(where: { $0.hasPrefix(first + "/") }) { return true }
    return Self.pythonModules.contains(first) || profile == .standard && Self.pythonFileModules.contains(first)
  }

  private func pythonImport(_ fact: CodeFacts.Fact) -> Violation? {
    if fact.value == "logging.config" { return codeMaker(fact, fact.value) }
    guard !isAllowed(fact.value) else { return nil }
    let first = fact.value.split(separator: ".").first.map(String.init) ?? fact.value
    let suggestion: String
    switch first {
    case "os", "pathlib", "shutil", "tempfile", "glob", "pickle", "zipfile":
      suggestion = "use the profile standard, which allows files of the work folder"
    case "socket", "requests", "urllib", "http", "urllib3", "httpx", "aiohttp", "ftplib", "smtplib", "ssl":
      suggestion = "there is no network in the sandbox: pass the data as a file or as input"
    case "subprocess", "multiprocessing", "pty":
      suggestion = "there are no other programs in the sandbox: use threading or concurrent.futures.ThreadPoolExecutor"
    case "importlib", "runpy", "pkgutil", "imp": suggestion = "import the module by its name"
    default:
      suggestion = "use a module of the allowlist, pass the module as a file, or choose the profile standard or off"
    }
    return finding(
      fact, "import", .critical, "the module \(first) is not allowed under \(profile.rawValue)", suggestion)
  }

  private func pythonFrom(_ fact: CodeFacts.Fact) -> Violation? {
    if fact.value == "*" {
      return finding(fact, "import-star", .high, "what the program uses of \(fact.base) cannot be seen", "name it")
    }
    if ["os", "sys"].contains(fact.base) { return restricted(fact, module: fact.base) }
    if Self.codeMakers[fact.base]?.contains(fact.value) ?? false { return codeMaker(fact, fact.value) }
    guard isAllowed(fact.base), Self.reexported.contains(fact.value) else { return nil }
    return finding(
      fact, "re-export", .critical, "\(fact.base).\(fact.value) is another module", "import that module by its own name"
    )
  }

  private func codeMaker(_ fact: CodeFacts.Fact, _ name: String) -> Violation {
    finding(
      fact, "dynamic-code", .critical, "\(name) runs or loads code that cannot be checked", "write the code out",
      softens: true)
  }

  private func restricted(_ fact: CodeFacts.Fact, module: String) -> Violation? {
    let names = module == "os" ? Self.osNames : Self.sysNames
    guard !names.contains(fact.value) else { return nil }
    return finding(
      fact, "system", .critical, "\(module).\(fact.value) is not allowed",
      module == "os"
        ? "there are no other programs and users in the sandbox" : "use what \(module) has for input and output")
  }

  private func pythonName(_ fact: CodeFacts.Fact) -> Violation? {
    if Self.codeNames.contains(fact.value) {
      return finding(
        fact, "dynamic-code", .critical, "\(fact.value) runs code that cannot be checked",
        fact.value == "eval" ? "use ast.literal_eval, json.loads or a dictionary of functions" : "write the code out",
        softens: true)
    }
    guard Self.insideNames.contains(fact.value) else { return nil }
    return finding(
      fact, "interpreter", .critical, "\(fact.value) gives access to the interpreter's own names",
      "use a dictionary of your own", softens: true)
  }

  private func pythonAttribute(_ fact: CodeFacts.Fact, _ modules: [String: Set<String>]) -> Violation? {
    let (before, after) = Self.context(fact)
    let name = fact.value
    let owners = modules[before] ?? [before]
    if Self.frameNames.contains(name) {
      return finding(
        fact, "frame", .critical, "\(name) reaches into the interpreter's frames", "use traceback or logging")
    }
    for module in ["os", "sys"] where owners.contains(module) { return restricted(fact, module: module) }
    if owners.contains(where: { Self.codeMakers[$0]?.contains(name) ?? false }) || name == "load_extension" {
      return codeMaker(fact, name)
    }
    if Self.reexported.contains(name), !Self.isOwnField(before, modules) {
      return finding(
        fact, "re-export", .critical, "\(before).\(name) is another module", "import that module by its own name")
    }
    guard name.hasPrefix("__"), name.hasSuffix("__"), name.count > 4 else { return nil }
    let word = String(name.dropFirst(2).dropLast(2))
    if Self.plainDunders.contains(word) || before == "super()" && Self.superNames.contains(word) { return nil }
    if name == "__class__", after == "__name__" || after == "__qualname__" || before == "self" { return nil }
    if name == "__dict__" {
      return finding(fact, "dunder", .high, "\(name) reads names that cannot be seen", "use dataclasses.asdict")
    }
    return finding(
      fact, "dunder", .critical, "\(name) reaches into the interpreter",
      "use type(), isinstance() or the method itself",
      softens: true)
  }

  /// A field of the program's own that happens to be called like a module.
  private static func isOwnField(_ before: String, _ modules: [String: Set<String>]) -> Bool {
    let root = before.split(separator: ".").first.map(String.init) ?? ""
    return modules[root] == nil && (root == "self" || root == "args")
  }

  private func pythonOpen(_ fact: CodeFacts.Fact) -> Violation? {
    let isOutside =
      fact.value.hasPrefix("/") && !fact.value.hasPrefix("/tmp/") && !fact.value.hasPrefix("/workspace/")
      || fact.value.split(separator: "/").contains("..")
    if isOutside {
      return finding(
        fact, "open", .critical, "a file outside of the work folder", "pass the file with the run, and use its name",
        softens: true)
    }
    guard profile == .strict else { return nil }
    return finding(fact, "open", .high, "the program uses files", "files of the work folder are handed back at the end")
  }
}
