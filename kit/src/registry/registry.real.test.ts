import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openAt, places } from "./places.test-engines.ts";
import { openRegistry } from "./registry.ts";

const program = join(import.meta.dirname, "instance.test-program.ts");

async function start(place: string, address: string): Promise<ChildProcess> {
  const child = fork(program, [place, address]);
  await once(child, "message");
  return child;
}

async function until(isMet: () => boolean, withinMs: number): Promise<number> {
  const startedMs = performance.now();
  while (!isMet()) {
    if (performance.now() - startedMs > withinMs) throw new Error(`not met within ${withinMs} ms`);
    await new Promise((next) => setTimeout(next, 5));
  }
  return performance.now() - startedMs;
}

test.for(places)(
  "processes on one $name see each other come, leave, die and come back from a freeze",
  { timeout: 60_000 },
  async ({ make }, context) => {
    await using place = await make(context);
    const children: ChildProcess[] = [];
    try {
      await using engine = await openAt(place.address);
      await using registry = await openRegistry({ engine, leaseMs: 2_000, pollMs: 100 });
      let addresses: readonly string[] = [];
      let ids: readonly string[] = [];
      using _ = registry.follow("orders@1", (endpoints) => {
        addresses = endpoints.map(({ address }) => address).toSorted();
        ids = endpoints.map(({ id }) => id);
      });
      for (const address of ["a", "b", "c"]) children.push(await start(place.address, address));
      const [killed, left, frozen] = children;
      await until(() => addresses.join() === "a,b,c", 5_000);

      killed?.kill("SIGKILL");
      // The lease that was renewed last may be as young as the kill.
      expect(await until(() => addresses.join() === "b,c", 3_000)).toBeLessThan(2_500);

      left?.kill("SIGTERM");
      expect(await until(() => addresses.join() === "c", 2_000)).toBeLessThan(1_000);

      const before = ids.join();
      frozen?.kill("SIGSTOP");
      await until(() => addresses.length === 0, 3_000);
      // Who follows may be ahead of the engine's clock by as long as the engine takes to answer.
      await new Promise((next) => setTimeout(next, 1_000));
      frozen?.kill("SIGCONT");
      await until(() => addresses.join() === "c", 3_000);
      expect(ids).toHaveLength(1);
      expect(ids.join()).not.toBe(before);
    } finally {
      for (const child of children) child.kill("SIGKILL");
    }
  },
);
