/** A checkpoint as thinning out sees it. */
export interface Spaced {
  readonly position: number;
  /** It stays. */
  readonly isFixed: boolean;
}

/**
 * The checkpoint that is missed least: the one that would leave the smallest gap in relation to how long ago it lies, so that
 * what is left is dense near the present and sparse far back. The first and the last two stay. Null when there is none.
 */
export function leastUseful(marks: readonly Spaced[]): number | null {
  const present = marks.at(-1)?.position ?? 0;
  let best: number | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (let index = 1; index < marks.length - 2; index++) {
    if (marks[index].isFixed) continue;
    const gap = marks[index + 1].position - marks[index - 1].position;
    const weight = gap / (present - marks[index].position + 1);
    if (weight >= least) continue;
    least = weight;
    best = index;
  }
  return best;
}
