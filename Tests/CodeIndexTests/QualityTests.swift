import Base
import ControlPlane
import FoundationEssentials
import TestKit
import Testing

@testable import CodeIndex

/// Questions in everyday words about Python's standard library, each with the file that answers it, written down before
/// any result was looked at. What is asserted is the order, and a floor well below what was measured: another Python
/// has other files.
@Suite struct QualityTests {
  private static let questions: [(String, String)] = [
    ("split a shell command line into words respecting quotes", "shlex.py"),
    ("compare two sequences and produce a unified diff", "difflib.py"),
    ("parse command line options and print usage help", "argparse.py"),
    ("read and write comma separated values with a header row", "csv.py"),
    ("decode percent encoded query strings", "urllib/parse.py"),
    ("follow redirects when opening a url", "urllib/request.py"),
    ("send an email message over smtp with tls", "smtplib.py"),
    ("where is a chunked transfer encoded response read", "http/client.py"),
    ("store cookies between http requests", "http/cookiejar.py"),
    ("serve files of a directory over http", "http/server.py"),
    ("cache results of a function with least recently used eviction", "functools.py"),
    ("pick a random sample without replacement", "random.py"),
    ("compute median and standard deviation", "statistics.py"),
    ("create a temporary directory that is removed on exit", "tempfile.py"),
    ("copy a directory tree recursively", "shutil.py"),
    ("match file names against shell wildcards", "fnmatch.py"),
    ("schedule events to run after a delay", "sched.py"),
    ("wait for the first of several futures to complete", "concurrent/futures/_base.py"),
    ("pool of worker threads that executes submitted calls", "concurrent/futures/thread.py"),
    ("reusable barrier that blocks until all threads arrive", "threading.py"),
    ("rotate a log file when it grows too large", "logging/handlers.py"),
    ("configure loggers from a dictionary", "logging/config.py"),
    ("read settings from an ini file with sections", "configparser.py"),
    ("guess the mime type from a file extension", "mimetypes.py"),
    ("extract members of a tar archive safely", "tarfile.py"),
    ("read the central directory of a zip archive", "zipfile.py"),
    ("fetch the source code lines of a function object", "inspect.py"),
    ("format an exception traceback with chained causes", "traceback.py"),
    ("step through a program with breakpoints", "pdb.py"),
    ("measure execution time of small code snippets", "timeit.py"),
    ("replace an object with a mock and record its calls", "unittest/mock.py"),
    ("discover test modules in a directory", "unittest/loader.py"),
    ("run examples found in docstrings", "doctest.py"),
    ("serialise python objects to json with indentation", "json/encoder.py"),
    ("ordered set of ip network addresses and subnets", "ipaddress.py"),
    ("exact decimal arithmetic with rounding context", "decimal.py"),
    ("greatest common divisor of rational numbers", "fractions.py"),
    ("generate a universally unique identifier from the mac address", "uuid.py"),
    ("find the next month and print a calendar", "calendar.py"),
    ("pretty print nested data structures within a width", "pprint.py"),
    ("wrap a paragraph of text to a given width", "textwrap.py"),
    ("generate enumeration members with automatic values", "enum.py"),
    ("create a class from annotated fields with default values", "dataclasses.py"),
    ("topological order of a dependency graph", "graphlib.py"),
    ("asyncio lock and semaphore for coroutines", "asyncio/locks.py"),
    ("queue between coroutines with maximum size", "asyncio/queues.py"),
    ("spawn a child process and capture its output", "subprocess.py"),
    ("compile all source files in a tree to bytecode", "compileall.py"),
  ]

  private struct Figures {
    var reciprocal = 0.0
    var recall = 0.0
  }

  private static let library = ["/usr/lib/python3.11", "/usr/lib/python3.12", "/usr/lib/python3.13"].first {
    FileManager.default.fileExists(atPath: "\($0)/argparse.py")
  }

  private func figures(_ engine: IndexEngine, keywords: Bool, vectors: Bool) throws -> Figures {
    var figures = Figures()
    for (question, file) in Self.questions {
      // Three of a file at most: thirty hold ten files.
      let query = SearchQuery(question, limit: 30)
      // The first ten different files.
      var files: [String] = []
      for hit in try engine.search(query, keywords: keywords, vectors: vectors).hits where !files.contains(hit.path) {
        files.append(hit.path)
      }
      guard let rank = files.prefix(10).firstIndex(of: file) else { continue }
      figures.reciprocal += 1 / Double(rank + 1)
      figures.recall += 1
    }
    let count = Double(Self.questions.count)
    return Figures(reciprocal: figures.reciprocal / count, recall: figures.recall / count)
  }

  @Test(.enabled(if: library != nil, "Python's standard library is not on this machine"))
  func bothSidesTogetherFindMoreThanEitherAlone() async throws {
    try await aside { try await measure() }
  }

  private func measure() async throws {
    let state = try TemporaryFolder()
    let engine = try IndexEngine(.init(folder: state.file("index")))
    let id = ProjectID(folderName: "python")
    try engine.add(id, path: try #require(Self.library))
    try await engine.reindex(id)
    let keywords = try figures(engine, keywords: true, vectors: false)
    let vectors = try figures(engine, keywords: false, vectors: true)
    let fused = try figures(engine, keywords: true, vectors: true)
    for (name, value) in [("BM25", keywords), ("vectors", vectors), ("fused", fused)] {
      print("quality: \(name) MRR@10 \(value.reciprocal) Recall@10 \(value.recall)")
    }
    #expect(fused.reciprocal > keywords.reciprocal && fused.reciprocal > vectors.reciprocal)
    #expect(fused.recall >= max(keywords.recall, vectors.recall))
    #expect(fused.reciprocal > 0.5)
  }
}
