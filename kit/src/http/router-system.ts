import createRouter from "find-my-way";

/** What is found at a path. */
export interface Found<T> {
  readonly target: T;
  readonly params: Readonly<Record<string, string | undefined>>;
}

/** Finds what answers a method at a path. */
export interface Router<T> {
  /** Path with fields in braces. Throws when the route exists. */
  add(method: string, path: string, target: T): void;
  find(method: string, path: string): Found<T> | undefined;
  /** The methods that are answered at a path, for `Allow`. */
  methodsAt(path: string): readonly string[];
}

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** A router over a radix tree: the time of a search depends on the path, not on the number of routes. */
export function router<T>(): Router<T> {
  const tree = createRouter({ ignoreTrailingSlash: false, caseSensitive: true, maxParamLength: 512 });
  const targets = new Map<unknown, T>();
  return {
    add(method, path, target) {
      const handler = (): void => undefined;
      targets.set(handler, target);
      tree.on(method as "GET", path.replaceAll(/\{([^}]*)\}/g, ":$1"), handler);
    },
    find(method, path) {
      const found = tree.find(method as "GET", path);
      if (!isFilled(found)) return undefined;
      const target = targets.get(found.handler);
      return target === undefined ? undefined : { target, params: found.params };
    },
    methodsAt: (path) => methods.filter((method) => isFilled(tree.find(method, path))),
  };
}

/** A field of a path is never empty: `/orders/` is not `/orders/{id}`. */
function isFilled<R extends { readonly params: Readonly<Record<string, string | undefined>> }>(
  found: R | null,
): found is R {
  return found !== null && !Object.values(found.params).includes("");
}
