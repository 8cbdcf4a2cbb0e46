// Generators become functions of the module, with everything they use as parameters; the regenerator then makes state machines of
// them, and each Frame gets the means to read and set their variables.
import { types as t } from '@babel/core';
import {
  addDefinitions,
  capturedBindings,
  definition,
  handOverProblem,
  nameOf,
  replaceThis,
} from './reflectable-captures.mjs';

/** `function* f(a) { ... }` -> `const $g1 = $generator('ID', function* f($self, a) { ... }); function f(a) { return $g1(this, a); }` */
export function liftGenerators(program, module) {
  const generators = [];
  program.traverse({
    Function: {
      exit(path) {
        if (path.node.generator) generators.push(path);
      },
    },
  });
  const definitions = generators.map((path, index) => liftGenerator(path, program, `${module}#${index}`, `$g${index}`));
  addDefinitions(program, definitions);
  program.scope.crawl();
}

/** What the regenerator wants: all variables of a generator declared at its start, without patterns. */
export function plainVariables(program) {
  program.traverse({
    FunctionExpression(path) {
      if (path.node.generator) makeVariablesPlain(path);
    },
  });
}

function liftGenerator(path, program, id, local) {
  const captured = capturedBindings(path, program);
  const problem = handOverProblem(path, captured);
  if (problem !== null) throw path.buildCodeFrameError(`a generator ${problem}`);
  path.traverse({
    ForOfStatement: iterateByCursor,
    LogicalExpression: chooseByTest,
    Function: (inner) => inner.skip(),
  });
  replaceThis(path);
  const { node } = path;
  const forwarded = [];
  const received = [];
  const prologue = [];
  for (const parameter of node.params) {
    const rest = t.isRestElement(parameter);
    const name = path.scope.generateUid('p');
    forwarded.push(rest ? t.restElement(t.identifier(name)) : t.identifier(name));
    if (t.isIdentifier(parameter)) received.push(parameter);
    else prologue.push(receive(parameter, name, received));
  }
  const name = nameOf(path);
  const parameters = [
    t.identifier('$self'),
    ...captured.map(({ identifier }) => t.identifier(identifier.name)),
    ...received,
  ];
  const body = t.blockStatement([...prologue, ...node.body.body]);
  const lifted = t.functionExpression(t.identifier(`${name}$`), parameters, body, true);
  const values = [
    t.isFunctionDeclaration(node) || captured.length > 0 || t.isFunctionExpression(node)
      ? self(path)
      : t.thisExpression(),
    ...captured.map(({ identifier }) => t.identifier(identifier.name)),
    ...forwarded.map((parameter) =>
      t.isRestElement(parameter) ? t.spreadElement(parameter.argument) : t.identifier(parameter.name),
    ),
  ];
  node.generator = false;
  node.params = forwarded;
  node.body = t.blockStatement([t.returnStatement(t.callExpression(t.identifier(local), values))]);
  return definition(local, '$generator', `${id} ${name}`, lifted);
}

/** What a generator that is no method has as `this`. */
function self(path) {
  return path.isMethod() ? t.thisExpression() : t.identifier('undefined');
}

/** A parameter with a pattern or a default value is taken apart in the body. */
function receive(parameter, name, received) {
  const given = t.identifier(name);
  if (t.isRestElement(parameter)) {
    received.push(t.restElement(given));
    return t.variableDeclaration('let', [t.variableDeclarator(parameter.argument, t.identifier(name))]);
  }
  received.push(given);
  if (!t.isAssignmentPattern(parameter)) {
    return t.variableDeclaration('let', [t.variableDeclarator(parameter, t.identifier(name))]);
  }
  const missing = t.binaryExpression('===', t.identifier(name), t.unaryExpression('void', t.numericLiteral(0)));
  const value = t.conditionalExpression(missing, parameter.right, t.identifier(name));
  return t.variableDeclaration('let', [t.variableDeclarator(parameter.left, value)]);
}

/** A loop that waits within it, or is left: its position is in a cursor that can be seen. */
function iterateByCursor(path) {
  let leaves = false;
  const leave = () => {
    leaves = true;
  };
  path.traverse({
    YieldExpression: leave,
    BreakStatement: leave,
    ContinueStatement: leave,
    ReturnStatement: leave,
    Function: (inner) => inner.skip(),
  });
  if (!leaves) return;
  const { left, right, body } = path.node;
  if (!t.isVariableDeclaration(left)) throw path.buildCodeFrameError('a for-of loop must declare its variable');
  const cursor = path.scope.generateUid('cursor');
  const start = t.variableDeclarator(t.identifier(cursor), t.callExpression(t.identifier('$cursor'), [right]));
  const next = t.callExpression(t.memberExpression(t.identifier(cursor), t.identifier('next')), []);
  const value = t.memberExpression(t.identifier(cursor), t.identifier('value'));
  const item = t.variableDeclaration(left.kind, [t.variableDeclarator(left.declarations[0].id, value)]);
  const loop = t.forStatement(t.variableDeclaration('let', [start]), next, null, t.blockStatement([item, body]));
  path.replaceWith(loop);
}

/** `a ?? b` that waits -> `(value = a) != null ? value : b`: the regenerator does not know the operator. */
function chooseByTest(path) {
  const { operator, left, right } = path.node;
  if (operator !== '??') return;
  const value = path.scope.generateUid('value');
  path.getFunctionParent().scope.push({ id: t.identifier(value), kind: 'let' });
  const test = t.binaryExpression('!=', t.assignmentExpression('=', t.identifier(value), left), t.nullLiteral());
  path.replaceWith(t.conditionalExpression(test, t.identifier(value), right));
}

/** Variables of blocks become variables of the function, for which each needs a name of its own. */
function makeVariablesPlain(path) {
  const taken = new Set(Object.keys(path.scope.bindings));
  path.traverse({
    Function: (inner) => inner.skip(),
    Scope(inner) {
      if (inner.isFunction()) return;
      for (const [name, { kind }] of Object.entries(inner.scope.bindings)) {
        if (inner.scope === path.scope || kind === 'var') continue;
        if (taken.has(name)) inner.scope.rename(name, path.scope.generateUid(name));
        else taken.add(name);
      }
    },
  });
  const names = new Set();
  path.traverse({
    Function: (inner) => inner.skip(),
    VariableDeclaration: {
      exit(inner) {
        for (const name of Object.keys(inner.getBindingIdentifiers())) names.add(name);
        inner.replaceWith(assignments(inner));
      },
    },
  });
  if (names.size === 0) return;
  const declarators = [...names].map((name) => t.variableDeclarator(t.identifier(name)));
  path.node.body.body.unshift(t.variableDeclaration('var', declarators));
}

/** A declaration as what it does: `let { a } = b` -> `({ a } = b)`. */
function assignments({ node, parent, key }) {
  if (t.isForXStatement(parent) && key === 'left') return node.declarations[0].id;
  const values = node.declarations.map(({ id, init }) => {
    return t.assignmentExpression('=', id, init ?? t.unaryExpression('void', t.numericLiteral(0)));
  });
  const expression = values.length === 1 ? values[0] : t.sequenceExpression(values);
  return t.isForStatement(parent) && key === 'init' ? expression : t.expressionStatement(expression);
}

/** `$regenerator().w(inner, outer, self, tries)` gets a fifth argument that reads and sets the variables of `outer`. */
export function accessFrames(program) {
  program.traverse({
    CallExpression(path) {
      const { callee } = path.node;
      if (!t.isMemberExpression(callee) || !t.isIdentifier(callee.property, { name: 'w' })) return;
      if (!t.isCallExpression(callee.object) || !t.isIdentifier(callee.object.callee, { name: '$regenerator' })) return;
      const maker = path.getFunctionParent();
      const wrapper = maker.parentPath;
      if (maker.getFunctionParent() !== null && !wrapper.isCallExpression()) {
        throw path.buildCodeFrameError('a generator within a generator: a function in a loop captures what changes');
      }
      const names = Object.keys(maker.scope.bindings).filter((name) => maker.scope.bindings[name].kind !== 'local');
      const list = () => names.map((name) => t.identifier(name));
      const given = t.identifier('$values');
      const set = t.assignmentExpression('=', t.arrayPattern(list()), given);
      const test = t.binaryExpression('===', given, t.identifier('undefined'));
      const access = t.arrowFunctionExpression([given], t.conditionalExpression(test, t.arrayExpression(list()), set));
      while (path.node.arguments.length < 4) path.node.arguments.push(t.nullLiteral());
      path.node.arguments.push(access);
    },
  });
}
