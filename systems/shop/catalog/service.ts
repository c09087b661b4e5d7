import { bulkhead, fallback, pipeline, timeout, type Pipeline } from "ashlar/resilience";
import { engineToken, implement, type EngineToken, type Implementation } from "ashlar/service";
import { analytics, catalog, inventory } from "../contracts/mod.ts";
import { isStocked, productCode } from "../product-code.ts";
import { Catalog, type Product } from "./catalog.ts";

/** The file of the products. */
export const catalogFile: EngineToken = engineToken("catalog");

interface Own {
  readonly products: Catalog;
  /** Between this service and the figures of analytics. */
  readonly figures: Pipeline;
}

const companionsMax = 5;
/** A search looks at so many products at a time, and gives up behind so many: the next page goes on from there. */
const searchPage = 500;
const searchedMax = 20_000;

/** The catalog as a service. */
export function catalogService(): Implementation {
  return implement(catalog)({
    needs: { analytics, inventory },
    engine: catalogFile,
    open: ({ engine, emit, clock, random }): Own => ({
      products: new Catalog(engine, (product) => emit.changed(product)),
      // A page without recommendations is better than none, and slow figures must not hold up the shelf.
      figures: pipeline({
        name: "recommendations",
        semantics: "safe",
        layers: [
          fallback(() => ({ companions: [] })),
          bulkhead({ name: "recommendations", permits: 16, queueMax: 64, clock }),
          timeout(250),
        ],
        clock,
        random,
      }),
    }),
    calls: {
      list: ({ input, own }) => pageOf(own.products, input),
      async get({ input, own: { products, figures }, needs, fail }) {
        const code = productCode(input.code);
        const [product] = isStocked(code) ? await products.find([code]) : [];
        if (product === undefined) throw fail.noSuchProduct({ code });
        const [{ units }, { companions }] = await Promise.all([
          needs.inventory.available({ codes: [code] }),
          figures.run(({ signal }) => needs.analytics.boughtTogether({ code, limit: companionsMax }, { signal })),
        ]);
        const known = await products.find(companions.map((companion) => companion.code));
        const names = new Map(known.map((companion) => [companion.code, companion.name]));
        const boughtTogether = companions.map(({ code: other, baskets }) => {
          return { code: other, name: names.get(other) ?? "", orders: baskets };
        });
        return { ...summaryOf(product), available: units[0]?.available ?? 0, boughtTogether };
      },
      async find({ input, own }) {
        return { products: [...(await own.products.find(input.codes))] };
      },
      async sight({ input, own }) {
        await own.products.sight(input.products);
        return {};
      },
    },
  });
}

interface PageQuery {
  readonly search?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

type Summary = ReturnType<typeof summaryOf>;

/** Charges without stock are not for sale. */
async function pageOf(
  own: Catalog,
  { search = "", after, limit }: PageQuery,
): Promise<{ items: Summary[]; next?: string }> {
  const wanted = search.toLowerCase();
  const items: Summary[] = [];
  let last = after;
  for (let searched = 0; searched < searchedMax; searched += searchPage) {
    const products = await own.list({ after: last, limit: searchPage });
    for (const product of products) {
      last = product.code;
      if (isStocked(product.code) && matches(product, wanted)) items.push(summaryOf(product));
      if (items.length === limit) return { items, next: last };
    }
    if (products.length < searchPage) return { items };
  }
  return last === undefined ? { items } : { items, next: last };
}

function matches({ code, name }: Product, wanted: string): boolean {
  return code.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted);
}

function summaryOf({ code, name, price }: Product): {
  readonly code: string;
  readonly name: string;
  readonly price: string;
} {
  return { code, name, price: priceText(price) };
}

/** A price is kept in ten-thousandths of the currency; two decimals are shown, or as many as it has. */
function priceText(price: number): string {
  const digits = price.toString().padStart(5, "0");
  const decimals = digits.slice(-4).replace(/0{1,2}$/, "");
  return `${digits.slice(0, -4)}.${decimals.padEnd(2, "0")}`;
}
