import { describe, expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import type { ChildListener, ChildPort } from "./child-port.ts";
import { type SupervisedChild, supervisedChild, type SupervisedChildOptions } from "./mod.ts";
import { fromChild, toChild } from "./protocol.ts";

class FakeParent implements ChildPort {
  identity: ChildPort["identity"] = { name: "orders", instance: 2 };
  readonly told: object[] = [];
  readonly exits: number[] = [];
  listener: ChildListener | undefined;
  isThere = true;

  send(message: object): "sent" | "alone" {
    if (!this.isThere) return "alone";
    this.told.push(message);
    return "sent";
  }

  listen(listener: ChildListener): Disposable {
    this.listener = listener;
    return { [Symbol.dispose]: () => void (this.listener = undefined) };
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  say(message: unknown): void {
    this.listener?.message(message);
  }
}

function child(
  options: SupervisedChildOptions = {},
  parent = new FakeParent(),
): { child: SupervisedChild; parent: FakeParent; clock: ManualClock } {
  const clock = manualClock();
  return { child: supervisedChild({ process: parent, clock, ...options }), parent, clock };
}

describe("a supervised child", () => {
  test("says hello, answers pings, says where it is ready, and passes messages", () => {
    const bodies: unknown[] = [];
    const { child: self, parent } = child();
    self.onMessage((body) => bodies.push(body));
    parent.say({ kind: "ping" });
    self.ready("127.0.0.1:4000");
    self.ready();
    self.send({ n: 1 });
    parent.say({ kind: "message", body: "go" });
    expect([self.identity, bodies]).toEqual([{ name: "orders", instance: 2 }, ["go"]]);
    expect(parent.told).toEqual([
      { kind: "hello" },
      { kind: "heartbeat" },
      { kind: "ready", address: "127.0.0.1:4000" },
      { kind: "ready", address: undefined },
      { kind: "message", body: { n: 1 } },
    ]);
    expect(() => self.ready("")).toThrow(ConfigError);
  });

  test("goes by the newest table, and says so only after its listeners have it", () => {
    const { child: self, parent } = child();
    const versions: number[] = [];
    const order: string[] = [];
    const entries = [{ name: "stock", instance: 0, address: "host:1" }];
    using listening = self.onTable(({ version }) => {
      versions.push(version);
      order.push(parent.told.some((message) => "version" in message && message.version === version) ? "late" : "first");
    });
    parent.say({ kind: "table", version: 2, entries });
    parent.say({ kind: "table", version: 1, entries: [] });
    expect([self.table, versions, order]).toEqual([{ version: 2, entries }, [2], ["first"]]);
    expect(parent.told.slice(1)).toEqual([
      { kind: "seen", version: 2 },
      { kind: "seen", version: 1 },
    ]);
    self.onTable(({ version }) => versions.push(version));
    listening[Symbol.dispose]();
    parent.say({ kind: "table", version: 3, entries: [] });
    expect(versions).toEqual([2, 2, 3]);
  });

  test("ignores and counts what it does not know", () => {
    const { child: self, parent } = child();
    for (const strange of [undefined, 1, { kind: "explode" }, { kind: "table", version: 1, entries: [{ name: "x" }] }])
      parent.say(strange);
    expect([self.ignoredMessages, self.table.version, parent.exits]).toEqual([4, 0, []]);
  });

  test("drains once, whoever asks, and exits with 0 after it", async () => {
    const reasons: string[] = [];
    const drained = gate();
    const onDrain = (reason: string): Promise<void> => (reasons.push(reason), drained.promise);
    const { child: self, parent, clock } = child({ onDrain });
    parent.say({ kind: "drain" });
    parent.listener?.signal?.();
    parent.say({ kind: "drain" });
    await clock.settle();
    expect([reasons, self.draining.aborted, parent.exits]).toEqual([["drain"], true, []]);
    drained.open();
    await clock.settle();
    expect(parent.exits).toEqual([0]);
  });

  test("exits with 1 when its drain fails", async () => {
    const { parent, clock } = child({ onDrain: () => Promise.reject(new Error("stuck")) });
    parent.listener?.signal?.();
    await clock.settle();
    expect(parent.exits).toEqual([1]);
  });

  test("leaves when its supervisor dies, at the latest after its grace", async () => {
    const reasons: string[] = [];
    const { parent, clock } = child({
      orphanGraceMs: 300,
      onDrain: (reason) => (reasons.push(reason), gate().promise),
    });
    parent.listener?.disconnect();
    await clock.advance(299);
    expect([reasons, parent.exits]).toEqual([["orphaned"], []]);
    await clock.advance(1);
    expect(parent.exits).toEqual([1]);
  });

  test("is held to that grace also when it was draining already", async () => {
    const { parent, clock } = child({ orphanGraceMs: 300, onDrain: () => gate().promise });
    parent.say({ kind: "drain" });
    parent.listener?.disconnect();
    await clock.advance(300);
    expect(parent.exits).toEqual([1]);
  });

  test("leaves at once when its supervisor was dead before it began", async () => {
    const parent = new FakeParent();
    parent.isThere = false;
    const { clock } = child({}, parent);
    await clock.settle();
    expect(parent.exits).toEqual([0]);
  });

  test("leaves signals alone when it is told to", () => {
    const { parent } = child({ signals: "leave" });
    expect(parent.listener?.signal).toBeUndefined();
  });

  test("without a supervisor does nothing, so that the program runs alone", () => {
    const parent = new FakeParent();
    parent.identity = undefined;
    parent.isThere = false;
    const { child: self } = child({}, parent);
    self.ready("host:1");
    expect([self.identity, self.send(1), parent.listener, parent.exits]).toEqual([undefined, "alone", undefined, []]);
  });

  test("takes its listeners and timers away when disposed", () => {
    const { child: self, parent, clock } = child({ onDrain: () => gate().promise });
    parent.listener?.disconnect();
    self[Symbol.dispose]();
    expect([parent.listener, clock.timersPending]).toEqual([undefined, 0]);
  });
});

test("each side reads what the other writes", () => {
  for (const message of [
    { kind: "hello" },
    { kind: "heartbeat" },
    { kind: "ready", address: "host:1" },
    { kind: "ready", address: undefined },
    { kind: "seen", version: 3 },
    { kind: "message", body: [1] },
  ])
    expect(fromChild(JSON.parse(JSON.stringify(message)))).toEqual(message);
  for (const message of [
    { kind: "ping" },
    { kind: "drain" },
    { kind: "table", version: 1, entries: [{ name: "a", instance: 0, address: "b" }] },
    { kind: "message", body: null },
  ])
    expect(toChild(JSON.parse(JSON.stringify(message)))).toEqual(message);
});
