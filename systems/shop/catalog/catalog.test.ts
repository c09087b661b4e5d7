import { openMemoryEngine } from "ashlar/engine/memory";
import type { Engine } from "ashlar/engine";
import { expect, test } from "vitest";
import { Catalog, type Product } from "./catalog.ts";

const lamp: Product = { code: "LAMP", name: "Lamp", price: 25_000 };

async function withCatalog(
  run: (catalog: Catalog, told: readonly Product[], disk: Disk) => Promise<void>,
): Promise<void> {
  await using memory = await openMemoryEngine();
  const disk: Disk = { state: "sound" };
  const commit: Engine["commit"] = (...work) =>
    disk.state === "full" ? Promise.reject(new Error("the disk is full")) : memory.commit(...work);
  const engine = new Proxy(memory, { get: (target, name) => (name === "commit" ? commit : bound(target, name)) });
  const told: Product[] = [];
  const catalog = new Catalog(engine, (product) => {
    told.push(product);
    return { op: "put", cell: { space: "told", key: product.code }, expect: "any", value: product.name };
  });
  await run(catalog, told, disk);
}

interface Disk {
  state: "sound" | "full";
}

function bound(target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name);
  return typeof member === "function" ? (member.bind(target) as unknown) : member;
}

test("a product is kept as it was first seen, and a name is filled in once, when there was none", async () => {
  await withCatalog(async (catalog, told) => {
    await catalog.sight([
      { ...lamp, name: "" },
      { ...lamp, price: 1 },
    ]);
    expect(await catalog.find(["LAMP", "NONE"])).toEqual([lamp]);
    await catalog.sight([{ code: "JAR", name: "", price: 100 }]);
    await catalog.sight([{ code: "JAR", name: "Jar", price: 200 }]);
    await catalog.sight([{ code: "JAR", name: "Pot", price: 300 }]);
    expect(await catalog.find(["JAR"])).toEqual([{ code: "JAR", name: "Jar", price: 100 }]);
    expect(told).toEqual([{ code: "JAR", name: "Jar", price: 100 }]);
  });
});

test("a product that could not be written is written when it is seen again", async () => {
  await withCatalog(async (catalog, _told, disk) => {
    disk.state = "full";
    await expect(catalog.sight([lamp])).rejects.toThrow("the disk is full");
    disk.state = "sound";
    await catalog.sight([lamp]);
    expect(await catalog.find(["LAMP"])).toEqual([lamp]);
  });
});
