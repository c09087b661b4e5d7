import { openMemoryEngine } from "ashlar/engine/memory";
import { openSqliteEngine } from "ashlar/engine/sqlite";
import * as S from "ashlar/saga";
import * as E from "ashlar/events";
import { retryPlan } from "ashlar/queue";
import { randomBytes } from "node:crypto";
import { t, go, sleep } from "/tmp/rv2/lib.mjs";
const { saga, openSagas, signal } = S;
const once = retryPlan({ attemptsMax: 1, firstMs: 1 });
t("e22 inline view is not told of an erasure", async () => {
  const engine = await openMemoryEngine(); const keys = await E.openSubjectKeys({ engine, masterKey: randomBytes(32) });
  const types = E.eventTypes({ Joined: { personal: { subject: (d) => d.c, fields: ["name"] } }, $erased: {} });
  const told = [];
  const store = await E.openEventStore({ engine, keys, inline: [(events) => events.map((e) => { told.push(e.type); return { op: "put", cell: { space: "view", key: e.stream }, expect: "any", value: e.type === "$erased" ? undefined : e.data.name }; })] });
  await store.append("c/1", [{ type: "Joined", data: { c: "c1", name: "Ada" } }], { expected: "new", types });
  await store.erase("c1");
  return `told ${told}; view: ${(await engine.get([{ space: "view", key: "c/1" }]))[0]?.value}`;
});
t("s20 a result too large takes its neighbours with it", async () => {
  const engine = await openMemoryEngine(); let small = 0;
  const def = saga("s20", { version: "1" }, async (_, { step }) => { await Promise.all([step("zero", () => 0), step("small", () => { small++; return 1; }, { undo: () => {} }), step("big", () => "x".repeat(2_000_000))]); return "ok"; });
  const sagas = await openSagas({ engine, sagas: [def] });
  const r = await (await sagas.start(def, "r", null)).result({ withinMs: 3000 });
  const rep = await sagas.inspect(def, "r");
  return JSON.stringify({ s: r.status, blamed: r.problem?.step, recorded: rep.steps.map((s) => s.name) });
});
t("s21 waiters of sleeping runs slow everybody", async () => {
  for (const waiters of [0, 500, 1000, 2000]) {
    const engine = await openMemoryEngine(); const never = signal("never");
    const lazy = saga("s21", { version: "1" }, async (kind, ctx) => { if (kind === "sleep") await ctx.signal(never); else { await ctx.step("a", () => 1); } return 1; });
    const sagas = await openSagas({ engine, sagas: [lazy] });
    for (let i = 0; i < waiters; i++) { const r = await sagas.start(lazy, `w${i}`, "sleep"); void r.result().catch(() => {}); }
    await sleep(1500);
    const at = performance.now();
    for (let i = 0; i < 100; i++) await (await sagas.start(lazy, `q${i}`, "quick")).result();
    console.log(`${waiters} waiters: ${((performance.now() - at) / 100).toFixed(2)} ms a run`);
  }
});
t("s22 heap over 60k runs on sqlite", async () => {
  const engine = await openSqliteEngine({ path: `/tmp/rv2/s22-${process.pid}.db`, durability: "process" });
  const def = saga("s22", { version: "1", keepMs: 1000 }, async (_, ctx) => { await ctx.step("a", () => 1); await ctx.step("b", () => 1); return 1; });
  const sagas = await openSagas({ engine, sagas: [def] }); let n = 0;
  for (let round = 0; round < 4; round++) {
    await Promise.all(Array.from({ length: 32 }, async () => { for (let i = 0; i < 160; i++) await (await sagas.start(def, `r${n++}`, null)).result(); }));
    globalThis.gc?.(); console.log(n, (process.memoryUsage().heapUsed / 1e6).toFixed(1), "MB");
  }
});
t("s23 rolling deployment: result() tells needs-attention of a run that a newer process will take", async () => {
  const engine = await openMemoryEngine();
  const v1 = saga("s23", { version: "1" }, async () => 1), v2 = saga("s23", { version: "2" }, async () => 2);
  const y = await openSagas({ engine, sagas: [v2], concurrency: 1 });
  const x = await openSagas({ engine, sagas: [v1] });
  // y's only place is taken, so the start is not claimed at once
  const busy = saga("b", { version: "1" }, async () => 1);
  await engine.commit(y.startChanges(v2, "r", null));
  const out = [];
  for (let i = 0; i < 5; i++) { await engine.commit(y.startChanges(v2, "q" + i, null)); out.push((await y.run(v2, "q" + i).result({ withinMs: 3000 })).status); }
  return JSON.stringify(out);
});
t("s24 cancel beside a command while finishing", async () => {
  const engine = await openMemoryEngine(); let sagas, fired = false, told;
  const def = saga("s24", { version: "1" }, async (_, { step }) => { await step("a", () => 1, { undo: () => {} }); return "done"; });
  sagas = await openSagas({ engine, sagas: [def], probe: async (point) => { if (point === "finish:before" && !fired) { fired = true; await sagas.retry(def, "r"); told = await sagas.cancel(def, "r", "why"); } } });
  const r = await (await sagas.start(def, "r", null)).result({ withinMs: 3000 });
  return JSON.stringify({ cancel: told, r });
});
t("s25 race with two completed children: one undo only", async () => {
  const engine = await openMemoryEngine(); const log = []; const x = signal("x");
  const A = saga("A", { version: "1" }, async (_, c) => { await c.signal(x); return "A-out"; });
  const B = saga("B", { version: "1" }, async (_, c) => { await c.signal(x); return "B-out"; });
  const P = saga("P", { version: "1" }, async (_, ctx) => { await ctx.race({ a: ctx.child(A, "a", null, { undo: (o) => { log.push(`undoA(${o})`); } }), b: ctx.child(B, "b", null, { undo: (o) => { log.push(`undoB(${o})`); } }) }); ctx.fail("no"); });
  const kids = await openSagas({ engine, sagas: [A, B] });
  let one = await openSagas({ engine, sagas: [P] });
  await one.start(P, "p", null); await sleep(100); await one[Symbol.asyncDispose]();
  await kids.signal(A, "a", x, undefined); await kids.signal(B, "b", x, undefined); await kids.run(A, "a").result(); await kids.run(B, "b").result();
  one = await openSagas({ engine, sagas: [P] });
  const r = await one.run(P, "p").result({ withinMs: 7000 });
  return JSON.stringify({ r, log });
});
t("s26 a failed attempt that cannot be stored hangs the run for ever", async () => {
  const engine = await openMemoryEngine();
  const def = saga("s26", { version: "1", leaseMs: 300, crashesMax: 3, retry: retryPlan({ attemptsMax: 3, firstMs: 5 }) }, async (_, ctx) => {
    if (ctx.restored === undefined) await ctx.checkpoint("x".repeat(1_047_000));
    await ctx.step("a", () => { throw new Error("y".repeat(3000), { cause: new Error("z".repeat(3000)) }); });
  });
  const sagas = await openSagas({ engine, sagas: [def] });
  const r = await (await sagas.start(def, "r", null)).result({ withinMs: 10_000 });
  const rep = await sagas.inspect(def, "r");
  return JSON.stringify({ r, status: rep.status });
});
t("s28 stuck child of a finished race keeps running after the parent was cancelled", async () => {
  const engine = await openMemoryEngine();
  const A = saga("A28", { version: "1" }, async (_, c) => { await c.sleep("z", 60_000); });
  const P = saga("P28", { version: "1" }, async (_, ctx) => { await ctx.race({ a: ctx.child(A, "a", null), t: ctx.sleep("t", 50) }); await ctx.signal(signal("x")); });
  const sagas = await openSagas({ engine, sagas: [A, P] }); const run = await sagas.start(P, "p", null); await sleep(300);
  await sagas.cancel(P, "p", "x"); const r = await run.result({ withinMs: 4000 });
  return JSON.stringify({ r, child: (await sagas.inspect(A, "a")).status });
});
t("s29 start twice in one transaction", async () => {
  const engine = await openSqliteEngine({ path: `/tmp/rv2/s29-${process.pid}.db`, durability: "process" });
  const def = saga("s29", { version: "1" }, async () => 1);
  const sagas = await openSagas({ engine, sagas: [def] });
  return await engine.transaction(async (tx) => { await sagas.start(def, "r", null, { in: tx }); const r = await sagas.start(def, "r", null, { in: tx }); return r.id; }).catch((e) => e.constructor.name + " " + e.message);
});
await go();
