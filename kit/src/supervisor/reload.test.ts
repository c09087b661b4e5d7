import { describe, expect, test } from "vitest";
import { ConfigError } from "../errors/mod.ts";
import { world } from "./fake-processes.test-world.ts";
import type { ChildDefinition } from "./mod.ts";

const orders: ChildDefinition = { name: "orders", module: "orders.ts" };

describe("a reload", () => {
  test("drains the old one only when the new one is ready and everybody goes by its address", async () => {
    const { clock, supervisor, last, log } = await world({ children: [orders, { name: "mail", module: "mail.ts" }] });
    const old = last("orders");
    last("mail").habits.answers = "nothing";
    const reloaded = supervisor.reload("orders");
    await clock.settle();
    const next = last("orders");
    expect(supervisor.table.entries[0]?.address).toBe(`host:${next.pid}`);
    expect(old.told.some(({ kind }) => kind === "drain")).toBe(false);
    last("mail").say({ kind: "seen", version: supervisor.table.version });
    await clock.settle();
    expect(await reloaded).toEqual({ outcome: "replaced", replaced: 1, reason: "" });
    expect([old.told.at(-1), old.kills, old.isAlive, next.isAlive]).toEqual([{ kind: "drain" }, [], false, true]);
    expect(log.slice(2)).toEqual(["start orders#0", "end orders#0"]);
    expect(supervisor.children[0]).toMatchObject({ state: "ready", pid: next.pid });
  });

  test("does not wait for ever for one who does not take the table", async () => {
    const { clock, supervisor, last } = await world({ children: [orders, { name: "mail", module: "mail.ts" }] });
    last("mail").habits.answers = "nothing";
    const reloaded = supervisor.reload("orders");
    await clock.advance(1_000);
    expect((await reloaded).outcome).toBe("replaced");
  });

  test("keeps the old one when the new one does not become ready", async () => {
    const { clock, supervisor, last, habits } = await world();
    const old = last("orders");
    const { version } = supervisor.table;
    habits.start = "never";
    const reloaded = supervisor.reload("orders");
    await clock.advance(2_000);
    expect(await reloaded).toEqual({ outcome: "kept", replaced: 0, reason: "was not ready within 2000 ms" });
    expect([old.isAlive, supervisor.table.version, supervisor.children[0]?.state]).toEqual([true, version, "ready"]);
  });

  test("rolls through the instances, and stops at the first that fails", async () => {
    const { supervisor, habits, log, states } = await world({ children: [{ ...orders, instances: 3 }] });
    expect(await supervisor.reload("orders")).toMatchObject({ outcome: "replaced", replaced: 3 });
    expect(log.slice(3)).toEqual(
      [0, 1, 2].flatMap((instance) => [`start orders#${instance}`, `end orders#${instance}`]),
    );
    habits.start = "exit";
    expect(await supervisor.reload("orders")).toMatchObject({ outcome: "kept", replaced: 0, reason: "exited with 1" });
    expect(states()).toEqual(["orders#0 ready", "orders#1 ready", "orders#2 ready"]);
  });

  test("is shared by calls at the same time", async () => {
    const { supervisor, started } = await world();
    const [first, second] = [supervisor.reload("orders"), supervisor.reload("orders")];
    expect(first).toBe(second);
    await first;
    expect(started).toHaveLength(2);
  });

  test("in which old and new die ends in a back-off", async () => {
    const { clock, supervisor, started, habits } = await world();
    habits.start = "never";
    const reloaded = supervisor.reload("orders");
    await clock.settle();
    started[0]?.die();
    await clock.settle();
    expect(supervisor.children[0]?.state).toBe("starting");
    started[1]?.die({ code: 3, signal: null });
    expect(await reloaded).toMatchObject({ outcome: "kept", reason: "exited with 3" });
    expect(supervisor.children[0]?.state).toBe("backing-off");
    habits.start = "ready";
    await clock.advance(200);
    expect([started.length, supervisor.children[0]?.state]).toEqual([3, "ready"]);
  });

  test("whose old process dies first is complete with the new one", async () => {
    const { clock, supervisor, started, habits } = await world();
    habits.start = "never";
    const reloaded = supervisor.reload("orders");
    await clock.settle();
    started[0]?.die();
    await clock.settle();
    started[1]?.say({ kind: "ready", address: "host:new" });
    await clock.settle();
    expect((await reloaded).outcome).toBe("replaced");
    expect(supervisor.children[0]).toMatchObject({ state: "ready", pid: 101, address: "host:new" });
    expect(started).toHaveLength(2);
  });

  test("kills an old one that does not drain", async () => {
    const { clock, supervisor, started } = await world();
    const [old] = started;
    if (old !== undefined) old.habits.leaves = "only by SIGKILL";
    const reloaded = supervisor.reload("orders");
    await clock.advance(500);
    expect([(await reloaded).outcome, old?.kills]).toEqual(["replaced", ["SIGKILL"]]);
  });

  test("of an unknown child is refused", async () => {
    const { supervisor } = await world();
    expect(() => supervisor.reload("ordres")).toThrow(ConfigError);
  });
});
