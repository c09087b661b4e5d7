import { expect, test } from "vitest";
import { z } from "zod";
import type { ManualClock } from "../clock/mod.ts";
import { call, contract, event } from "../contract/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { implement } from "./implement.ts";
import { testEngine, withServices } from "./one-service.test-system.ts";

const bakers = contract("bakers", {});

function mill(data: z.ZodObject<{ grain: z.ZodString; weight: z.ZodType }>) {
  const mills = contract("mills", {
    calls: { grind: call({ input: z.object({ weight: z.unknown() }), output: z.object({}) }) },
    events: { ground: event({ data, key: "grain" }) },
  });
  const heard: unknown[] = [];
  const millsService = implement(mills)({
    engine: testEngine,
    calls: {
      async grind({ input, engine, emit }) {
        const end = await engine.commit([emit.ground({ grain: "rye", weight: input.weight })]);
        if (!end.committed) throw new Error(end.refusal.kind);
        return {};
      },
    },
  });
  const bakersService = implement(bakers)({
    needs: { mills },
    engine: testEngine,
    on: { mills: { ground: ({ data: flour }) => void heard.push(flour) } },
  });
  return { mills, services: [millsService, bakersService], heard };
}

test("an event whose schema would change it again at its subscribers is refused to who emits it", async () => {
  const grain = z.string();
  for (const weight of [z.string().transform(Number), z.string().transform((text) => `${text} kg`)]) {
    const { mills, services, heard } = mill(z.object({ grain, weight }));
    await withServices(services, async ({ running, clock, lines }) => {
      for (let count = 0; count < 2; count++)
        await expect(running.client(mills).grind({ weight: "25" })).rejects.toMatchObject({ code: "FAULT" });
      await clock.advance(5_000);
      expect(heard).toEqual([]);
      expect(JSON.stringify(lines)).toContain("a schema that keeps what it gave");
    });
  }
});

test("an event is heard as its schema gives it: defaults filled, texts read as dates", async () => {
  const { mills, services, heard } = mill(
    z.object({ grain: z.string(), weight: z.coerce.date(), note: z.string().trim().default("none") }),
  );
  await withServices(services, async ({ running, clock }) => {
    await running.client(mills).grind({ weight: "2026-01-01T00:00:00.000Z" });
    await clock.advance(5_000);
    expect(heard).toEqual([{ grain: "rye", weight: new Date("2026-01-01T00:00:00.000Z"), note: "none" }]);
  });
});

test("events that nobody here handles are passed over, and counted as heard", async () => {
  const mills = contract("mills", {
    calls: { sweep: call({ input: z.object({}), output: z.object({}) }) },
    events: { swept: event({ data: z.object({}) }), ground: event({ data: z.object({ grain: z.string() }) }) },
  });
  const inns = contract("inns", {
    calls: { heard: call({ input: z.object({}), output: z.object({ through: z.int(), waiting: z.int() }) }) },
  });
  const grains: string[] = [];
  const millsService = implement(mills)({
    engine: testEngine,
    calls: {
      async sweep({ engine, emit }) {
        for (const told of [emit.swept({}), emit.ground({ grain: "rye" }), emit.swept({})]) await engine.commit([told]);
        return {};
      },
    },
  });
  const innsService = implement(inns)({
    needs: { mills },
    engine: testEngine,
    calls: { heard: ({ heard }) => heard("mills") },
    on: { mills: { ground: ({ data }) => void grains.push(data.grain) } },
  });
  await withServices([millsService, innsService], async ({ running, clock }) => {
    await running.client(mills).sweep({});
    await clock.advance(5_000);
    expect(grains).toEqual(["rye"]);
    expect(await running.client(inns).heard({})).toEqual({ through: 3, waiting: 0 });
  });
});

test("a subscriber says so when the publisher's log ends before what it has heard, and goes on when it does not", async () => {
  const { mills, services, heard } = mill(z.object({ grain: z.string(), weight: z.string() }));
  let lost = 0;
  const engine = async (clock: ManualClock): Promise<Engine> => {
    const memory = await openMemoryEngine({ clock });
    const read = memory.read.bind(memory);
    const shorter: Engine["read"] = async (request) => {
      const page = await read(request);
      return lost === 0 ? page : { events: [], through: request.after, head: page.head - lost };
    };
    return Object.assign(memory, { read: shorter });
  };
  await withServices(
    services,
    async ({ running, clock, lines }) => {
      await running.client(mills).grind({ weight: "25" });
      await running.client(mills).grind({ weight: "30" });
      await clock.advance(5_000);
      expect(JSON.stringify(lines)).not.toContain("EVENTS_LOST");
      lost = 1;
      await clock.advance(5_000);
      const line = JSON.stringify(lines.find((one) => JSON.stringify(one).includes("EVENTS_LOST")));
      expect(line).toContain("up to 2, and the log of its publisher ends at 1");
      lost = 0;
      await running.client(mills).grind({ weight: "35" });
      await clock.advance(5_000);
      expect(heard).toHaveLength(3);
    },
    { engine },
  );
});

test("an event that is in hand whenever a process is killed is handled all the same", async () => {
  const { mills, services, heard } = mill(z.object({ grain: z.string(), weight: z.string() }));
  const killsMax = 12;
  let kills = 0;
  // What a killed process was handed out comes back behind its lease.
  const engine = async (clock: ManualClock): Promise<Engine> => {
    const memory = await openMemoryEngine({ clock });
    const handOut = memory.claim.bind(memory);
    const claim: Engine["claim"] = async (request) => {
      const result = await handOut(request);
      if (result.claims.length === 0 || kills === killsMax) return result;
      kills += 1;
      return { claims: [], nextDueAtMs: clock.now() + request.leaseMs };
    };
    return Object.assign(memory, { claim });
  };
  await withServices(
    services,
    async ({ running, clock }) => {
      await running.client(mills).grind({ weight: "25" });
      for (let minute = 0; minute < 20; minute++) await clock.advance(60_000);
      expect(kills).toBe(killsMax);
      expect(heard).toEqual([{ grain: "rye", weight: "25" }]);
    },
    { engine },
  );
});
