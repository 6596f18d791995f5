import Testing

@testable import Sandbox

@Suite(.enabled(if: Bench.hasBubblewrap, Bench.withoutBubblewrap)) struct ValidationTests {
  private static func violations(
    _ language: Language, _ code: String, _ profile: SandboxRequest.Profile = .strict
  ) async throws -> [Violation] {
    try await validator.get().check(SandboxRequest(language: language, code: code, profile: profile))
  }

  private static let validator = Result { () throws(SandboxError) -> Validator in
    Validator(try BubblewrapRuntime(SandboxSettings(require: .isolation)))
  }

  /// Program, rule that must stop it under `strict`.
  @Test(arguments: [
    ("import os\nos.system('ls')", "import"), ("import subprocess", "import"), ("import socket", "import"),
    ("def f():\n  import ctypes", "import"), ("from os import system", "system"), ("import os.path", "import"),
    ("import importlib", "import"), ("from . import a", "import"), ("eval('1')", "dynamic-code"),
    ("exec('1')", "dynamic-code"), ("compile('1', '', 'eval')", "dynamic-code"), ("f = eval\nf('1')", "dynamic-code"),
    ("__import__('os')", "dynamic-code"), ("globals()['a']", "interpreter"), ("().__class__.__bases__", "dunder"),
    ("x.__subclasses__()", "dunder"), ("f.__globals__", "dunder"), ("f.__code__", "dunder"),
    ("e.__traceback__.tb_frame", "frame"), ("g.gi_frame.f_back", "frame"),
    ("getattr(a, 'x' + b)", "computed-attribute"),
    ("getattr(a, '__class__')", "dunder"), ("import random\nrandom._os.system('a')", "re-export"),
    ("import logging\nlogging.sys.modules", "re-export"), ("from random import _os", "re-export"),
    ("import sys\nsys.modules", "system"), ("import sys\nsys._getframe()", "system"),
    ("'{0.__class__}'.format(1)", "format-string"),
    ("match x:\n  case object(__class__=c): pass", "dunder"), ("# coding: utf-7\nprint(1)", "encoding"),
    ("open('/etc/passwd')", "open"), ("open('../a')", "open"), ("ｅｖａｌ('1')", "dynamic-code"),
    ("__builtins__", "interpreter"), ("import pickle", "import"), ("(lambda: 0).__closure__", "dunder"),
  ])
  func whatReachesBeyondIsStoppedInPython(_ code: String, _ rule: String) async throws {
    let found = try await Self.violations(.python, code)
    #expect(found.contains { $0.rule == rule && $0.severity == .critical }, "\(found)")
    #expect(found.allSatisfy { !$0.message.isEmpty && !$0.suggestion.isEmpty && $0.line > 0 && $0.column > 0 })
  }

  @Test(arguments: [
    ("eval('1')", "dynamic-code"), ("new Function('1')()", "dynamic-code"), ("\\u0065val('1')", "dynamic-code"),
    ("require('fs')", "import"), ("require('child_process')", "import"), ("require('ne' + 't')", "import"),
    ("const r = require; r('fs')", "global"), ("import('fs')", "import"), ("import fs from 'fs'", "import"),
    ("console.log(import.meta.url)", "import-meta"), ("process.binding('fs')", "process"),
    ("const p = process", "global"),
    ("process['mainModule']", "interpreter"), ("globalThis.process", "global"), ("global.x = 1", "global"),
    ("fetch('http://a')", "network"), ("new WebSocket('ws://a')", "network"), ("WebAssembly.compile(a)", "global"),
    ("Reflect.get(a, 'b')", "global"), ("(()=>0).constructor('1')()", "constructor"),
    ("[]['constructor']", "constructor"),
    ("(()=>0)['const' + 'ructor']", "computed-attribute"), ("a.__proto__", "interpreter"),
    ("Error.prepareStackTrace = 1", "interpreter"), ("const {constructor} = a", "constructor"),
    ("require.cache", "import"), ("module.constructor", "constructor"), ("module.require('fs')", "global"),
    ("a[`con${'structor'}`]", "computed-attribute"), ("let x = {", "syntax"),
  ])
  func whatReachesBeyondIsStoppedInJavaScript(_ code: String, _ rule: String) async throws {
    let found = try await Self.violations(.javascript, code)
    #expect(found.contains { $0.rule == rule && $0.severity == .critical }, "\(found)")
    #expect(found.allSatisfy { !$0.message.isEmpty && !$0.suggestion.isEmpty && $0.line > 0 && $0.column > 0 })
  }

  @Test func profilesDiffer() async throws {
    let files = "import os, pathlib\nprint(os.path.exists('a'), os.getcwd(), pathlib.Path('a').name)\n"
    #expect(try await Self.violations(.python, files, .strict).contains { $0.severity == .critical })
    #expect(try await Self.violations(.python, files, .standard).isEmpty)
    let dynamic = try await Self.violations(.python, "eval('1')", .standard)
    #expect(dynamic.map(\.severity) == [.high])
    #expect(try await Self.violations(.python, "import subprocess; eval('1')", .off).isEmpty)
    #expect(try await Self.violations(.javascript, "require('fs')", .standard).isEmpty)
  }

  @Test func aFindingSaysWhere() async throws {
    let found = try await Self.violations(.python, "x = 1\nif x:\n    eval('2')\n")
    #expect(found.count == 1)
    #expect(found.first?.line == 3)
    #expect(found.first?.column == 5)
  }

  @Test func aProgramThatBringsTheValidatorDownIsStoppedAndTheNextOneIsRead() async throws {
    let nested = String(repeating: "(", count: 100_000)
    for code in [nested, String(repeating: "-", count: 200_000) + "1", String(repeating: "a.", count: 60_000) + "b"] {
      for language in [Language.python, .javascript] {
        let found = try await Self.violations(language, code)
        #expect(found.contains { $0.rule == "syntax" || $0.rule == "unchecked" } || code.hasSuffix("b"))
      }
    }
    let large = try await Self.violations(.python, String(repeating: "#", count: 300_000))
    #expect(large.map(\.rule) == ["unchecked"])
    #expect(try await Self.violations(.python, "print(1)").isEmpty)
    #expect(try await Self.violations(.javascript, "console.log(1)").isEmpty)
  }

  @Test func aBlockedProgramIsNotRun() async throws {
    let result = try await Bench.embedded.get().run(
      SandboxRequest(language: .python, code: "print('ran')\nimport socket\n"))
    #expect(result.outcome == .blocked)
    #expect(result.stdout == "")
    #expect(result.violations.map(\.rule) == ["import"])
    #expect(result.exitCode == nil)
  }
}
