import { expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { startNatsCluster } from "../../drivers/nats/cluster.test-nats.ts";
import { openNats } from "../../drivers/nats/mod.ts";
import { freshName, needsProgram } from "../../drivers/nats/server.test-nats.ts";
import { until } from "../../drivers/network.test-server.ts";
import { put } from "../sharing.test-engine.ts";
import { openJetStreamEngine } from "./mod.ts";

interface Standing {
  /** Its place among the servers. */
  readonly leader: number;
  /** Every copy has everything. */
  readonly isWhole: boolean;
}

async function standingOf(urls: readonly string[], stream: string): Promise<Standing> {
  await using connection = await openNats({ url: urls });
  const answer = await connection.request(`$JS.API.STREAM.INFO.${stream}`, "");
  const { cluster } = JSON.parse(new TextDecoder().decode(answer.data)) as {
    readonly cluster: { readonly leader: string; readonly replicas: readonly { readonly current: boolean }[] };
  };
  return { leader: Number(cluster.leader.slice(1)), isWhole: cluster.replicas.every(({ current }) => current) };
}

test(
  "replicated: with three replicas the loss of any one server, leader or not, and of its disk, loses nothing acknowledged and doubles nothing",
  { timeout: 300_000 },
  async (context) => {
    needsProgram(context);
    await using cluster = await startNatsCluster();
    const { urls, servers } = cluster;
    const stream = freshName();
    const common = { url: urls, stream, durability: "replicated", streamBytesMax: 33_554_432 } as const;
    await using engine = await openJetStreamEngine({ ...common, snapshotCommands: 50, busyMaxMs: 60_000 });
    expect(engine.can.durability).toBe("replicated");
    const kept: string[] = [];
    const enough = new AbortController();
    // One after the other, each with a key of its own: a second copy of one would be refused, and be seen as a gap.
    const writer = (async () => {
      for (let n = 0; !enough.signal.aborted; n++) {
        const key = `k${String(n).padStart(6, "0")}`;
        const result = await engine.commit([put(key)]);
        expect(result).toMatchObject({ committed: true });
        kept.push(key);
      }
    })();
    for (const victim of ["leader", "follower", "follower with its disk", "leader"]) {
      await systemClock.sleep(1_000);
      const { leader } = await standingOf(urls, stream);
      const index = victim === "leader" ? leader : (leader + 1) % 3;
      const before = kept.length;
      await servers[index]?.kill();
      // A cluster that has lost the leader of its leaders has none for up to half a minute.
      await until(() => kept.length > before + 20, 80_000);
      if (victim === "follower with its disk") cluster.wipe(index);
      await servers[index]?.start();
      await until(async () => (await standingOf(urls, stream).catch(() => undefined))?.isWhole === true, 60_000);
    }
    enough.abort();
    await writer;
    // Somebody who was never there sees all of it, once.
    await using other = await openJetStreamEngine(common);
    const cells = await Array.fromAsync(other.scan({ kind: "cells", space: "s" }));
    expect(cells.map(({ key }) => key).toSorted()).toEqual(kept);
  },
);

test("who opens the engine while a cluster has no majority waits for it", { timeout: 120_000 }, async (context) => {
  needsProgram(context);
  await using cluster = await startNatsCluster();
  const common = {
    url: cluster.urls,
    stream: freshName(),
    durability: "replicated",
    streamBytesMax: 33_554_432,
  } as const;
  await using engine = await openJetStreamEngine(common);
  expect(await engine.commit([put("before")])).toMatchObject({ committed: true });
  const [first, second] = cluster.servers;
  await first?.kill();
  await second?.kill();
  // Its first question is given up after ten seconds, and nobody has answered it by then.
  const opening = openJetStreamEngine({ ...common, busyMaxMs: 30_000 });
  await systemClock.sleep(3_000);
  await first?.start();
  await using other = await opening;
  const [cell] = await other.get([{ space: "s", key: "before" }]);
  expect(cell).toBeDefined();
});
