/** A promise and the two ways to settle it. */
export interface Gate<T> {
  readonly promise: Promise<T>;
  open(value: T): void;
  fail(error: unknown): void;
}

/** Something to wait for that another place opens. The first call counts, later ones do nothing. A failed gate that nobody awaits is an unhandled rejection. */
export function gate<T = void>(): Gate<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  return { promise, open: resolve, fail: reject };
}
