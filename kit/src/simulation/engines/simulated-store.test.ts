import { expect, test } from "vitest";
import { type NodeHost, world } from "../mod.ts";
import { SimulatedStore } from "./mod.ts";

test("what a process asked of a slow store before it died has arrived when arrived() says so", async () => {
  const here = world({ seed: 1 });
  const store = new SimulatedStore(here);
  const key = { space: "cells", key: "a" };
  const asks = async (host: NodeHost): Promise<void> => {
    const engine = await store.open(host);
    store.setFaults("clerk", { delayMaxMs: 2_000 });
    void engine.commit([{ op: "put", cell: key, expect: "any", value: "asked" }]);
  };
  const clerk = here.node("clerk", { start: asks });
  await here.run(async () => {
    await store.node.start();
    await store.arrived();
    const engine = await store.engine;
    await clerk.start();
    clerk.crash("process");
    expect(await engine.get([key])).toEqual([undefined]);
    await store.arrived();
    expect(await engine.get([key])).toMatchObject([{ value: "asked" }]);
  });
});
