// The rule of the house: tools -> kernel -> cpu, and nobody reaches into another room past its index.ts. Below tools/
// nothing imports node: modules or packages.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const allowed = {
  cpu: ['cpu'],
  kernel: ['kernel', 'cpu'],
  tools: ['tools', 'kernel', 'cpu'],
};

const importPattern =
  /^(?:import|export)\s[\w\s{},*$]*?from\s+['"]([^'"]+)['"]|import\s*\(\s*['"]([^'"]+)['"]\s*\)|^import\s+['"]([^'"]+)['"]/gm;

function* sourceFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

/** One line for each import that breaks the rule; an empty list when all are right. */
export function importViolations(root) {
  const violations = [];
  for (const [room, targets] of Object.entries(allowed)) {
    for (const file of sourceFiles(join(root, room))) {
      const name = relative(root, file);
      for (const match of readFileSync(file, 'utf8').matchAll(importPattern)) {
        const target = match[1] ?? match[2] ?? match[3];
        if (!target.startsWith('.')) {
          if (room !== 'tools')
            violations.push(`${name}: imports '${target}'; below tools/ nothing imports packages or node:`);
          continue;
        }
        const path = relative(root, resolve(dirname(file), target));
        const targetRoom = path.split('/')[0];
        if (!targets.includes(targetRoom))
          violations.push(`${name}: imports '${target}'; ${room}/ may not import ${targetRoom}/`);
        else if (targetRoom !== room && path !== `${targetRoom}/index.js`)
          violations.push(`${name}: imports '${target}'; reach another room through its index.ts only`);
      }
    }
  }
  return violations;
}
