import fc from "fast-check";
import { expect, test } from "vitest";
import type { Algorithm, Endpoint, Outcome, Picked } from "./mod.ts";
import { testSet } from "./world.test-set.ts";

const kinds = [
  "peak-ewma",
  "two-choices",
  "least-requests",
  "round-robin",
  "hash",
  "rendezvous",
  "maglev",
  "sticky",
] as const;
const ids = ["a", "b", "c", "d", "e"];

const endpoint = fc.record({
  id: fc.constantFrom(...ids),
  address: fc.constantFrom("http://one", "http://two"),
  weight: fc.constantFrom(1, 2, 5),
  zone: fc.constantFrom("east", "west"),
  load: fc.constantFrom(undefined, 0.1, 0.9),
  state: fc.constantFrom("up", "up", "up", "draining", "down"),
});
const update = fc.record({
  kind: fc.constant("update" as const),
  endpoints: fc.uniqueArray(endpoint, { selector: ({ id }) => id }),
});
const pick = fc.record({
  kind: fc.constant("pick" as const),
  key: fc.option(fc.constantFrom("ada", "bob"), { nil: undefined }),
  except: fc.subarray(ids, { maxLength: 2 }),
  zone: fc.constantFrom(undefined, "east", "north"),
});
const end = fc.record({
  kind: fc.constant("end" as const),
  at: fc.nat(20),
  outcome: fc.constantFrom("ok", "error", "error", "cancelled"),
});
const mark = fc.record({
  kind: fc.constant("mark" as const),
  id: fc.constantFrom(...ids),
  health: fc.constantFrom("healthy", "unhealthy"),
});
const wait = fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 5_000, 40_000) });
const operations = fc.array(
  fc.oneof({ weight: 5, arbitrary: pick }, { weight: 5, arbitrary: end }, update, mark, wait),
  {
    maxLength: 60,
  },
);

test.each(kinds)("whatever happens, picks are allowed ones and the counts add up (%s)", (kind) => {
  const algorithm: Algorithm = kind === "maglev" ? { kind, tableSize: 251 } : { kind };
  fc.assert(
    fc.property(operations, (steps) => {
      let nowMs = 0;
      const clock = { now: () => nowMs, monotonic: () => nowMs };
      const { set } = testSet(
        { algorithm, clock, zone: "west", ejection: { consecutiveErrors: 1, shareMax: 0.5 } },
        [],
      );
      let open: Picked[] = [];
      // Picks whose stay is over; they are still to be done, and must change nothing.
      const gone = new Set<Picked>();
      for (const step of steps) {
        if (step.kind === "wait") nowMs += step.ms;
        else if (step.kind === "update") replace(step.endpoints);
        else if (step.kind === "mark") set.mark(step.id, step.health);
        else if (step.kind === "end") finish(open[step.at % Math.max(1, open.length)], step.outcome);
        else takeAllowed(step);
        checkInvariants();
      }

      function replace(endpoints: readonly Endpoint[]): void {
        for (const each of open) {
          const next = endpoints.find(({ id }) => id === each.endpoint.id);
          if (next?.address !== each.endpoint.address) gone.add(each);
        }
        set.update(endpoints);
      }

      function finish(ended: Picked | undefined, outcome: Outcome): void {
        ended?.done(outcome);
        open = open.filter((each) => each !== ended);
      }

      function takeAllowed(request: { key: string | undefined; except: string[]; zone: string | undefined }): void {
        const { endpoints, mode } = set.describe();
        const free = endpoints.filter(
          ({ state, health, ejectedUntilMs }) =>
            state === "up" && (mode === "panic" || (health !== "unhealthy" && ejectedUntilMs === undefined)),
        );
        const allowed = free.filter(({ id }) => !request.except.includes(id)).map(({ id }) => id);
        const picked = set.pick(request);
        if (picked.kind === "none") {
          expect(allowed).toEqual([]);
          return;
        }
        open.push(picked);
        const { id, state } = picked.endpoint;
        const isBound = kind === "sticky" && request.key !== undefined && state === "draining";
        if (!isBound) expect(allowed).toContain(id);
        expect(request.except).not.toContain(id);
      }

      function checkInvariants(): void {
        const { endpoints, inFlight } = set.describe();
        expect(endpoints.reduce((sum, each) => sum + each.inFlight, 0)).toBe(inFlight);
        for (const each of endpoints) expect(each.inFlight).toBeGreaterThanOrEqual(0);
        expect(inFlight).toBe(open.filter((each) => !gone.has(each)).length);
      }
    }),
    { numRuns: 40 },
  );
});
