// Functions that are made while the kernel runs become known by number and by the values that they captured.
import { types as t } from '@babel/core';
import {
  addDefinitions,
  capturedBindings,
  definition,
  handOverProblem,
  nameOf,
  replaceThis,
} from './reflectable-captures.mjs';

/** Methods that call the function they are given and forget it. */
const PASSING = new Set([
  'every',
  'filter',
  'find',
  'findIndex',
  'findLast',
  'findLastIndex',
  'flatMap',
  'forEach',
  'from',
  'map',
  'reduce',
  'replace',
  'some',
  'sort',
  'toSorted',
]);

/** `() => a.b` -> `$c1(undefined, a)` with `const $c1 = $closure('ID', ($self, a) => () => a.b)` */
export function liftClosures(program, module) {
  const definitions = [];
  const functions = [];
  program.traverse({
    Function: {
      exit(path) {
        if (isMadeAtRunTime(path) && !isPassing(path)) functions.push(path);
      },
    },
  });
  for (const path of functions) {
    const id = `${module}#c${definitions.length} ${nameOf(path)}`;
    liftClosure(path, program, id, `$c${definitions.length}`, definitions);
  }
  addDefinitions(program, definitions);
  program.scope.crawl();
}

function isMadeAtRunTime(path) {
  if (path.isArrowFunctionExpression() || path.isFunctionExpression()) {
    if (path.parentPath.isCallExpression() && t.isIdentifier(path.parent.callee, { name: '$generator' })) return false;
  } else if (!path.isObjectMethod({ kind: 'method' })) return false;
  return (
    path.getFunctionParent() !== null || path.findParent((parent) => parent.isClassProperty({ static: false })) !== null
  );
}

function isPassing(path) {
  if (!path.parentPath.isCallExpression()) return false;
  const { callee } = path.parent;
  if (callee === path.node) return true;
  if (t.isIdentifier(callee, { name: '$bindings' })) return true;
  return t.isMemberExpression(callee) && t.isIdentifier(callee.property) && PASSING.has(callee.property.name);
}

function liftClosure(path, program, id, local, definitions) {
  const captured = capturedBindings(path, program);
  const problem = handOverProblem(path, captured);
  const method = path.isObjectMethod();
  const code = method ? t.functionExpression(null, path.node.params, path.node.body) : path.node;
  if (problem !== null) {
    if (method || !(path.parentPath.isCallExpression() || path.parentPath.isVariableDeclarator())) {
      throw path.buildCodeFrameError(
        `a function that is kept ${problem}: keep that in an object (kernel/reflection/README.md)`,
      );
    }
    place(path, t.callExpression(t.identifier('$opaque'), [t.stringLiteral(`${id} ${problem}`), code]));
    return;
  }
  const needsSelf = path.isArrowFunctionExpression() && replaceThis(path);
  const names = captured.map(({ identifier }) => identifier.name);
  // In a generator `this` is a variable already.
  const own = names.includes('$self') ? '$none' : '$self';
  const parameters = [own, ...names].map((name) => t.identifier(name));
  definitions.push(definition(local, '$closure', id, t.arrowFunctionExpression(parameters, code)));
  const values = [
    needsSelf ? t.thisExpression() : t.identifier('undefined'),
    ...names.map((name) => t.identifier(name)),
  ];
  place(path, t.callExpression(t.identifier(local), values));
}

function place(path, expression) {
  if (path.isObjectMethod()) path.replaceWith(t.objectProperty(path.node.key, expression, path.node.computed));
  else path.replaceWith(expression);
  path.skip();
}
