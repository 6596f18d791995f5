/// What kind of source a file is, told by its name alone: the table of what is indexed.
public struct Language: Sendable, Hashable {
  /// As filters and results name it: `swift`, `python`, `cpp` …
  public let name: String
  /// Functions have no keyword here; three more rules find their names.
  let isTyped: Bool

  /// Nil for what is not indexed: data, pictures, archives, lock files.
  public static func of(path: String) -> Language? {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    if let name = byFileName[file.lowercased()] { return Language(name: name, isTyped: false) }
    guard let dot = file.lastIndex(of: "."), dot != file.startIndex else { return nil }
    let ending = file[file.index(after: dot)...].lowercased()
    guard let name = byEnding[ending] else { return nil }
    return Language(name: name, isTyped: typedEndings.contains(ending))
  }

  /// Every name a filter may use.
  public static let names = Set(byEnding.values).union(byFileName.values)

  /// FORMAT.md, rules 2–4.
  private static let typedEndings: Set<String> = [
    "java", "kt", "cs", "js", "mjs", "jsx", "ts", "tsx", "c", "h", "cc", "cpp", "hpp", "m", "mm",
  ]

  private static let byFileName: [String: String] = [
    "makefile": "make", "gnumakefile": "make", "dockerfile": "docker", "containerfile": "docker",
    "cmakelists.txt": "cmake", "rakefile": "ruby", "gemfile": "ruby", "podfile": "ruby", "brewfile": "ruby",
    "vagrantfile": "ruby", "jenkinsfile": "groovy", "build.bazel": "bazel", "workspace": "bazel", "justfile": "make",
    "readme": "text",
  ]

  private static let endings: [String: String] = [
    "swift": "swift", "python": "py pyi pyx pxd", "go": "go", "rust": "rs", "java": "java", "kotlin": "kt kts",
    "scala": "scala sc", "groovy": "groovy gradle", "csharp": "cs csx", "fsharp": "fs fsi fsx", "vb": "vb",
    "javascript": "js mjs cjs jsx", "typescript": "ts tsx mts cts", "vue": "vue", "svelte": "svelte", "astro": "astro",
    "c": "c h", "cpp": "cc cpp cxx hpp hh hxx inl ipp tpp cu cuh", "objc": "m mm", "ruby": "rb rake gemspec erb",
    "php": "php phtml", "perl": "pl pm t", "lua": "lua", "r": "r rmd", "julia": "jl", "dart": "dart",
    "elixir": "ex exs", "erlang": "erl hrl", "haskell": "hs lhs", "ocaml": "ml mli", "clojure": "clj cljs cljc edn",
    "lisp": "lisp el scm rkt", "nim": "nim", "zig": "zig", "d": "d", "crystal": "cr", "v": "v", "solidity": "sol",
    "shell": "sh bash zsh fish ksh", "powershell": "ps1 psm1", "batch": "bat cmd", "sql": "sql",
    "graphql": "graphql gql",
    "proto": "proto thrift", "assembly": "s asm", "fortran": "f f90 f95 f03 for", "pascal": "pas pp", "ada": "adb ads",
    "verilog": "sv svh vh", "vhdl": "vhd vhdl", "matlab": "mat", "tcl": "tcl", "awk": "awk", "vim": "vim",
    "html": "html htm xhtml", "css": "css scss sass less styl", "template": "j2 jinja tmpl hbs ejs mustache",
    "markdown": "md markdown mdx", "text": "rst adoc txt org", "yaml": "yml yaml", "toml": "toml",
    "ini": "ini cfg conf",
    "make": "mk mak", "cmake": "cmake", "bazel": "bzl bazel", "nix": "nix", "terraform": "tf tfvars hcl",
    "docker": "dockerfile", "protobuf": "textproto", "cython": "pyx_in", "xml": "xsd xsl xslt wsdl",
    "metal": "metal glsl hlsl wgsl vert frag",
  ]

  private static let byEnding: [String: String] = {
    var table: [String: String] = [:]
    for (name, list) in endings { for ending in list.split(separator: " ") { table[String(ending)] = name } }
    return table
  }()
}
