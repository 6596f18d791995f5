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
    FORMAT = re.compile(r'\{[^{}]*[.\[]_[^{}]*\}')
    REACH = {'getattr', 'setattr', 'delattr', 'hasattr'}

    def dotted(node):
        if isinstance(node, ast.Name): return node.id
        if isinstance(node, ast.Attribute):
            base = dotted(node.value)
            return base + '.' + node.attr if base else ''
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ('super', 'type'):
            return node.func.id + '()'
        return ''

    def read(source):
        facts, seen = [], {}
        def fact(kind, value, node, base=''):
            key = (kind, value, base)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] <= 8 and len(facts) < 20000:
                facts.append([kind, value, getattr(node, 'lineno', 1), getattr(node, 'col_offset', 0) + 1, base])
        for line in source.split(b'\n')[:2]:
            found = CODING.match(line)
            if found: fact('encoding', found.group(1).decode('ascii', 'replace').lower(), None)
        names = {}
        for node in (tree := ast.walk(ast.parse(source))):
            kind = type(node)
            if kind is ast.Attribute: names[id(node.value)] = node.attr
            if kind is ast.Import:
                for name in node.names:
                    fact('import', name.name, node)
                    fact('bound', (name.asname or name.name).split('.')[0], node, name.name)
            elif kind is ast.ImportFrom:
                if node.level: fact('relative', node.module or '', node)
                else:
                    fact('import', node.module, node)
                    for name in node.names:
                        fact('from', name.name, node, node.module)
                        fact('bound', name.asname or name.name, node, node.module + '.' + name.name)
            elif kind is ast.Name:
                fact('name' if isinstance(node.ctx, ast.Load) else 'bound', node.id, node)
            elif kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef): fact('bound', node.name, node)
            elif kind is ast.arg: fact('bound', node.arg, node)
            elif kind is ast.Attribute:
                after = '|' + names[id(node)] if id(node) in names else ''
                fact('attribute', node.attr, node, dotted(node.value) + after)
            elif kind is ast.MatchClass:
                for name in node.kwd_attrs: fact('attribute', name, node)
            elif kind is ast.Call and isinstance(node.func, ast.Name):
                if node.func.id in REACH and len(node.args) > 1:
                    name = node.args[1]
                    if isinstance(name, ast.Constant): fact('attribute', str(name.value), node, dotted(node.args[0]))
                    elif node.func.id != 'hasattr': fact('computed', node.func.id, node)
                elif node.func.id == 'open' and node.args:
                    name = node.args[0]
                    known = isinstance(name, ast.Constant) and isinstance(name.value, str)
                    fact('open', name.value if known else '', node)
            elif kind is ast.Constant and isinstance(node.value, str):
                if len(node.value) < 4096 and FORMAT.search(node.value): fact('format', '', node)
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

    function parse(source) {
      const options = { ecmaVersion: 'latest', locations: true, allowHashBang: true };
      try {
        return acorn.parse(source, { ...options, sourceType: 'script', allowReturnOutsideFunction: true });
      } catch (error) {
        try { return acorn.parse(source, { ...options, sourceType: 'module' }); } catch { throw error; }
      }
    }

    function dotted(node) {
      if (node.type === 'Identifier') return node.name;
      if (node.type === 'ThisExpression') return 'this';
      if (node.type === 'ChainExpression') return dotted(node.expression);
      if (node.type !== 'MemberExpression') return '';
      const base = dotted(node.object), name = propertyName(node);
      return base && name !== null ? base + '.' + name : '';
    }

    function propertyName(node) {
      if (!node.computed) return node.property.name ?? '#private';
      return node.property.type === 'Literal' ? String(node.property.value) : null;
    }

    const isTextual = node => node.type === 'TemplateLiteral' && node.expressions.length > 0
      || node.type === 'BinaryExpression' && node.operator === '+'
        && [node.left, node.right].some(side => side.type === 'TemplateLiteral' || isTextual(side)
          || side.type === 'Literal' && typeof side.value === 'string');

    function read(source) {
      const facts = [], seen = new Map();
      const fact = (kind, value, node, base = '') => {
        const key = kind + '\0' + value + '\0' + base, count = (seen.get(key) ?? 0) + 1;
        seen.set(key, count);
        if (count > 8 || facts.length >= 20000) return;
        facts.push([kind, value, node.loc.start.line, node.loc.start.column + 1, base]);
      };
      const bind = pattern => {
        if (!pattern) return;
        if (pattern.type === 'Identifier') fact('bound', pattern.name, pattern);
        for (const part of pattern.properties ?? pattern.elements ?? []) bind(part?.value ?? part?.argument ?? part);
        if (pattern.left) bind(pattern.left);
      };
      const literal = node => node && node.type === 'Literal' && typeof node.value === 'string' ? node.value : '';
      const stack = [[parse(source), null, '']];
      while (stack.length) {
        const [node, parent, role] = stack.pop();
        switch (node.type) {
          case 'Identifier':
            if ((role === 'property' || role === 'key') && parent.computed === false && !parent.shorthand) break;
            if (role === 'object' && parent.type === 'MemberExpression' && propertyName(parent) !== null) break;
            if (role === 'callee' && node.name === 'require') break;
            if (role === 'label' || role === 'meta' || role === 'imported' || role === 'exported') break;
            fact('name', node.name, node, parent.type === 'UnaryExpression' ? parent.operator : '');
            break;
          case 'MemberExpression': {
            const name = propertyName(node);
            if (name !== null) {
              const next = parent.type === 'MemberExpression' && role === 'object' ? propertyName(parent) ?? ''
                : parent.type === 'BinaryExpression' && /^[!=]==?$/.test(parent.operator) ? '===' : '';
              fact('attribute', name, node, dotted(node.object) + (next && '|' + next));
            } else if (isTextual(node.property)) fact('computed', '', node);
            break;
          }
          case 'CallExpression':
            if (node.callee.type === 'Identifier' && node.callee.name === 'require')
              fact('import', literal(node.arguments[0]), node);
            break;
          case 'ImportExpression': fact('import', literal(node.source), node, 'dynamic'); break;
          case 'ImportDeclaration': case 'ExportAllDeclaration': fact('import', literal(node.source), node); break;
          case 'MetaProperty': if (node.meta.name === 'import') fact('meta', 'import.meta', node); break;
          case 'VariableDeclarator': bind(node.id); break;
          case 'FunctionDeclaration': case 'FunctionExpression': case 'ArrowFunctionExpression':
            bind(node.id); node.params.forEach(bind); break;
          case 'ClassDeclaration': bind(node.id); break;
          case 'Property':
            if (parent.type === 'ObjectPattern' && !node.computed)
              fact('attribute', node.key.name ?? String(node.key.value), node);
            break;
        }
        for (const key of Object.keys(node)) {
          const child = node[key];
          if (!child || key === 'loc' || typeof child !== 'object') continue;
          for (const one of Array.isArray(child) ? child : [child])
            if (one && typeof one.type === 'string') stack.push([one, node, key]);
        }
      }
      return { facts };
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
