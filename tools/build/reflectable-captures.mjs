// What a function takes from the functions around it.
import { types as t } from '@babel/core';

/**
 * Variables of the enclosing functions that a function uses, each as its binding, in the order of first use. Those of the module are
 * not among them.
 */
export function capturedBindings(path, program) {
  const bindings = new Map();
  const look = (identifier) => {
    const binding = identifier.scope.getBinding(identifier.node.name);
    if (binding === undefined || binding.scope === program.scope || bindings.has(binding.identifier.name)) return;
    if (binding.scope.path === path || binding.scope.path.isDescendant(path)) return;
    bindings.set(binding.identifier.name, binding);
  };
  path.traverse({
    ReferencedIdentifier: look,
    AssignmentExpression(inner) {
      for (const name of Object.keys(inner.getBindingIdentifiers())) lookByName(inner, name, look);
    },
    UpdateExpression(inner) {
      if (inner.get('argument').isIdentifier()) look(inner.get('argument'));
    },
  });
  return [...bindings.values()];
}

function lookByName(path, name, look) {
  look({ scope: path.scope, node: { name } });
}

/** Why these variables cannot be handed over by value when the function is made; null when they can. */
export function handOverProblem(path, bindings) {
  for (const binding of bindings) {
    const { name } = binding.identifier;
    if (!binding.constant) return `captures '${name}', which is reassigned`;
    const declaration = binding.path.node;
    if (binding.kind === 'hoisted' || binding.kind === 'param') continue;
    if (binding.path.isVariableDeclarator() && path.isDescendant(binding.path))
      return `captures '${name}', which it is the value of`;
    if (declaration.start > path.node.start) return `captures '${name}', which has no value yet`;
  }
  return null;
}

/** Puts `$self` in place of every `this` of the function; true when there was one. */
export function replaceThis(path) {
  let found = false;
  path.traverse({
    ThisExpression(inner) {
      found = true;
      inner.replaceWith(t.identifier('$self'));
    },
    Function(inner) {
      if (!inner.isArrowFunctionExpression()) inner.skip();
    },
    Class(inner) {
      inner.skip();
    },
    Super(inner) {
      throw inner.buildCodeFrameError('super cannot be used here by code that is to be reflectable');
    },
  });
  return found;
}

/** Puts definitions behind the imports. */
export function addDefinitions(program, definitions) {
  const { body } = program.node;
  const first = body.findIndex((statement) => !t.isImportDeclaration(statement));
  body.splice(first < 0 ? body.length : first, 0, ...definitions);
}

/** `const NAME = FUNCTION(ID, VALUE)`. */
export function definition(name, wrapper, id, value) {
  const call = t.callExpression(t.identifier(wrapper), [t.stringLiteral(id), value]);
  return t.variableDeclaration('const', [t.variableDeclarator(t.identifier(name), call)]);
}

/** What a function is called in the sources. */
export function nameOf(path) {
  const { node, parent } = path;
  if (node.id) return node.id.name;
  if (t.isIdentifier(node.key)) return node.key.name;
  if (t.isMemberExpression(node.key)) return 'iterator';
  if (t.isVariableDeclarator(parent) && t.isIdentifier(parent.id)) return parent.id.name;
  if (t.isObjectProperty(parent) && t.isIdentifier(parent.key)) return parent.key.name;
  return 'anonymous';
}
