import type { Cell, Change, Engine } from "ashlar/engine";
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
  readonly #complete = new Set<string>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async find(code: string): Promise<Product | undefined> {
    const [cell] = await this.#engine.get([{ space, key: code }]);
    return cell === undefined ? undefined : productOf(cell);
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

  /** What the sight of products adds to the caller's commit. Refused there (`cell-conflict`) when another process was first. */
  async sighted(seen: readonly Product[]): Promise<readonly Change[]> {
    const fresh = new Map<string, Product>();
    for (const product of seen) {
      if (this.#complete.has(product.code)) continue;
      const known = fresh.get(product.code);
      if (known === undefined || known.name === "")
        fresh.set(product.code, known === undefined ? product : { ...known, name: product.name });
    }
    if (fresh.size === 0) return [];
    const cells = await this.#engine.get(Array.from(fresh.keys(), (key) => ({ space, key })));
    return Array.from(fresh.values()).flatMap((product, index) => this.#change(product, cells[index]));
  }

  /** Forgets what it believes to be stored; after a commit that was refused. */
  forget(): void {
    this.#complete.clear();
  }

  #change(product: Product, cell: Cell | undefined): readonly Change[] {
    const stored = cell === undefined ? undefined : productOf(cell);
    const next = { ...(stored ?? product), name: stored?.name || product.name };
    if (next.name !== "") this.#remember(product.code);
    if (stored !== undefined && stored.name === next.name) return [];
    const { code, ...value } = next;
    return [{ op: "put", cell: { space, key: code }, expect: cell?.version ?? "absent", value: JSON.stringify(value) }];
  }

  #remember(code: string): void {
    if (this.#complete.size >= knownMax) this.#complete.clear();
    this.#complete.add(code);
  }
}

function productOf(cell: Cell): Product {
  return { code: cell.key, ...(JSON.parse(cell.value) as Omit<Product, "code">) };
}
