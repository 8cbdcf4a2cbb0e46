export function importViolations(root: string): string[];
