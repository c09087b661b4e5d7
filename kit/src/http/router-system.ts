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
  return {
    add(method, path, target) {
      tree.on(method as "GET", path.replaceAll(/\{([^}]*)\}/g, ":$1"), noHandler, { target });
    },
    find(method, path) {
      const found = tree.find(method as "GET", path);
      return isFilled(found)
        ? { target: (found.store as { readonly target: T }).target, params: found.params }
        : undefined;
    },
    methodsAt: (path) => methods.filter((method) => isFilled(tree.find(method, path))),
  };
}

// What is found is the store beside it.
function noHandler(): void {}

/** A field of a path is never empty: `/orders/` is not `/orders/{id}`. */
function isFilled<R extends { readonly params: Readonly<Record<string, string | undefined>> }>(
  found: R | null,
): found is R {
  if (found === null) return false;
  for (const name in found.params) if (found.params[name] === "") return false;
  return true;
}
