import { join } from "node:path";
import { seededRandom } from "ashlar/random";
import type { Running } from "ashlar/service";
import { expect, test } from "vitest";
import { writeMadeOrders } from "./made-orders.test-data.ts";
import { orderFile } from "./order-files.test-data.ts";
import type { ReplayOutcome } from "./replay/replay.ts";
import { runReplay, testFolder } from "./replay/replay.test-shop.ts";

const settings = { stock: "tight", faults: "some", seed: 11 } as const;
const limit = 700;

test(
  "a replay gives the same totals in one process, as if remote, in nine processes, and while one of nine is killed again and again",
  { timeout: 300_000 },
  async () => {
    using folder = testFolder();
    const file = orderFile("orders-2010-12.csv.gz") ?? madeFile(folder.path);
    const replay = (name: string, options: Parameters<typeof runReplay>[2]): Promise<ReplayOutcome> =>
      runReplay(join(folder.path, name), file, { settings, limit, ...options });
    const alone = await replay("one", {});
    expect(alone.totals.invariants.filter(({ ok }) => !ok)).toEqual([]);
    expect(Object.keys(alone.totals.orders.rejected).length).toBeGreaterThan(1);
    const remote = await replay("remote", { placement: { asIfRemote: 5 } });
    expect(remote.totals).toEqual(alone.totals);
    const spread = await replay("spread", { placement: { spread: "on" } });
    expect(spread.totals).toEqual(alone.totals);
    const killed = new Set<string>();
    const under = await replay("killed", { placement: { spread: "on" }, during: (shop) => killer(shop, killed) });
    expect(killed.size).toBeGreaterThan(1);
    expect(under.totals).toEqual(alone.totals);
  },
);

/** Kills a random process of the shop, the next 300 ms later (several in the shortest replay), eight times. */
function killer({ placement }: Running, killed: Set<string>): Disposable {
  if (placement.kind !== "several processes") throw new Error("it is spread");
  const { supervisor } = placement.spread;
  const random = seededRandom("victims");
  let kills = 0;
  const timer = setInterval(() => {
    const { name, pid, state } = random.pick(supervisor.children);
    if (kills === 8 || pid === undefined || state !== "ready") return;
    kills += 1;
    killed.add(name);
    process.kill(pid, "SIGKILL");
  }, 300);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function madeFile(folder: string): string {
  const path = join(folder, "orders.csv");
  writeMadeOrders(path, { invoices: limit, seed: 7 });
  return path;
}
