/// The programs of the validators: each reads a source with its language's own grammar and lists facts about it. They
/// know no rule; `CodeRules` judges. Requests and answers are frames: four bytes of length (big endian) and UTF-8.
///
/// An answer is JSON: `{"facts": [[kind, value, line, column, base], …]}` or `{"error": [text, line, column]}`. `base`
/// is the dotted name in front of an attribute, where there is one. A fact is told at most eight times.
enum FactScripts {
  static let python = #"""
    import ast, json, re, struct, sys
    source_in, out = sys.stdin.buffer, sys.stdout.buffer
    CODING = re.compile(rb'^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)')
    FORMAT = re.compile(r'\{[^{}]*[.\[]_')
    DUNDER = re.compile(r'__\w+__')
    REACH = {'getattr', 'setattr', 'delattr', 'hasattr'}
    BY_NAME = {'attrgetter', 'methodcaller', 'getattr_static'}
    TIMED = {'timeit', 'repeat', 'Timer'}
    OPENERS = {'open', 'io.open', 'io.FileIO', 'io.open_code'}
    FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    INNER = FUNCTIONS + (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

    def dotted(node):
        if isinstance(node, ast.Name): return node.id
        if isinstance(node, ast.Attribute):
            base = dotted(node.value)
            return base + '.' + node.attr if base else ''
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ('super', 'type'):
            return node.func.id + '()'
        return ''

    def bindings(node):
        kind = type(node)
        if kind is ast.Name: return [node.id] if isinstance(node.ctx, ast.Store) else []
        if kind is ast.arg: return [node.arg]
        if kind is ast.Import: return [(name.asname or name.name).split('.')[0] for name in node.names]
        if kind is ast.ImportFrom: return [name.asname or name.name for name in node.names]
        if kind in (ast.ExceptHandler, ast.MatchAs, ast.MatchStar): return [node.name]
        return [node.rest] if kind is ast.MatchMapping else []

    class Scope:
        # Names that hide a built-in one wherever they stand in the scope: those of functions. A module's do from the
        # statement on that binds them, and a class's not at all for certain.
        def __init__(self, parent, node):
            self.parent, self.names, self.free = parent, set(), set()
            self.isInner = isinstance(node, INNER)

        def hides(self, name, line, module):
            scope = self
            while scope:
                if scope.isInner and name in scope.names - scope.free: return True
                scope = scope.parent
            return module.get(name, line) < line

    def walk(tree):
        # Every node with its scope, parents first. What a name means is known when all of them have been seen.
        found, stack = [], [(tree, None)]
        while stack:
            node, scope = stack.pop()
            if scope and type(node) in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
                scope.names.add(node.name)
            if isinstance(node, INNER + (ast.Module, ast.ClassDef)): scope = Scope(scope, node)
            scope.names.update(bindings(node))
            if type(node) in (ast.Global, ast.Nonlocal): scope.free.update(node.names)
            found.append((node, scope))
            stack += reversed([(child, scope) for child in ast.iter_child_nodes(node)])
        return found

    def module_names(tree):
        # Line by name, of what is bound on the first level whatever happens, and never taken away again.
        lines = {}
        for node in tree.body:
            parts = [node] if not isinstance(node, (ast.Assign, ast.AnnAssign)) else []
            if isinstance(node, ast.Assign): parts = [name for target in node.targets for name in ast.walk(target)]
            if isinstance(node, ast.AnnAssign) and node.value: parts = [node.target]
            for part in parts:
                names = [part.name] if isinstance(part, FUNCTIONS[:2] + (ast.ClassDef,)) else bindings(part)
                for name in names: lines.setdefault(name, node.lineno)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del): lines.pop(node.id, None)
        return lines

    def read(source):
        facts, seen = [], {}
        def fact(kind, value, node, base=''):
            key = (kind, value, base)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] <= 8 and len(facts) < 20000:
                facts.append([kind, value, getattr(node, 'lineno', 1), getattr(node, 'col_offset', 0) + 1, base])

        def call(node):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, 'id', '')
            known = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
            if called in REACH and len(node.args) > 1 and isinstance(node.func, ast.Name):
                names.setdefault(id(node.args[0]), '')
                if known[1] is not None: fact('attribute', str(known[1]), node, dotted(node.args[0]))
                elif called != 'hasattr': fact('computed', called, node)
            elif called in BY_NAME:
                for name in known:
                    if isinstance(name, str):
                        for part in name.split('.'): fact('attribute', part, node, 'object')
                    elif called != 'getattr_static': fact('computed', called, node)
            elif called in TIMED:
                given = node.args[:2] + [one.value for one in node.keywords if one.arg in ('stmt', 'setup')]
                for one in given:
                    is_function = isinstance(one, ast.Name) and one.id in functions
                    if not is_function and not isinstance(one, ast.Lambda): fact('code', called, node)
            elif node.args and dotted(node.func) in OPENERS:
                fact('open', known[0] if isinstance(known[0], str) else '', node)

        for line in source.splitlines()[:2]:
            found = CODING.match(line)
            if found: fact('encoding', found.group(1).decode('ascii', 'replace').lower(), None)
        tree = ast.parse(source)
        nodes, module, names = walk(tree), module_names(tree), {}
        functions = {node.name for node, _ in nodes if isinstance(node, FUNCTIONS[:2])}
        for node, scope in nodes:
            kind = type(node)
            if kind is ast.Attribute: names[id(node.value)] = node.attr
            if kind is ast.Import:
                for name in node.names:
                    fact('import', name.name, node)
                    fact('bound', name.asname or name.name.split('.')[0], node, name.name if name.asname else '')
            elif kind is ast.ImportFrom:
                if node.level: fact('relative', node.module or '', node)
                else:
                    fact('import', node.module, node)
                    for name in node.names:
                        fact('from', name.name, node, node.module)
                        fact('bound', name.asname or name.name, node, node.module + '.' + name.name)
            elif kind is ast.Name and isinstance(node.ctx, ast.Load):
                if not scope.hides(node.id, node.lineno, module): fact('name', node.id, node)
                # As a value, with nothing taken out of it at once.
                if id(node) not in names: fact('value', node.id, node)
            elif kind is ast.Attribute:
                after = '|' + names[id(node)] if id(node) in names else ''
                fact('attribute', node.attr, node, dotted(node.value) + after)
            elif kind is ast.MatchClass:
                for name in node.kwd_attrs: fact('attribute', name, node)
            elif kind is ast.Call: call(node)
            elif kind is ast.Constant and isinstance(node.value, str):
                if '_' in node.value and '{' in node.value and FORMAT.search(node.value): fact('format', '', node)
                if DUNDER.fullmatch(node.value): fact('text', node.value, node)
        return {'facts': facts}

    while True:
        head = source_in.read(4)
        if len(head) < 4: break
        source = source_in.read(struct.unpack('>I', head)[0])
        try: answer = read(source)
        except SyntaxError as error: answer = {'error': [str(error.msg), error.lineno or 1, error.offset or 1]}
        except (RecursionError, MemoryError): answer = {'error': ['too deeply nested', 1, 1]}
        except ValueError as error: answer = {'error': [str(error), 1, 1]}
        body = json.dumps(answer).encode()
        out.write(struct.pack('>I', len(body)) + body)
        out.flush()
    """#

  static let javaScript = #"""
    'use strict';
    const fs = require('fs');
    let acorn;
    try { acorn = require('internal/deps/acorn/acorn/dist/acorn'); } catch { acorn = require('acorn'); }

    // What Node takes for a program: a script, else a module. Where the two read the same text differently, as a
    // script's comments that begin as in HTML, both are looked at.
    function parse(source) {
      const options = { ecmaVersion: 'latest', locations: true, allowHashBang: true };
      const trees = [];
      let first;
      for (const sourceType of ['script', 'module']) {
        if (trees.length && !/<!--|-->/.test(source)) break;
        try {
          const allowReturnOutsideFunction = sourceType === 'script';
          trees.push(acorn.parse(source, { ...options, sourceType, allowReturnOutsideFunction }));
        } catch (error) { first ??= error; }
      }
      if (!trees.length) throw first;
      return trees;
    }

    const plainText = node => {
      if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
      if (node?.type === 'TemplateLiteral' && !node.expressions.length) return node.quasis[0].value.cooked ?? '';
      return null;
    };

    function dotted(node) {
      if (node.type === 'Identifier') return node.name;
      if (node.type === 'ThisExpression') return 'this';
      if (node.type === 'ChainExpression') return dotted(node.expression);
      if (node.type !== 'MemberExpression') return '?';
      const name = propertyName(node);
      return name === null ? '?' : dotted(node.object) + '.' + name;
    }

    function propertyName(node) {
      if (!node.computed) return node.property.name ?? '#private';
      return node.property.type === 'Literal' ? String(node.property.value) : plainText(node.property);
    }

    const isTextual = node => node.type === 'TemplateLiteral' && node.expressions.length > 0
      || node.type === 'BinaryExpression' && node.operator === '+'
        && [node.left, node.right].some(side => side.type === 'TemplateLiteral' || isTextual(side)
          || side.type === 'Literal' && typeof side.value === 'string');
    const isComparison = node => node.type === 'BinaryExpression' && /^[!=]==?$/.test(node.operator);

    // Scopes as the language has them: a name that one of them declares is not the global of that name.
    const SCOPED = /^(Program|Function|ArrowFunction|BlockStatement|For|Switch|Catch|Class|StaticBlock)/;
    // Node hands these to every script as arguments, which a `var` of the same name leaves as they are.
    const GIVEN = new Set(['require', 'module', 'exports']);
    const isDeclared = (name, scope) => {
      for (; scope; scope = scope.parent) if (scope.names.has(name)) return true;
      return false;
    };

    function declare(node, scope) {
      const bind = (pattern, into) => {
        if (!pattern) return;
        if (pattern.type === 'Identifier') {
          if (into.parent || !GIVEN.has(pattern.name)) into.names.add(pattern.name);
        }
        for (const part of pattern.properties ?? pattern.elements ?? [])
          bind(part?.value ?? part?.argument ?? part, into);
        if (pattern.argument) bind(pattern.argument, into);
        if (pattern.left) bind(pattern.left, into);
      };
      switch (node.type) {
        case 'VariableDeclaration': {
          let into = scope;
          while (node.kind === 'var' && !into.isFunction) into = into.parent;
          for (const one of node.declarations) bind(one.id, into);
          break;
        }
        case 'FunctionDeclaration': case 'FunctionExpression': case 'ArrowFunctionExpression':
          if (node.id) bind(node.id, node.type === 'FunctionDeclaration' ? scope.parent : scope);
          for (const one of node.params) bind(one, scope);
          // Elsewhere it is what Node hands to a script.
          if (node.type !== 'ArrowFunctionExpression') scope.names.add('arguments');
          break;
        case 'ClassDeclaration': bind(node.id, scope.parent); break;
        case 'ClassExpression': bind(node.id, scope); break;
        case 'CatchClause': bind(node.param, scope); break;
        case 'ImportSpecifier': case 'ImportDefaultSpecifier': case 'ImportNamespaceSpecifier':
          bind(node.local, scope); break;
      }
    }

    // Every node with its parent, the part it plays there, and its scope; parents first.
    function walk(tree) {
      const found = [], stack = [[tree, null, '', null]];
      while (stack.length) {
        let [node, parent, role, scope] = stack.pop();
        const outer = scope;
        // Arguments have a scope of their own in front of the body's: their defaults do not see what it declares.
        const isFunction = /^(Program|StaticBlock)/.test(node.type) || role === 'body' && /Function/.test(parent.type);
        if (isFunction || SCOPED.test(node.type)) scope = { names: new Set(), parent: outer, isFunction };
        declare(node, scope);
        found.push([node, parent, role, scope]);
        const inner = [];
        for (const key of Object.keys(node)) {
          const child = node[key];
          if (!child || key === 'loc' || typeof child !== 'object') continue;
          for (const one of Array.isArray(child) ? child : [child])
            if (one && typeof one.type === 'string') inner.push([one, node, key, scope]);
        }
        while (inner.length) stack.push(inner.pop());
      }
      return found;
    }

    function read(source) {
      const facts = [], seen = new Map();
      const fact = (kind, value, node, base = '') => {
        const key = kind + '\0' + value + '\0' + base, count = (seen.get(key) ?? 0) + 1;
        seen.set(key, count);
        if (count > 8 || facts.length >= 20000) return;
        facts.push([kind, value, node.loc.start.line, node.loc.start.column + 1, base]);
      };
      for (const tree of parse(source)) for (const entry of walk(tree)) report(fact, ...entry);
      return { facts };
    }

    function report(fact, node, parent, role, scope) {
      const literal = node => plainText(node) ?? '';
      switch (node.type) {
        case 'Identifier':
          if ((role === 'property' || role === 'key') && parent.computed === false && !parent.shorthand) break;
          if (role === 'object' && parent.type === 'MemberExpression' && propertyName(parent) !== null) break;
          if (role === 'callee' && node.name === 'require') break;
          if (role === 'label' || role === 'meta' || role === 'imported' || role === 'exported') break;
          if (node.name === 'eval' || !isDeclared(node.name, scope))
            fact('name', node.name, node, parent.type === 'UnaryExpression' ? parent.operator : '');
          break;
        case 'Literal': case 'TemplateLiteral': {
          const text = plainText(node);
          const isName = role === 'key' && !parent.computed || parent.type === 'MemberExpression';
          if (text !== null && text.length <= 32 && !isName && !isComparison(parent)) fact('text', text, node);
          break;
        }
        case 'MemberExpression': {
          const name = propertyName(node);
          if (name !== null) {
            const next = parent.type === 'MemberExpression' && role === 'object' ? propertyName(parent) ?? ''
              : isComparison(parent) ? '===' : '';
            const base = dotted(node.object), root = base.split('.')[0];
            fact('attribute', name, node, (isDeclared(root, scope) ? '' : base) + (next && '|' + next));
          } else if (isTextual(node.property)) fact('computed', '', node);
          break;
        }
        case 'CallExpression':
          if (node.callee.type === 'Identifier' && node.callee.name === 'require')
            fact('import', literal(node.arguments[0]), node);
          break;
        case 'ImportExpression': fact('import', literal(node.source), node, 'dynamic'); break;
        case 'ImportDeclaration': case 'ExportAllDeclaration': fact('import', literal(node.source), node); break;
        case 'ExportNamedDeclaration': if (node.source) fact('import', literal(node.source), node); break;
        case 'MetaProperty': if (node.meta.name === 'import') fact('meta', 'import.meta', node); break;
        case 'Property':
          if (parent.type === 'ObjectPattern' && !node.computed)
            fact('attribute', node.key.name ?? String(node.key.value), node);
          break;
      }
    }

    function take(count) {
      const buffer = Buffer.alloc(count);
      for (let done = 0; done < count;) {
        const got = fs.readSync(0, buffer, done, count - done);
        if (got === 0) process.exit(0);
        done += got;
      }
      return buffer;
    }

    for (;;) {
      const source = take(take(4).readUInt32BE(0)).toString('utf8');
      let answer;
      try { answer = read(source); } catch (error) {
        const text = error instanceof RangeError ? 'too deeply nested' : error.message;
        answer = { error: [text, error.loc?.line ?? 1, (error.loc?.column ?? 0) + 1] };
      }
      const body = Buffer.from(JSON.stringify(answer)), head = Buffer.alloc(4);
      head.writeUInt32BE(body.length);
      const frame = Buffer.concat([head, body]);
      for (let done = 0; done < frame.length;) done += fs.writeSync(1, frame, done);
    }
    """#
}
