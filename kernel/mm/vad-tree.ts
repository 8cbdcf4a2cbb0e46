import { type Vad, VadType } from './vad.js';

/**
 * The VADs of one address space: an AVL tree ordered by starting page, with no two overlapping, and the last hit
 * remembered because faults come in runs (nt52 4.1).
 */
export class VadTree {
  root: Vad | null = null;
  count = 0;
  /** Regions with write watch among them. */
  watchedRegions = 0;
  #lastHit: Vad | null = null;

  /** The VAD that contains a page, or null. */
  find(vpn: number): Vad | null {
    const hit = this.#lastHit;
    if (hit !== null && vpn >= hit.startingVpn && vpn <= hit.endingVpn) return hit;
    let node = this.root;
    while (node !== null) {
      if (vpn < node.startingVpn) {
        node = node.left;
      } else if (vpn > node.endingVpn) {
        node = node.right;
      } else {
        this.#lastHit = node;
        return node;
      }
    }
    return null;
  }

  /** The lowest VAD that shares a page with the range (inclusive), or null. */
  findOverlap(startingVpn: number, endingVpn: number): Vad | null {
    const candidate = this.findAtOrAfter(startingVpn);
    return candidate !== null && candidate.startingVpn <= endingVpn ? candidate : null;
  }

  /** The lowest VAD that ends at or after a page. */
  findAtOrAfter(vpn: number): Vad | null {
    let node = this.root;
    let found: Vad | null = null;
    while (node !== null) {
      if (node.endingVpn >= vpn) {
        found = node;
        node = node.left;
      } else {
        node = node.right;
      }
    }
    return found;
  }

  first(): Vad | null {
    let node = this.root;
    while (node !== null && node.left !== null) node = node.left;
    return node;
  }

  last(): Vad | null {
    let node = this.root;
    while (node !== null && node.right !== null) node = node.right;
    return node;
  }

  next(vad: Vad): Vad | null {
    if (vad.right !== null) {
      let node = vad.right;
      while (node.left !== null) node = node.left;
      return node;
    }
    let node: Vad = vad;
    let parent = vad.parent;
    while (parent !== null && parent.right === node) {
      node = parent;
      parent = parent.parent;
    }
    return parent;
  }

  previous(vad: Vad): Vad | null {
    if (vad.left !== null) {
      let node = vad.left;
      while (node.right !== null) node = node.right;
      return node;
    }
    let node: Vad = vad;
    let parent = vad.parent;
    while (parent !== null && parent.left === node) {
      node = parent;
      parent = parent.parent;
    }
    return parent;
  }

  /** In order of address; the VAD just returned may be removed while walking. */
  *[Symbol.iterator](): Generator<Vad> {
    let node = this.first();
    while (node !== null) {
      const following: Vad | null = this.next(node);
      yield node;
      node = following;
    }
  }

  /** Adds a VAD; the caller has made sure that it overlaps none. */
  insert(vad: Vad): void {
    vad.left = null;
    vad.right = null;
    vad.height = 1;
    let parent: Vad | null = null;
    let node = this.root;
    while (node !== null) {
      parent = node;
      node = vad.startingVpn < node.startingVpn ? node.left : node.right;
    }
    vad.parent = parent;
    if (parent === null) {
      this.root = vad;
    } else if (vad.startingVpn < parent.startingVpn) {
      parent.left = vad;
    } else {
      parent.right = vad;
    }
    this.count++;
    this.#rebalance(parent);
  }

  remove(vad: Vad): void {
    if (this.#lastHit === vad) this.#lastHit = null;
    let start: Vad | null;
    if (vad.left !== null && vad.right !== null) {
      let successor = vad.right;
      while (successor.left !== null) successor = successor.left;
      start = successor.parent === vad ? successor : successor.parent;
      if (successor.parent !== null && successor.parent !== vad) {
        this.#replace(successor, successor.right);
        successor.right = vad.right;
        vad.right.parent = successor;
      }
      this.#replace(vad, successor);
      successor.left = vad.left;
      vad.left.parent = successor;
      successor.height = vad.height;
    } else {
      start = vad.parent;
      this.#replace(vad, vad.left ?? vad.right);
    }
    vad.parent = null;
    vad.left = null;
    vad.right = null;
    this.count--;
    this.#rebalance(start);
  }

  /** Level of a VAD as debuggers print it: the root has 1. */
  level(vad: Vad): number {
    let level = 1;
    for (let node = vad.parent; node !== null; node = node.parent) level++;
    return level;
  }

  get depth(): number {
    return this.root === null ? 0 : this.root.height;
  }

  /** The first thing that is wrong with the tree, in one sentence, or null. */
  verify(): string | null {
    let seen = 0;
    let watched = 0;
    let previous: Vad | null = null;
    for (let vad = this.first(); vad !== null; vad = this.next(vad)) {
      seen++;
      if (vad.writeWatch !== null) watched++;
      const wrong = verifyNode(vad, previous);
      if (wrong !== null) return `VAD ${vad.startingVpn.toString(16)}-${vad.endingVpn.toString(16)} ${wrong}`;
      previous = vad;
    }
    if (seen !== this.count) return `the VAD tree counts ${this.count} elements but holds ${seen}`;
    return watched === this.watchedRegions
      ? null
      : `${this.watchedRegions} regions should have write watch, ${watched} do`;
  }

  /** Puts another node (or none) in a node's place under its parent. */
  #replace(node: Vad, other: Vad | null): void {
    const parent = node.parent;
    if (parent === null) {
      this.root = other;
    } else if (parent.left === node) {
      parent.left = other;
    } else {
      parent.right = other;
    }
    if (other !== null) other.parent = parent;
  }

  #rebalance(from: Vad | null): void {
    let node = from;
    while (node !== null) {
      updateHeight(node);
      const balance = heightOf(node.right) - heightOf(node.left);
      if (balance > 1 && node.right !== null) {
        if (heightOf(node.right.left) > heightOf(node.right.right)) this.#rotateRight(node.right);
        node = this.#rotateLeft(node);
      } else if (balance < -1 && node.left !== null) {
        if (heightOf(node.left.right) > heightOf(node.left.left)) this.#rotateLeft(node.left);
        node = this.#rotateRight(node);
      }
      node = node.parent;
    }
  }

  /** The right child comes up; returns the new top of the subtree. */
  #rotateLeft(node: Vad): Vad {
    const top = node.right;
    if (top === null) return node;
    this.#replace(node, top);
    node.right = top.left;
    if (top.left !== null) top.left.parent = node;
    top.left = node;
    node.parent = top;
    updateHeight(node);
    updateHeight(top);
    return top;
  }

  #rotateRight(node: Vad): Vad {
    const top = node.left;
    if (top === null) return node;
    this.#replace(node, top);
    node.left = top.right;
    if (top.right !== null) top.right.parent = node;
    top.right = node;
    node.parent = top;
    updateHeight(node);
    updateHeight(top);
    return top;
  }
}

function heightOf(node: Vad | null): number {
  return node === null ? 0 : node.height;
}

function updateHeight(node: Vad): void {
  node.height = 1 + Math.max(heightOf(node.left), heightOf(node.right));
}

/** What is wrong with one node, given the one before it in order of address; null: nothing. */
function verifyNode(vad: Vad, previous: Vad | null): string | null {
  if ((vad.type === VadType.WriteWatch) !== (vad.writeWatch !== null)) return 'lacks its write watch bitmap';
  if (vad.endingVpn < vad.startingVpn) return 'ends before it starts';
  if (previous !== null && previous.endingVpn >= vad.startingVpn) {
    return `overlaps the one before it, which ends at ${previous.endingVpn.toString(16)}`;
  }
  const left = heightOf(vad.left);
  const right = heightOf(vad.right);
  if (Math.abs(left - right) > 1) return `is out of balance: left height ${left}, right height ${right}`;
  if (vad.height !== 1 + Math.max(left, right)) return `has a wrong height ${vad.height}`;
  if (vad.left !== null && vad.left.parent !== vad) return 'has a left child with another parent';
  return vad.right !== null && vad.right.parent !== vad ? 'has a right child with another parent' : null;
}
