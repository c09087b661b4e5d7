import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { deleteStream, openNats } from "ashlar/drivers/nats";
import { expect, test, type TestContext } from "vitest";
import { openCutWay, placeOf } from "../cut.test-way.ts";
import { databaseUrl, freshNamespace, needsDatabase } from "../postgres.test-database.ts";
import type { ShopSettings } from "../settings.ts";
import type { Answer, Question } from "./prices.test-replica.ts";

const redisUrl = process.env["ASHLAR_REDIS"] ?? "redis://127.0.0.1:6379";
const natsUrl = process.env["ASHLAR_NATS"] ?? "nats://127.0.0.1:4222";

/** A price is remembered for a minute. Who shows another one before that has heard that it changed. */
const heardMaxMs = 30_000;

test.for<readonly [over: string, there: Servers]>([
  ["Redis alone", { cache: redisUrl }],
  ["Redis and NATS", { cache: redisUrl, bus: natsUrl }],
  ["Redis and PostgreSQL", { cache: redisUrl, bus: databaseUrl }],
  ["NATS alone", { bus: natsUrl }],
  ["PostgreSQL alone", { bus: databaseUrl }],
])(
  "over %s a price that one process hears has changed no other shows any more, also when its connection was cut meanwhile",
  { timeout: 120_000 },
  async ([, there], context) => {
    await needsServers(context, there);
    await using resources = new AsyncDisposableStack();
    const namespace = await namespaceAt(there, resources);
    const way = resources.use(await openCutWay(there.bus ?? redisUrl));
    const distant = there.bus === undefined ? { cache: way.url } : { ...there, bus: way.url };
    const one = resources.use(await startReplica({ ...there, namespace }));
    const other = resources.use(await startReplica({ ...distant, namespace }));
    const totalsAt = async (price: number): Promise<unknown> => [
      (await one.ask({ price })).totalMinor,
      (await other.ask({ price })).totalMinor,
    ];
    const seenByOther = async (totalMinor: number, price: number): Promise<void> => {
      const untilMs = performance.now() + heardMaxMs;
      while ((await other.ask({ price })).totalMinor !== totalMinor && performance.now() < untilMs) await pause(20);
    };
    expect(await totalsAt(25_000)).toEqual([500, 500]);
    const loads = there.cache === undefined ? 1 : 0;
    expect((await other.ask({ price: 25_000 })).asked).toBe(loads);
    expect((await one.ask({ price: 30_000, first: "invalidate" })).totalMinor).toBe(600);
    await seenByOther(600, 30_000);
    expect(await totalsAt(30_000)).toEqual([600, 600]);
    expect((await other.ask({ price: 30_000 })).asked).toBe(2 * loads);
    way.cut();
    expect((await one.ask({ price: 35_000, first: "invalidate" })).totalMinor).toBe(700);
    expect(await totalsAt(35_000)).toEqual([700, 600]);
    way.mend();
    await seenByOther(700, 35_000);
    expect(await totalsAt(35_000)).toEqual([700, 700]);
  },
);

type Servers = Pick<ShopSettings, "cache" | "bus">;

async function needsServers(context: TestContext, { bus, cache }: Servers): Promise<void> {
  for (const url of [bus, cache])
    if (url === databaseUrl) await needsDatabase(context);
    else if (url !== undefined) await needsServer(context, url);
}

async function needsServer(context: TestContext, url: string): Promise<void> {
  const isReachable = await new Promise<boolean>((resolve) => {
    const socket = connect(placeOf(url));
    socket.on("connect", () => resolve(socket.destroy() && true)).on("error", () => resolve(false));
  });
  if (!isReachable && process.env["CI"] === undefined)
    context.skip(`nothing at ${new URL(url).host}; set ASHLAR_REDIS or ASHLAR_NATS`);
}

/** A name that no other test has; what the bus kept under it goes at the end. */
async function namespaceAt({ bus }: Servers, resources: AsyncDisposableStack): Promise<string> {
  const fresh = freshNamespace();
  if (bus === databaseUrl) resources.use(fresh);
  if (bus === natsUrl) {
    const connection = resources.use(await openNats({ url: bus }));
    resources.defer(() => deleteStream(connection, `${fresh.name}-prices-changes`));
  }
  return fresh.name;
}

interface Replica extends AsyncDisposable {
  /** One question at a time. */
  ask(question: Question): Promise<Answer>;
}

async function startReplica(settings: Servers & Pick<ShopSettings, "namespace">): Promise<Replica> {
  const program = join(import.meta.dirname, "prices.test-replica.ts");
  const child = fork(program, [JSON.stringify(settings)], { execArgv: ["--conditions=ashlar-source"] });
  const ended = new AbortController();
  const exited = once(child, "exit").then(() => ended.abort(new Error("the replica has ended")));
  const next = async (): Promise<unknown> => {
    const [message] = (await once(child, "message", { signal: ended.signal })) as readonly unknown[];
    return message;
  };
  await next();
  return {
    async ask(question) {
      child.send(question);
      return (await next()) as Answer;
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
