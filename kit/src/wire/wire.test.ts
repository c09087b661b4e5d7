import fc from "fast-check";
import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { wireClient } from "./client.ts";
import { channelPair, type TestChannel } from "./pair.test-wire.ts";
import type { WireHandlers } from "./requests.ts";
import { ServerPeer } from "./server-peer.ts";
import { wireRules } from "./settings.ts";
import { rejection, within, withWire } from "./world.test-wire.ts";

test("calls share one connection, and each gets its own answer", async () => {
  await withWire(async ({ client, pairs, seen }) => {
    const bodies = Array.from({ length: 100 }, (_, index) => ({ index, text: "ä\n\u2028" }));
    const answers = bodies.map((body) => client.call({ method: "echo", body, meta: { trace: "t" } }, within));
    expect(await Promise.all(answers)).toEqual(bodies);
    expect(pairs.length).toBe(1);
    expect(seen[0]).toMatchObject({ method: "echo", meta: { trace: "t" }, peer: "client" });
    expect(client).toMatchObject({ state: "open", server: "server", inFlight: 0 });
    // The name of the method is sent once, and the calls of one turn in few writes.
    expect(pairs[0]?.near.written.join("").match(/"echo"/g)?.length).toBe(1);
    expect(pairs[0]?.near.written.length).toBeLessThan(10);
  });
});

test("a refusal arrives as it was given, and a fault without its inside", async () => {
  await withWire(async ({ client }) => {
    expect(await rejection(client.call({ method: "refuse", body: 7 }, within))).toMatchObject({ reply: { why: 7 } });
    expect(await rejection(client.call({ method: "odd", body: 7 }, within))).toMatchObject({ code: "WIRE_REPLY" });
    expect(await rejection(client.call({ method: "break", body: 7 }, within))).toMatchObject({
      reply: "the handler failed",
    });
  });
});

test("a deadline and an abort release the caller, and the handler is told", async () => {
  await withWire(async ({ client, clock, seen }) => {
    const late = rejection(client.call({ method: "wait", body: 1 }, { withinMs: 20 }));
    const controller = new AbortController();
    const given = rejection(client.call({ method: "wait", body: 2 }, { withinMs: 5_000, signal: controller.signal }));
    await clock.settle();
    expect(seen.map(({ withinMs }) => withinMs)).toEqual([20, 5_000]);
    await clock.advance(20);
    expect(await late).toMatchObject({ code: "TIMEOUT", afterMs: 20 });
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await given).toBe(reason);
    await clock.settle();
    expect(seen.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(await rejection(client.call({ method: "echo", body: 1 }, { withinMs: 0 }))).toMatchObject({
      code: "TIMEOUT",
    });
    expect(await rejection(client.call({ method: "echo", body: 1 }, { ...within, signal: controller.signal }))).toBe(
      reason,
    );
    expect(seen.length).toBe(2);
  });
});

test("what was certainly not begun is not sent; what was under way is lost", async () => {
  await withWire(async ({ client, clock, pairs }) => {
    const waiting = rejection(client.call({ method: "wait", body: 1 }, within));
    await clock.settle();
    pairs[0]?.far.destroy();
    expect(await waiting).toMatchObject({ code: "WIRE", what: "lost" });
    expect(await client.call({ method: "echo", body: 2 }, within)).toBe(2);
    expect(pairs.length).toBe(2);
  });
});

test("frames are bounded both ways, and the connection goes on", async () => {
  await withWire(
    async ({ client }) => {
      expect(await rejection(client.call({ method: "echo", body: "x".repeat(2_000) }, within))).toMatchObject({
        what: "not sent",
      });
      const cyclic: unknown[] = [];
      cyclic.push(cyclic);
      expect(await rejection(client.call({ method: "echo", body: cyclic }, within))).toMatchObject({
        what: "not sent",
      });
      expect(await client.call({ method: "echo", body: "small" }, within)).toBe("small");
    },
    { client: { frameMax: 1_024 } },
  );
  await withWire(
    async ({ client, pairs }) => {
      expect(await client.call({ method: "echo", body: 1 }, within)).toBe(1);
      const large = rejection(client.call({ method: "echo", body: "x".repeat(2_000) }, within));
      expect(await large).toMatchObject({
        what: "not sent",
        message: expect.stringContaining("at most 1024 are taken"),
      });
      // Fits as a question and, with the words around it, not as an answer.
      expect(await rejection(client.call({ method: "grow", body: "x".repeat(600) }, within))).toMatchObject({
        code: "WIRE_REPLY",
      });
      expect(await client.call({ method: "echo", body: "small" }, within)).toBe("small");
      expect(pairs.length).toBe(1);
    },
    { server: { frameMax: 1_024 } },
  );
});

test("a frame that is too long ends the connection before it is kept", async () => {
  await withWire(
    async ({ client, clock, pairs, reasons }) => {
      const lost = rejection(client.call({ method: "wait", body: 1 }, within));
      await clock.settle();
      pairs[0]?.far.arrive("x".repeat(1_025));
      await clock.settle();
      expect(await lost).toMatchObject({ what: "lost" });
      expect(reasons[0]).toContain("at most 1024 are taken");
    },
    { server: { frameMax: 1_024 } },
  );
});

test("calls beyond the bound of either side are not sent", async () => {
  await withWire(
    async ({ client, clock }) => {
      const held = [1, 2].map((body) => rejection(client.call({ method: "wait", body }, within)));
      await clock.settle();
      expect(await rejection(client.call({ method: "echo", body: 3 }, within))).toMatchObject({ what: "not sent" });
      await clock.advance(1_000);
      await Promise.all(held);
      expect(await client.call({ method: "echo", body: 4 }, within)).toBe(4);
    },
    { server: { callsMax: 2 } },
  );
  await withWire(
    async ({ client, clock }) => {
      const held = rejection(client.call({ method: "wait", body: 1 }, within));
      await clock.settle();
      expect(await rejection(client.call({ method: "echo", body: 2 }, within))).toMatchObject({ what: "not sent" });
      await clock.advance(1_000);
      await held;
    },
    { client: { callsMax: 1 } },
  );
});

test("a draining server answers what it has begun, and loses nothing that it has not", async () => {
  await withWire(async ({ client, clock, servers, pairs }) => {
    const controller = new AbortController();
    const begun = rejection(client.call({ method: "wait", body: 1 }, { withinMs: 5_000, signal: controller.signal }));
    await clock.settle();
    servers[0]?.leave();
    // Sent before the goodbye has arrived.
    const crossing = rejection(client.call({ method: "echo", body: 2 }, within));
    expect(await crossing).toMatchObject({ what: "not sent" });
    expect(await client.call({ method: "echo", body: 3 }, within)).toBe(3);
    expect(pairs.length).toBe(2);
    expect(pairs[0]?.near.isClosed).toBe(false);
    controller.abort(new Error("done"));
    await begun;
    await clock.settle();
    expect(pairs[0]?.near.isClosed).toBe(true);
  });
});

test("a peer that is silent is asked, and taken for gone after as long again", async () => {
  await withWire(
    async ({ client, clock, pairs }) => {
      const waiting = rejection(client.call({ method: "wait", body: 1 }, { withinMs: 60_000 }));
      await clock.settle();
      await clock.advance(10_000);
      expect(client.state).toBe("open");
      const [pair] = pairs;
      if (pair === undefined) throw new Error("a connection was made");
      pair.far.way = "stuck";
      pair.near.way = "stuck";
      await clock.advance(3_000);
      expect(await waiting).toMatchObject({ what: "lost" });
    },
    { client: { silenceMs: 1_000 }, server: { silenceMs: 1_000 } },
  );
});

test("a deadline and an abort hold while the connection is being made", async () => {
  const clock = manualClock();
  const connect = (): TestChannel => channelPair().near;
  const random = seededRandom("slow");
  await using client = wireClient({ identity: "c", address: "there", clock, random, connect, handshakeMs: 5_000 });
  const late = rejection(client.call({ method: "echo", body: 1 }, { withinMs: 30 }));
  const controller = new AbortController();
  const given = rejection(client.call({ method: "echo", body: 1 }, { ...within, signal: controller.signal }));
  const reason = new Error("enough");
  controller.abort(reason);
  expect(await given).toBe(reason);
  await clock.advance(30);
  expect(await late).toMatchObject({ code: "TIMEOUT", afterMs: 30 });
  await clock.advance(5_000);
});

test("a server that never greets is given up, and the client pauses before it tries again", async () => {
  const clock = manualClock();
  let attempts = 0;
  const connect = (): TestChannel => (attempts++, channelPair().near);
  const random = seededRandom("pause");
  await using client = wireClient({ identity: "c", address: "there", clock, random, connect, handshakeMs: 100 });
  const first = rejection(client.call({ method: "echo", body: 1 }, within));
  await clock.advance(100);
  expect(await first).toMatchObject({ what: "not sent", message: expect.stringContaining("no handshake in time") });
  expect(client.state).toBe("pausing");
  expect(await rejection(client.call({ method: "echo", body: 1 }, within))).toMatchObject({ what: "not sent" });
  expect(attempts).toBe(1);
  await clock.advance(50);
  const second = rejection(client.call({ method: "echo", body: 1 }, within));
  await clock.advance(100);
  expect(await second).toMatchObject({ what: "not sent" });
  expect(attempts).toBe(2);
});

test("a full connection refuses what would wait without bound", async () => {
  await withWire(
    async ({ client, clock, pairs }) => {
      expect(await client.call({ method: "echo", body: 1 }, within)).toBe(1);
      const near = pairs[0]?.near;
      if (near === undefined) throw new Error("a connection was made");
      near.full = "full";
      const held: Promise<unknown>[] = [];
      for (let count = 0; count < 50; count++) {
        held.push(rejection(client.call({ method: "echo", body: "x".repeat(2_000) }, { withinMs: 60_000 })));
        await clock.settle();
      }
      const refused = rejection(client.call({ method: "echo", body: 1 }, within));
      expect(await refused).toMatchObject({
        what: "not sent",
        message: expect.stringContaining("waits to be written"),
      });
      near.drain();
      await clock.settle();
      expect(client.inFlight).toBe(0);
      expect(await client.call({ method: "echo", body: 2 }, within)).toBe(2);
    },
    { client: { waitingMax: 65_536 } },
  );
});

test("a server that cannot write stops reading until it can", async () => {
  await withWire(
    async ({ client, clock, pairs }) => {
      expect(await client.call({ method: "echo", body: 1 }, within)).toBe(1);
      const far = pairs[0]?.far;
      if (far === undefined) throw new Error("a connection was made");
      far.full = "full";
      const held: Promise<unknown>[] = [];
      for (let count = 0; count < 50; count++) {
        held.push(client.call({ method: "echo", body: "x".repeat(2_000) }, { withinMs: 60_000 }));
        await clock.settle();
      }
      expect(far.isPaused).toBe(true);
      expect(client.inFlight).toBeGreaterThan(0);
      far.drain();
      await clock.settle();
      expect(far.isPaused).toBe(false);
      expect(await Promise.all(held)).toHaveLength(50);
    },
    { server: { waitingMax: 65_536 } },
  );
});

test("whatever a stranger sends, its connection ends with a reason and nobody else notices", async () => {
  const strange = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constantFrom("GET / HTTP/1.1\r\n\r\n", '["ashlar-wire",2,"x"]\n', '["ashlar-wire",1]\n', "\n", "[]\n"),
    fc.array(fc.jsonValue()).map((frame) => JSON.stringify(frame)),
  );
  const afterGreeting = fc.tuple(
    fc.constantFrom("c", "s", "g", "x", "m", "r", "p", "q", "b", "?"),
    fc.array(fc.oneof(fc.integer({ min: -1, max: 3 }), fc.jsonValue()), { maxLength: 5 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(strange), fc.array(afterGreeting), async (texts, frames) => {
      const clock = manualClock();
      const handlers: WireHandlers = { call: async ({ body }) => body };
      const rules = wireRules({ identity: "server", clock, handshakeMs: 50 });
      let closed = 0;
      const server = (channel: TestChannel): ServerPeer =>
        new ServerPeer(channel, rules, { handlers, ended: () => void closed++ });
      const [rude, odd] = [channelPair(), channelPair()];
      server(rude.far);
      server(odd.far);
      for (const text of texts) rude.far.arrive(`${text}\n`);
      odd.far.arrive('["ashlar-wire",1,"odd",4096]\n');
      for (const [kind, rest] of frames) odd.far.arrive(`${JSON.stringify([kind, ...rest])}\n`);
      await clock.advance(60);
      expect(rude.far.isClosed).toBe(true);
      const good = channelPair();
      server(good.far);
      const random = seededRandom("good");
      await using client = wireClient({ identity: "good", address: "", clock, random, connect: () => good.near });
      expect(await client.call({ method: "echo", body: 1 }, within)).toBe(1);
    }),
    { numRuns: 60 },
  );
});

test("a client that is closed sends nothing more, and leaves no timer behind", async () => {
  const clock = manualClock();
  const pair = channelPair();
  const rules = wireRules({ identity: "server", clock });
  const handlers: WireHandlers = { call: async ({ body }) => body };
  const peer = new ServerPeer(pair.far, rules, { handlers, ended: () => undefined });
  const client = wireClient({
    identity: "c",
    address: "",
    clock,
    random: seededRandom("end"),
    connect: () => pair.near,
  });
  expect(await client.call({ method: "echo", body: 1 }, within)).toBe(1);
  await client[Symbol.asyncDispose]();
  await clock.settle();
  expect(await rejection(client.call({ method: "echo", body: 1 }, within))).toMatchObject({ what: "not sent" });
  expect(peer.inFlight).toBe(0);
  expect(clock.timersPending).toBe(0);
});
