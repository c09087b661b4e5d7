import { expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { manualClock } from "../clock/mod.ts";
import { ClientPeer } from "./client-peer.ts";
import { Lines } from "./lines.ts";
import { channelPair, type Pair } from "./pair.test-wire.ts";
import type { WireHandlers } from "./requests.ts";
import { ServerPeer } from "./server-peer.ts";
import { wireRules } from "./settings.ts";
import { rejection, within, withWire } from "./world.test-wire.ts";

/** A server on one end; the other end is in the test's hand. */
function strangerAt(handlers: Partial<WireHandlers>, settings: { waitingMax?: number; callsMax?: number } = {}) {
  const clock = manualClock();
  const pair: Pair = channelPair();
  const rules = wireRules({ identity: "server", clock, waitingMax: 65_536, ...settings });
  const call: WireHandlers["call"] = async ({ body }) => body;
  const peer = new ServerPeer(pair.far, rules, { handlers: { call, ...handlers }, ended: () => undefined });
  const say = (...frames: readonly unknown[]): void =>
    pair.far.arrive(frames.map((frame) => `${JSON.stringify(frame)}\n`).join(""));
  say(["ashlar-wire", 1, "stranger", 4_194_304], ["m", 0, "method"]);
  return { clock, peer, say, far: pair.far };
}

test("a server that says goodbye while its text waits still sends what it has answered", async () => {
  await withWire(
    async ({ client, clock, pairs, servers }) => {
      expect(await client.call({ method: "echo", body: 1 }, within)).toBe(1);
      const far = pairs[0]?.far;
      if (far === undefined) throw new Error("a connection was made");
      far.full = "full";
      const held: Promise<unknown>[] = [];
      for (const body of ["first", "second", "third"]) {
        held.push(client.call({ method: "echo", body }, within).catch((error: unknown) => error));
        await clock.settle();
      }
      servers[0]?.leave();
      await clock.settle();
      far.drain();
      await clock.settle();
      expect(await Promise.all(held)).toEqual(["first", "second", "third"]);
      await clock.settle();
      expect(far.isClosed).toBe(true);
    },
    { server: { waitingMax: 65_536 } },
  );
});

test("a reader who grants more than he reads is sent no more than may wait", async () => {
  let made = 0;
  let ended = "no";
  const { clock, say, far, peer } = strangerAt({
    async *stream() {
      try {
        for (; made < 10_000; made++) yield "x".repeat(1_000);
      } finally {
        ended = "yes";
      }
    },
  });
  await clock.settle();
  far.full = "full";
  say(["s", 1, 0, 9_000_000, {}]);
  await clock.settle();
  expect(made).toBeLessThan(200);
  far.full = "taken";
  far.drain();
  await clock.settle();
  expect(made).toBe(10_000);
  expect(ended).toBe("yes");
  expect(peer.inFlight).toBe(0);
});

test("a reader who goes away while the server cannot write ends the handler", async () => {
  let ended = "no";
  const { clock, say, far } = strangerAt({
    async *stream() {
      try {
        while (true) yield "x".repeat(1_000);
      } finally {
        ended = "yes";
      }
    },
  });
  await clock.settle();
  far.full = "full";
  say(["s", 1, 0, 9_000_000, {}]);
  await clock.settle();
  far.destroy();
  await clock.settle();
  expect(ended).toBe("yes");
});

test("who asks without reading is not answered without bound", async () => {
  const { clock, say, far } = strangerAt({ call: () => new Promise(() => undefined) }, { callsMax: 1 });
  await clock.settle();
  far.full = "full";
  let sent = 0;
  for (let round = 0; round < 100 && !far.isPaused; round++) {
    for (let count = 0; count < 100; count++) say(["p"], ["c", ++sent, 0, 60_000, {}]);
    await clock.settle();
  }
  expect(far.isPaused).toBe(true);
  expect(sent).toBeLessThan(5_000);
});

test("a stream whose item is too large leaves nothing behind that a goodbye would wait for", async () => {
  const large = gate();
  await withWire(
    async ({ client, clock, servers, pairs }) => {
      const read = rejection(Array.fromAsync(client.stream({ method: "large", body: 0 }, {})));
      await clock.settle();
      servers[0]?.leave();
      await clock.settle();
      large.open();
      expect(await read).toMatchObject({ code: "WIRE_REPLY" });
      await clock.settle();
      expect(pairs[0]?.far.isClosed).toBe(true);
    },
    {
      server: { frameMax: 1_024 },
      async *stream() {
        yield "small";
        await large.promise;
        yield "x".repeat(2_000);
      },
    },
  );
});

test("a server that sends more items than it has credit for ends the connection", async () => {
  await withWire(
    async ({ client, clock, pairs }) => {
      const items = client.stream({ method: "numbers", body: 0 }, {});
      expect(await items.next()).toMatchObject({ value: 1 });
      const near = pairs[0]?.near;
      for (let count = 0; count < 10_000; count++) near?.arrive('["i",1,"more"]\n');
      await clock.settle();
      expect(near?.isClosed).toBe(true);
      const rest = await rejection(Array.fromAsync(items));
      expect(rest).toMatchObject({ what: "lost", message: expect.stringContaining("credit") });
    },
    {
      async *stream() {
        yield 1;
        await new Promise(() => undefined);
      },
    },
  );
});

test("a call without a limit of time harms nobody on its connection", async () => {
  await withWire(async ({ client, seen }) => {
    const other = client.call({ method: "echo", body: 1 }, within).catch((error: unknown) => error);
    expect(await client.call({ method: "echo", body: 2 }, { withinMs: Infinity })).toBe(2);
    expect(await other).toBe(1);
    expect(seen.at(-1)?.withinMs).toBeGreaterThan(1e12);
  });
});

test("a signal that was aborted in the turn in which the connection was made is heeded", async () => {
  const clock = manualClock();
  const { near } = channelPair();
  const told = { opened: () => undefined, leaving: () => undefined, closed: () => undefined };
  const peer = new ClientPeer(near, wireRules({ identity: "client", clock }), told);
  near.arrive('["ashlar-wire",1,"server",4194304]\n');
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  expect(await rejection(peer.call({ method: "echo", body: 1 }, { ...within, signal }))).toBe(reason);
  expect(() => peer.stream({ method: "echo", body: 1 }, signal)).toThrow(reason);
  expect(peer.inFlight).toBe(0);
});

test("what a server makes of an error may itself fail, and its caller is answered all the same", async () => {
  for (const refuse of [
    () => {
      throw new Error("no words");
    },
    () => 10n,
  ]) {
    const { clock, say, far } = strangerAt({ call: () => Promise.reject(new Error("secret")), refuse });
    say(["c", 1, 0, 1_000, {}]);
    await clock.settle();
    expect(far.written.join("")).toMatch(/\["e",1,(?:null|"the handler failed")\]/);
  }
});

test("what is undefined arrives as undefined, asked, answered, and as an item", async () => {
  await withWire(
    async ({ client, seen }) => {
      expect(await client.call({ method: "echo", body: undefined, meta: { trace: "t" } }, within)).toBeUndefined();
      expect(seen[0]).toMatchObject({ body: undefined, meta: { trace: "t" } });
      expect(await client.call({ method: "echo", body: null }, within)).toBeNull();
      expect(await Array.fromAsync(client.stream({ method: "two", body: undefined }, {}))).toEqual([undefined, null]);
    },
    {
      async *stream({ body }) {
        yield body;
        yield null;
      },
    },
  );
});

test("a long line that comes in small pieces costs no more than one that comes at once", () => {
  const lines = new Lines(1_000_000);
  for (let count = 0; count < 300_000; count++) expect(lines.push("x").length).toBe(0);
  expect(lines.push("y\nz")).toEqual([`${"x".repeat(300_000)}y`]);
  expect(lines.push("\n")).toEqual(["z"]);
});
