import type { Product } from "../catalog/mod.ts";
import { availableOf, stockDecider } from "../inventory/mod.ts";
import { isStocked } from "../product-code.ts";
import type { Shop } from "../shop.ts";
import type { ProductSummary, Storefront } from "./storefront.ts";

const companionsMax = 5;
/** A search looks at so many products at a time, and gives up behind so many: the next page goes on from there. */
const searchPage = 500;
const searchedMax = 20_000;

/** Products as a visitor sees them. Charges without stock are not for sale. */
export function productShelf(shop: Shop): Pick<Storefront, "products" | "product"> {
  const { catalog, store, analytics } = shop;
  return {
    async products({ search = "", after, limit }) {
      const wanted = search.toLowerCase();
      const items: ProductSummary[] = [];
      let last = after;
      for (let searched = 0; searched < searchedMax; searched += searchPage) {
        const products = await catalog.list({ after: last, limit: searchPage });
        for (const product of products) {
          last = product.code;
          if (isStocked(product.code) && matches(product, wanted)) items.push(summaryOf(product));
          if (items.length === limit) return { items, next: last };
        }
        if (products.length < searchPage) return { items };
      }
      return { items, next: last };
    },
    async product(code) {
      const product = isStocked(code) ? await catalog.find(code) : undefined;
      if (product === undefined) return undefined;
      const { state } = await store.load(stockDecider, code);
      const companions = analytics.boughtTogether(code, companionsMax).map(async ({ code, baskets }) => {
        return { code, name: (await catalog.find(code))?.name ?? "", orders: baskets };
      });
      return { ...summaryOf(product), available: availableOf(state), boughtTogether: await Promise.all(companions) };
    },
  };
}

function matches({ code, name }: Product, wanted: string): boolean {
  return code.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted);
}

function summaryOf({ code, name, price }: Product): ProductSummary {
  return { code, name, price: priceText(price) };
}

/** A price is kept in ten-thousandths of the currency; two decimals are shown, or as many as it has. */
function priceText(price: number): string {
  const digits = price.toString().padStart(5, "0");
  const decimals = digits.slice(-4).replace(/0{1,2}$/, "");
  return `${digits.slice(0, -4)}.${decimals.padEnd(2, "0")}`;
}
