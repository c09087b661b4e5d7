import { RefusedError, type Cell, type Change, type Engine } from "ashlar/engine";
import { commitPlanned, type PlannedCommit } from "../commit-loop.ts";
import type { Price } from "../money.ts";

/** What the shop knows of a product. */
export interface Product {
  readonly code: string;
  /** The first description that was not empty; empty until then. */
  readonly name: string;
  /** The first price, in hundredths of a minor unit. */
  readonly price: Price;
}

const space = "product";
/** Products remembered as complete; a product that is forgotten costs one read when it comes again. */
const knownMax = 50_000;

/** The products that were ever seen, one cell each, written at first sight and when a description is found. */
export class Catalog {
  readonly #engine: Engine;
  readonly #tell: (product: Product) => Change;
  readonly #complete = new Set<string>();

  /** `tell` makes the change that tells others of a product that has changed. */
  constructor(engine: Engine, tell: (product: Product) => Change) {
    this.#engine = engine;
    this.#tell = tell;
  }

  async find(codes: readonly string[]): Promise<readonly Product[]> {
    if (codes.length === 0) return [];
    const cells = await this.#engine.get(codes.map((key) => ({ space, key })));
    return cells.flatMap((cell) => (cell === undefined ? [] : [productOf(cell)]));
  }

  /** A page of products in order of code. */
  async list(page: { readonly after?: string | undefined; readonly limit: number }): Promise<readonly Product[]> {
    const products: Product[] = [];
    const { after, limit } = page;
    for await (const cell of this.#engine.scan({ kind: "cells", space, after, limit })) {
      products.push(productOf(cell));
      if (products.length >= limit) break;
    }
    return products;
  }

  /** Remembers products, each as it was first seen. */
  async sight(seen: readonly Product[]): Promise<void> {
    const result = await commitPlanned(this.#engine, () => this.#sighted(seen));
    if (!result.committed) throw new RefusedError(result.refusal);
  }

  async #sighted(seen: readonly Product[]): Promise<PlannedCommit> {
    const fresh = new Map<string, Product>();
    for (const product of seen) {
      if (this.#complete.has(product.code)) continue;
      const known = fresh.get(product.code);
      if (known === undefined || known.name === "")
        fresh.set(product.code, known === undefined ? product : { ...known, name: product.name });
    }
    const cells = await this.#engine.get(Array.from(fresh.keys(), (key) => ({ space, key })));
    const changes: Change[] = [];
    const complete: string[] = [];
    for (const [index, product] of [...fresh.values()].entries()) {
      const cell = cells[index];
      const stored = cell === undefined ? undefined : productOf(cell);
      const next = { ...(stored ?? product), name: stored?.name || product.name };
      changes.push(...this.#change(next, cell));
      if (next.name !== "") complete.push(next.code);
    }
    return {
      changes,
      committed: ({ committed }) => {
        if (committed) for (const code of complete) this.#remember(code);
      },
    };
  }

  #change(next: Product, cell: Cell | undefined): readonly Change[] {
    const stored = cell === undefined ? undefined : productOf(cell);
    if (stored !== undefined && stored.name === next.name) return [];
    const { code, ...value } = next;
    const expect = cell?.version ?? "absent";
    const put = { op: "put", cell: { space, key: code }, expect, value: JSON.stringify(value) } as const;
    // Nobody has an old copy of what is new.
    return stored === undefined ? [put] : [put, this.#tell(next)];
  }

  #remember(code: string): void {
    if (this.#complete.size >= knownMax) this.#complete.clear();
    this.#complete.add(code);
  }
}

function productOf(cell: Cell): Product {
  return { code: cell.key, ...(JSON.parse(cell.value) as Omit<Product, "code">) };
}
