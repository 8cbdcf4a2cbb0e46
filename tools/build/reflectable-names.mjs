// Names that the outside can see: private members become properties, and every module tells what it has at its top level.
import { types as t } from '@babel/core';

/** `this.#x` of class C becomes `this.$C_x`; '$' is in no name of the sources. */
export function openPrivateNames(program) {
  program.traverse({
    PrivateName(path) {
      const name = path.node.id.name;
      const owner = path.findParent((parent) => parent.isClass() && declares(parent.node, name));
      if (owner === null) throw path.buildCodeFrameError(`#${name} is declared nowhere`);
      path.node.opened = `$${owner.node.id?.name ?? 'class'}_${name}`;
    },
  });
  program.traverse({
    ClassPrivateProperty: (path) => void replaceMember(path, t.classProperty(key(path), path.node.value)),
    ClassPrivateMethod({ node }) {
      node.type = 'ClassMethod';
      node.key = t.identifier(node.key.opened);
      node.computed = false;
    },
    MemberExpression: openProperty,
    OptionalMemberExpression: openProperty,
    BinaryExpression({ node }) {
      if (t.isPrivateName(node.left)) node.left = t.stringLiteral(node.left.opened);
    },
  });
}

function declares(classNode, name) {
  return classNode.body.body.some(({ key: member }) => t.isPrivateName(member) && member.id.name === name);
}

function key(path) {
  return t.identifier(path.node.key.opened);
}

function replaceMember(path, member) {
  member.static = path.node.static;
  path.replaceWith(member);
}

function openProperty({ node }) {
  if (t.isPrivateName(node.property)) node.property = t.identifier(node.property.opened);
}

/** Every function, class and constant of the module by its name, looked at when the first snapshot wants it. */
export function registerBindings(program, name) {
  const names = Object.entries(program.scope.bindings)
    .filter(([, { kind, constant }]) => kind !== 'module' && constant)
    .map(([binding]) => binding);
  const table = t.objectExpression(
    names.map((binding) => t.objectProperty(t.identifier(binding), t.identifier(binding), false, true)),
  );
  const call = t.callExpression(t.identifier('$bindings'), [
    t.stringLiteral(name),
    t.arrowFunctionExpression([], table),
  ]);
  program.pushContainer('body', t.expressionStatement(call));
}
