import ControlPlane
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
    ("import sys as s\ns.modules['os'].system('ls')", "system"), ("import sys\nx = sys\nx.modules", "system"),
    ("import logging as self\nself.sys.modules", "re-export"), ("[fnmatch][0].os.system('ls')", "re-export"),
    ("def f(globals): pass\nglobals()['x']", "interpreter"), ("x = globals()\nglobals = 1", "interpreter"),
    ("class A:\n  x = vars()\n  vars = 1", "interpreter"), ("if 0: locals = 1\nlocals()", "interpreter"),
    ("import operator\noperator.attrgetter('__init__.__globals__')(x)", "dunder"),
    ("from operator import methodcaller\nmethodcaller(name)(x)", "computed-attribute"),
    ("import timeit\ntimeit.timeit('import os; os.system(1)', number=1)", "dynamic-code"),
    ("import typing\ntyping.get_type_hints(f)", "dynamic-code"), ("import logging.config", "dynamic-code"),
    ("import types as t\nt.FunctionType(c, {})", "dynamic-code"), ("import io\nio.open('/etc/passwd')", "open"),
    ("class A:\n  def f(self): return super().__subclasshook__", "dunder"), ("x = d['__subclasses__']", "dunder"),
    ("'\(String(repeating: " ", count: 5_000)){0.__class__}'.format(1)", "format-string"),
    ("\r# coding: utf-7\rimport socket", "encoding"), ("@eval\ndef f(): pass", "dynamic-code"),
    ("print(f'{(y := eval)}')", "dynamic-code"), ("from . import a", "import"), ("import helper", "import"),
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
    ("(() => 0)[`constructor`]('return process')()", "constructor"), ("a[(0, 'constructor')]", "computed-attribute"),
    ("const {['constructor']: C} = a", "computed-attribute"), ("(async () => 0)['constructor']('1')", "constructor"),
    ("(process) => 0; process.binding('fs')", "process"), ("{ let process; } process.binding('fs')", "process"),
    ("var require; const r = require; r('fs')", "global"), ("f((Function) => 0); new Function('1')()", "dynamic-code"),
    ("(p = process) => { var process }", "global"), ("arguments[1]('fs')", "global"),
    ("(function () { return this })().process.binding('fs')", "process"),
    ("this.process.getBuiltinModule('fs')", "interpreter"), ("Function`1`", "dynamic-code"),
    ("export { readFile } from 'fs'", "import"), ("var x = 1; 0\n<!--x; fetch('http://a')\n", "network"),
    ("require('./data.txt')", "import"), ("require('./a.node')", "import"),
  ])
  func whatReachesBeyondIsStoppedInJavaScript(_ code: String, _ rule: String) async throws {
    let found = try await Self.violations(.javascript, code)
    #expect(found.contains { $0.rule == rule && $0.severity == .critical }, "\(found)")
    #expect(found.allSatisfy { !$0.message.isEmpty && !$0.suggestion.isEmpty && $0.line > 0 && $0.column > 0 })
  }

  /// Names that hide the interpreter's own are names like any other.
  @Test(arguments: [
    (Language.python, "def f(globals, vars=1): return globals + vars\nprint(f(1))"),
    (.python, "vars = {'a': 1}\nprint(vars['a'])\ndef g():\n  return vars"),
    (.python, "[print(locals) for locals in range(3)]"), (.python, "import timeit\nprint(timeit.timeit(lambda: 1))"),
    (.python, "import sys\nprint(hasattr(sys, 'maxsize'), sys.argv)"), (.python, "d = {'__class__': 'A'}\nprint(d)"),
    (.python, "class A:\n  def __getattribute__(self, name): return super().__getattribute__(name)"),
    (.javascript, "for (const process of [1]) console.log(process.id)"),
    (.javascript, "function f(module, global) { return module.a + global.b } f({}, {})"),
    (.javascript, "const names = Object.getOwnPropertyNames(A.prototype).filter(n => n !== 'constructor')"),
    (.javascript, "function f() { return arguments.length + arguments[0] } f(1)"),
    (.javascript, "try { a() } catch ({ message: fetch }) { console.log(fetch) }"),
  ])
  func aNameOfTheProgramsOwnIsNoFinding(_ language: Language, _ code: String) async throws {
    #expect(try await Self.violations(language, code).isEmpty)
  }

  /// What comes with the run is code as well, wherever an import can load it.
  @Test func filesThatComeWithAProgramAreCheckedLikeIt() async throws {
    func found(_ language: Language, _ code: String, _ files: [String: String]) async throws -> [Violation] {
      let files = files.map { SandboxRequest.File(path: $0.key, content: Array($0.value.utf8)) }
      return try await Self.validator.get().check(SandboxRequest(language: language, code: code, files: files))
    }
    let shadow = try await found(.python, "import json", ["json.py": "import socket"])
    #expect(shadow.map(\.rule) == ["import"])
    #expect(shadow.first?.message.hasSuffix(", in json.py") == true)
    #expect(try await found(.python, "import helper, pack.a", ["helper.py": "x = 1", "pack/a.py": "y = 2"]).isEmpty)
    #expect(try await found(.python, "print(1)", ["data.csv": "import socket", "a.txt": "eval('1')"]).isEmpty)
    #expect(try await found(.python, "import json", ["json.so": "x"]).map(\.rule) == ["unchecked"])
    #expect(try await found(.python, "import a", ["a.py": "", "__pycache__/a.cpython-311.pyc": ""]).count == 1)
    let script = try await found(.javascript, "require('./a.js')", ["a.js": "fetch('http://a')"])
    #expect(script.map(\.rule) == ["network"])
    #expect(try await found(.javascript, "require('./lib')", ["lib/package.json": "{}"]).map(\.rule) == ["import"])
    #expect(try await found(.javascript, "require('./a')", ["a": "eval('1')"]).map(\.rule) == ["dynamic-code"])
    #expect(try await found(.javascript, "require('./a.json')", ["a.json": "{\"a\": 1}"]).isEmpty)
    let large = ["a.py": "#" + String(repeating: "#", count: 200_000), "b.py": String(repeating: "#", count: 100_000)]
    #expect(try await found(.python, "print(1)", large).map(\.rule) == ["unchecked"])
  }

  @Test func aPlaceBeyondAllLinesIsBroughtBack() throws {
    let facts = try #require(CodeFacts.decode(Array("{\"facts\":[[\"name\",\"a\",-9223372036854775808,0,\"\"]]}".utf8)))
    #expect(facts.facts?.first?.line == 1)
    #expect(facts.facts?.first?.column == 1)
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
