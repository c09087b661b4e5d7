import { openMemoryEngine } from "ashlar/engine/memory";
import * as S from "ashlar/saga";
import * as E from "ashlar/events";
import { retryPlan } from "ashlar/queue";
import { randomBytes } from "node:crypto";
import { t, go, sleep } from "/tmp/rv2/lib.mjs";
const { saga, openSagas, signal } = S;
t("x1 upcast meets the erased value", async () => {
  const engine = await openMemoryEngine(); const keys = await E.openSubjectKeys({ engine, masterKey: randomBytes(32) });
  const store = await E.openEventStore({ engine, keys });
  const personal = { subject: (d) => d.c, fields: ["address"] };
  const v1 = E.eventTypes({ Moved: { personal } });
  const v2 = E.eventTypes({ Moved: { personal, version: 2, upcast: { 1: (d) => ({ ...d, address: { ...d.address, city: d.address.lines.at(-1) } }) } } });
  await store.append("p/1", [{ type: "Moved", data: { c: "c1", address: { lines: ["x", "Rome"] } } }], { expected: "new", types: v1 });
  const p = E.decider({ name: "p", events: v2, initial: () => 0, decide: () => [], evolve: (s) => s + 1 });
  const before = (await store.load(p, "1")).version; await store.erase("c1");
  return before + " then " + await store.load(p, "1").then((x) => x.version, (e) => `${e.constructor.name}: ${e.message}`);
});
t("x2 parked parent: loser child of cancelled", async () => 1);
t("x3 crash then park then cancel", async () => {
  // a dead executor charged; the next one fails once and backs off long (parks); then a cancel comes
  const engine = await openMemoryEngine(); const log = []; let mode = "die";
  const def = saga("x3", { version: "1", leaseMs: 300, retry: retryPlan({ attemptsMax: 5, firstMs: 5000, jitter: "none" }) }, async (_, ctx) => {
    await ctx.step("pay", async () => { if (mode === "die") { log.push("charged"); await new Promise(() => {}); } throw new Error("gateway down"); }, { undo: () => { log.push("refunded"); } });
  });
  const one = await openSagas({ engine, sagas: [def], drainMs: 0 }); await one.start(def, "r", null); await sleep(50); await one[Symbol.asyncDispose](); mode = "fail";
  const two = await openSagas({ engine, sagas: [def] }); await sleep(5800);
  const st = (await two.inspect(def, "r")).status; await two.cancel(def, "r", "stop");
  return JSON.stringify({ st, r: await two.run(def, "r").result({ withinMs: 3000 }), log });
});
t("x4 orphan mail greets a new run of the id", async () => {
  const engine = await openMemoryEngine(); let die = true;
  // the sender dies between its commit and the look that takes the letter back
  const dying = new Proxy(engine, { get: (target, k) => { if (k === "get") { let n = 0; return async (cells) => { return target.get(cells); }; } const v = target[k]; return typeof v === "function" ? v.bind(target) : v; } });
  const def = saga("x4", { version: "1", keepMs: 300 }, async () => "done");
  const sagas = await openSagas({ engine, sagas: [def] });
  const sender = await openSagas({ engine: new Proxy(engine, { get: (target, k) => { if (k === "commit") return async (c) => { if (c.some((x) => x.op === "wake")) { await (await target, sagas.run(def, "r").result()); const r = await target.commit(c); throw new Error("sender died after its commit " + r.committed); } return target.commit(c); }; const v = target[k]; return typeof v === "function" ? v.bind(target) : v; } }), sagas: [saga("none", { version: "1" }, async () => 1)] });
  const slow = saga("x4", { version: "1", keepMs: 300 }, async (_, c) => { await c.step("a", () => sleep(10)); await c.step("b", () => sleep(100)); return "done"; });
  await sagas[Symbol.asyncDispose](); const s2 = await openSagas({ engine, sagas: [slow] });
  const run = await s2.start(slow, "r", null); await sleep(50);
  const sent = sender.cancel(slow, "r", "old").catch((e) => e.message);
  await run.result(); console.log(await sent); await sleep(500);
  const again = await s2.start(slow, "r", null);
  return JSON.stringify(await again.result());
});
t("x5 timeouts above 2^31", async () => {
  const engine = await openMemoryEngine(); let n = 0; const clock = engine.clock;
  const def = saga("x5", { version: "1" }, async (_, ctx) => { await Promise.all([ctx.step("long", () => sleep(500)), ctx.sleep("s", 30 * 86_400_000)]); });
  const counting = Object.create(clock, { setTimer: { value: (...a) => { n++; return clock.setTimer(...a); } }, now: { value: () => clock.now() }, nextTurn: { value: (r) => clock.nextTurn(r) }, monotonic: { value: () => clock.monotonic() } });
  const wrapped = new Proxy(engine, { get: (target, k) => { if (k === "clock") return counting; const v = target[k]; return typeof v === "function" ? v.bind(target) : v; } });
  const sagas = await openSagas({ engine: wrapped, sagas: [def] }); await sagas.start(def, "r", null); await sleep(700); return n;
});
await go();
