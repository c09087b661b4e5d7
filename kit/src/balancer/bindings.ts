/** Which endpoint a key is bound to. */
export interface Bindings {
  /** The id the key is bound to, if it is and has been used of late. Using it is what this call does. */
  idOf(key: string, nowMs: number): string | undefined;
  bind(key: string, id: string, nowMs: number): void;
  /** Keys held now. */
  readonly size: number;
}

interface Binding {
  readonly id: string;
  usedAtMs: number;
}

/** At most `keysMax` keys, the longest unused one goes first; a key unused for `idleMs` is forgotten. O(1). */
export function bindings({ keysMax, idleMs }: { readonly keysMax: number; readonly idleMs: number }): Bindings {
  // A Map keeps the order in which keys were set: the first is the longest unused.
  const bound = new Map<string, Binding>();
  return {
    get size(): number {
      return bound.size;
    },
    idOf(key: string, nowMs: number): string | undefined {
      const binding = bound.get(key);
      if (binding === undefined) return undefined;
      bound.delete(key);
      if (nowMs - binding.usedAtMs >= idleMs) return undefined;
      binding.usedAtMs = nowMs;
      bound.set(key, binding);
      return binding.id;
    },
    bind(key: string, id: string, nowMs: number): void {
      bound.delete(key);
      bound.set(key, { id, usedAtMs: nowMs });
      if (bound.size <= keysMax) return;
      const [oldest] = bound.keys();
      if (oldest !== undefined) bound.delete(oldest);
    },
  };
}
