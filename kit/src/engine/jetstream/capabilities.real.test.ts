import { describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../clock/mod.ts";
import { absent, serverUrl } from "../../drivers/nats/server.test-nats.ts";
import { exerciseQueue } from "../../queue/conformance/mod.ts";
import { openRegistry } from "../../registry/mod.ts";
import { waitedFor } from "../waited-for.test-engine.ts";
import { fixtureOn } from "./data.test-engine.ts";

const openFixture = fixtureOn(() => serverUrl);

async function openFresh({ clock }: { readonly clock: Clock }) {
  const { engine, openAnother, dispose } = await openFixture({ clock });
  const another = async () => waitedFor((await openAnother?.()) ?? engine, clock);
  // Opened before it is asked for: while time flows, a connection to a server would take a lease's worth of it.
  const spares = [await another()];
  return { engine: waitedFor(engine, clock), openAnother: async () => spares.pop() ?? (await another()), dispose };
}

const why = await absent();

describe.skipIf(why !== undefined)(`JetStream ${why ?? ""}`, { timeout: 60_000 }, () => {
  exerciseQueue("jetstream", openFresh, { test });

  test("registry: instances see each other come and leave, and one whose process is gone is out within its lease", async () => {
    const { engine, openAnother, dispose } = await openFresh({ clock: systemClock });
    const gone = await openAnother();
    try {
      await using registry = await openRegistry({ engine, leaseMs: 1_000, pollMs: 100 });
      await using leaving = await openRegistry({ engine, leaseMs: 1_000, pollMs: 100 });
      const lost = await openRegistry({ engine: gone, leaseMs: 1_000, pollMs: 100 });
      let seen = "";
      using _ = registry.follow("orders@1", (endpoints) => {
        seen = endpoints
          .map(({ address }) => address)
          .toSorted()
          .join();
      });
      const services = [{ name: "orders@1", hash: "h" }];
      const announced = await leaving.announce({ address: "a:1", services });
      await lost.announce({ address: "b:1", services });
      await until(() => seen === "a:1,b:1");
      await announced[Symbol.asyncDispose]();
      await until(() => seen === "b:1");
      // Its engine is closed under it: nobody renews the lease, and nobody takes the instance out.
      await gone[Symbol.asyncDispose]();
      await until(() => seen === "");
      await expect(lost[Symbol.asyncDispose]()).rejects.toMatchObject({ code: "DISPOSED" });
    } finally {
      await dispose();
    }
  });
});

async function until(isMet: () => boolean): Promise<void> {
  for (let waitedMs = 0; !isMet(); waitedMs += 10) {
    if (waitedMs > 5_000) throw new Error("not met within 5 s");
    await systemClock.sleep(10);
  }
}
