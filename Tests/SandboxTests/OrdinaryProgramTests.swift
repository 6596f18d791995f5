import ControlPlane
import Testing

@testable import Sandbox

/// What agents really write: it passes the strict rules without a critical finding, and it runs right.
@Suite(.enabled(if: !Bench.backends.isEmpty, Bench.withoutBackends)) struct OrdinaryProgramTests {
  private func run(_ language: Language, _ code: String, _ expected: String) async throws {
    for backend in Bench.backends {
      let request = SandboxRequest(language: language, code: code, input: Array("3\n4\n".utf8))
      let result = try await Bench.run(on: backend, request)
      #expect(result.violations.filter { $0.severity == .critical }.isEmpty, "\(result.violations)")
      #expect(result.stdout == expected, "\(backend): \(result.stderr)")
      #expect(result.exitCode == 0)
    }
  }

  @Test(arguments: [
    ("print('eval exec os.system __import__')  # import os, eval(", "eval exec os.system __import__\n"),
    ("import re\nprint(re.compile('a+').match('aab').group())", "aa\n"),
    (
      "class Job:\n  def exec(self): return 'ran'\n  def system(self): return 1\nprint(Job().exec(), Job().system())",
      "ran 1\n"
    ),
    ("a, b = int(input()), int(input())\nprint(a * b)", "12\n"),
    ("import sys\nprint(sum(int(line) for line in sys.stdin))", "7\n"),
    ("import sys\nprint(len(sys.argv), sys.version_info.major)", "1 3\n"),
    ("import json\nprint(json.dumps({'b': [1, 2], 'a': None}, sort_keys=True))", "{\"a\": null, \"b\": [1, 2]}\n"),
    ("from collections import Counter\nprint(Counter('abca').most_common(1))", "[('a', 2)]\n"),
    ("from dataclasses import dataclass, asdict\n@dataclass\nclass P:\n  x: int = 1\nprint(asdict(P()))", "{'x': 1}\n"),
    (
      """
      class A:\n  def __init__(self): self.a = 1\n\
        def __repr__(self): return f'{self.__class__.__name__}({self.a})'\nprint(A())
      """,
      "A(1)\n"
    ),
    (
      """
      class A:\n  def f(self): return 1\nclass B(A):\n  def f(self): return super().f() + 1\n\
        def __init__(self): super().__init__()\nprint(B().f())
      """,
      "2\n"
    ),
    ("import asyncio\nasync def f():\n  await asyncio.sleep(0)\n  return 5\nprint(asyncio.run(f()))", "5\n"),
    (
      "import threading\nr = []\nt = threading.Thread(target=lambda: r.append(1))\nt.start(); t.join()\nprint(r)",
      "[1]\n"
    ),
    (
      """
      from concurrent.futures import ThreadPoolExecutor\n\
      with ThreadPoolExecutor(2) as p: print(list(p.map(abs, [-1, 2])))
      """,
      "[1, 2]\n"
    ),
    (
      "import logging\nlogging.basicConfig(level=logging.INFO)\nlogging.getLogger(__name__).info('x')\nprint('ok')",
      "ok\n"
    ),
    (
      """
      import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute('create table t(a)')\n\
      c.execute('insert into t values (1)')\nprint(c.execute('select * from t').fetchall())
      """,
      "[(1,)]\n"
    ),
    (
      "import functools\n@functools.lru_cache\ndef f(n): return n if n < 2 else f(n-1) + f(n-2)\nprint(f(30))",
      "832040\n"
    ),
    ("import math, random, statistics\nrandom.seed(1)\nprint(math.isclose(statistics.mean([1, 2, 3]), 2))", "True\n"),
    ("import datetime\nprint((datetime.date(2024, 3, 1) - datetime.date(2024, 2, 1)).days)", "29\n"),
    ("import hashlib, base64\nprint(base64.b64encode(hashlib.sha256(b'a').digest()).decode()[:8])", "ypeBEsob\n"),
    ("import csv, io\nprint(list(csv.reader(io.StringIO('a,b\\n1,2'))))", "[['a', 'b'], ['1', '2']]\n"),
    ("with open('a.txt', 'w') as f: f.write('x')\nprint(open('a.txt').read())", "x\n"),
    ("def main():\n  print('main')\nif __name__ == '__main__': main()", "main\n"),
    ("try:\n  1 / 0\nexcept ZeroDivisionError as e: print(type(e).__name__)", "ZeroDivisionError\n"),
    (
      "import traceback\ntry: {}['a']\nexcept KeyError: print(traceback.format_exc().splitlines()[-1])",
      "KeyError: 'a'\n"
    ),
    (
      """
      import itertools, heapq, bisect\n\
      print(heapq.nsmallest(2, itertools.chain([3], [1, 2])), bisect.bisect([1, 2], 1))
      """,
      "[1, 2] 1\n"
    ),
    (
      """
      from typing import Protocol, Generic, TypeVar\nT = TypeVar('T')\nclass Box(Generic[T]):\n\
        pass\nprint(Box[int].__name__)
      """,
      "Box\n"
    ),
    ("match (1, 2):\n  case (a, b): print(a + b)", "3\n"),
    (
      "from decimal import Decimal\nfrom fractions import Fraction\nprint(Decimal('0.1') * 3, Fraction(1, 3))",
      "0.3 1/3\n"
    ),
    ("vars = {'a': 1}\nlocals = [2]\nprint(vars, locals)", "{'a': 1} [2]\n"),
    ("import enum\nclass C(enum.Enum):\n  A = 1\nprint(C.A.name, list(C.__members__))", "A ['A']\n"),
    ("print('{:>5}|{name}'.format(1, name='x'), f'{3.14159:.2f}')", "    1|x 3.14\n"),
    ("o = type('O', (), {'x': 1})()\nprint(getattr(o, 'x', 0), hasattr(o, 'y'))", "1 False\n"),
    ("import xml.etree.ElementTree as e\nprint(e.fromstring('<a b=\"1\"/>').attrib)", "{'b': '1'}\n"),
    (
      """
      import unittest\nclass T(unittest.TestCase):\n  def test(self): self.assertEqual(1, 1)\n\
      \
      \
      \
      \
      print(unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(T)).wasSuccessful())
      """,
      "True\n"
    ),
    (
      "import uuid, time, secrets\nprint(len(str(uuid.uuid4())), time.time() > 0, len(secrets.token_hex(4)))",
      "36 True 8\n"
    ),
  ])
  func ordinaryPythonPassesAndRuns(_ code: String, _ expected: String) async throws {
    try await run(.python, code, expected)
  }

  @Test(arguments: [
    ("console.log('eval Function require(\"fs\")') // process.binding", "eval Function require(\"fs\")\n"),
    ("console.log([3, 1, 2].sort().map(x => x ** 2).join())", "1,4,9\n"),
    ("const { readFileSync } = { readFileSync: () => 'own' }; console.log(readFileSync())", "own\n"),
    ("class A { #x = 1; get x() { return this.#x } static of() { return new A() } } console.log(A.of().x)", "1\n"),
    ("(async () => { await new Promise(r => setTimeout(r, 1)); console.log('later') })()", "later\n"),
    (
      "let s = ''; process.stdin.on('data', d => s += d).on('end', () => console.log(s.trim().split('\\n')))",
      "[ '3', '4' ]\n"
    ),
    (
      """
      const rl = require('readline').createInterface({ input: process.stdin }); let n = 0; \
      rl.on('line', l => n += +l).on('close', () => console.log(n))
      """,
      "7\n"
    ),
    (
      """
      const { createHash } = require('node:crypto'); \
      console.log(createHash('sha1').update('a').digest('hex').slice(0, 8))
      """,
      "86f7e437\n"
    ),
    (
      """
      const util = require('util'), path = require('path'); console.log(util.inspect({ a: { b: 1 } \
      }), path.join('a', '..', 'b'))
      """,
      "{ a: { b: 1 } } b\n"
    ),
    ("const o = { ['a' ]: 1 }; const k = 'a'; console.log(o[k], `t${k}`)", "1 ta\n"),
    (
      "class E extends Error {} try { throw new E('x') } catch (e) { console.log(e.constructor.name, e.message) }",
      "E x\n"
    ),
    (
      """
      const EventEmitter = require('events'); const e = new EventEmitter(); e.on('a', v => \
      console.log(v)); e.emit('a', 1)
      """,
      "1\n"
    ),
    ("if (require.main === module) console.log('main'); module.exports = { a: 1 }", "main\n"),
    ("console.log(typeof globalThis, typeof window, /a(?<n>b)/.exec('ab').groups.n)", "object undefined b\n"),
    (
      "function* g() { yield* [1, 2] } console.log([...g()], new Map([[1, 2]]).get(1), Math.max(...[1, 5]))",
      "[ 1, 2 ] 2 5\n"
    ),
    (
      """
      label: for (const a of [1, 2]) { for (;;) { if (a === 1) continue label; break label } } \
      console.log(JSON.parse('{\"a\":1}').a)
      """,
      "1\n"
    ),
    ("process.nextTick(() => console.log(process.argv.length)); process.exitCode = 0", "2\n"),
    ("const fetch = async () => 'mine'; fetch().then(console.log)", "mine\n"),
  ])
  func ordinaryJavaScriptPassesAndRuns(_ code: String, _ expected: String) async throws {
    try await run(.javascript, code, expected)
  }
}
