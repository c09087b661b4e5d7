import process from "node:process";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { programs, startCluster } from "../../drivers/postgres/cluster.test-postgres.ts";
import { openPostgres } from "../../drivers/postgres/mod.ts";
import {
  absent,
  cuttingProxy,
  dropSchema,
  freshSchema,
  openFresh,
  serverUrl,
} from "../../drivers/postgres/server.test-postgres.ts";
import { exerciseInvalidationBus } from "../conformance/mod.ts";
import { exerciseKeptChannel, keyMessage } from "../invalidation-bus.test-scenarios.ts";
import { type BusMessage, openCache } from "../mod.ts";
import { postgresBus } from "./mod.ts";

const why = await absent();
const bin = programs();

async function until(wanted: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = systemClock.monotonic() + 15_000;
  while (!(await wanted())) {
    if (systemClock.monotonic() > untilMs) throw new Error("it did not come to pass");
    await systemClock.sleep(10);
  }
}

describe.skipIf(why !== undefined)(`PostgreSQL ${why ?? ""}`, { timeout: 30_000 }, () => {
  exerciseInvalidationBus(
    "postgres",
    async () => {
      const database = await openFresh();
      const bus = postgresBus(database, { channel: database.schema });
      return { bus, delivered: () => systemClock.sleep(100), dispose: () => database[Symbol.asyncDispose]() };
    },
    { test },
  );

  exerciseKeptChannel(
    "postgres",
    async () => {
      const stack = new AsyncDisposableStack();
      const schema = freshSchema();
      stack.defer(() => dropSchema(schema));
      const proxy = stack.use(await cuttingProxy());
      const database = stack.use(await openPostgres({ url: serverUrl, schema }));
      const distant = stack.use(await openPostgres({ url: proxy.url, schema }));
      const near = postgresBus(database, { channel: schema });
      return {
        far: postgresBus(distant, { channel: schema }),
        near,
        shut: () => proxy.shut(),
        open: () => proxy.open(),
        remove: async () => {
          await database.query(`delete from ${schema}.ashlar_cache_channel`);
          await database.query(`delete from ${schema}.ashlar_cache_message`);
        },
        babble: async () => {
          const counted = `with counted as (update ${schema}.ashlar_cache_channel set last = last + 1 returning *)`;
          await database.query(`${counted} insert into ${schema}.ashlar_cache_message
            select last, bytes, now(), name, 'hello' from counted`);
          await database.notify(schema, `${await near.latest()} hello`);
          await database.notify(schema, "hello");
        },
        [Symbol.asyncDispose]: () => stack.disposeAsync(),
      };
    },
    { test },
  );

  test("a message that is too long for a notification arrives as it was, between others", async () => {
    await using database = await openFresh();
    const bus = postgresBus(database, { channel: database.schema });
    const heard: [BusMessage, number][] = [];
    await using subscription = await bus.subscribe((...told) => void heard.push(told));
    const long = { ...keyMessage("a"), target: { keys: Array.from({ length: 20 }, () => "é\"'".repeat(170)) } };
    const most = { ...keyMessage("a"), source: "x".repeat(7_900 - JSON.stringify(keyMessage("a", "")).length) };
    const messages = [
      keyMessage("a"),
      long,
      keyMessage("b"),
      most,
      { ...most, source: `${most.source}x` },
      keyMessage("c"),
    ];
    await Promise.all(messages.map((message) => bus.publish(message)));
    await until(() => heard.length === messages.length);
    const byNumber = heard.map(([, number]) => number);
    expect(byNumber).toEqual(byNumber.map((_, index) => subscription.sequence + 1 + index));
    const sorted = (list: readonly BusMessage[]) => list.map((each) => JSON.stringify(each)).toSorted();
    expect(sorted(heard.map(([message]) => message))).toEqual(sorted(messages));
    const huge = { ...keyMessage("a"), target: { keys: ["x".repeat(1_048_576)] } };
    await expect(bus.publish(huge)).rejects.toMatchObject({ code: "POSTGRES" });
  });

  test("a channel keeps a thousand messages, four megabytes, an hour", async () => {
    await using database = await openFresh();
    const bus = postgresBus(database, { channel: database.schema });
    const kept = async (): Promise<unknown> =>
      (await database.query(`select count(*)::int as kept from ${database.schema}.ashlar_cache_message`)).rows[0];
    const publish = (count: number, text: string) =>
      Promise.all(Array.from({ length: count }, () => bus.publish(keyMessage(text))));
    await publish(1_020, "a");
    expect(await kept()).toEqual({ kept: 1_000 });
    await publish(160, "x".repeat(100_000));
    expect(await kept()).toEqual({ kept: 42 });
    await database.query(`update ${database.schema}.ashlar_cache_message set sent_at = now() - interval '61 minutes'`);
    await publish(5, "a");
    expect(await kept()).toEqual({ kept: 5 });
  });

  test("caches that hear one another by NOTIFY drop what others have invalidated, also behind a lost connection", async () => {
    await using proxy = await cuttingProxy();
    await using near = await openFresh();
    await using far = await openPostgres({ url: proxy.url, schema: near.schema });
    const channel = near.schema;
    const common = { entries: 100, ttlMs: 600_000, repairMs: 600_000 };
    await using here = await openCache<number>({ ...common, bus: postgresBus(near, { channel }) });
    await using there = await openCache<number>({ ...common, bus: postgresBus(far, { channel }) });
    for (const key of ["a", "b"]) await there.get(key, async () => 1);
    await here.invalidate({ keys: ["a"] });
    await until(async () => (await there.get("a", async () => 2)) === 2);
    proxy.shut();
    await here.invalidate({ keys: ["b"] });
    expect(await there.get("b", async () => 3)).toBe(1);
    proxy.open();
    await until(async () => (await there.get("b", async () => 3)) === 3);
    expect(await there.get("a", async () => 4)).toBe(2);
  });

  test("a name that is none of a channel is refused", async () => {
    await using database = await openFresh();
    expect(() => postgresBus(database, { channel: "a.b" })).toThrow(/channel/);
    expect(() => postgresBus(database, { channel: 'x"; drop' })).toThrow(/channel/);
  });

  test.skipIf(bin === undefined)(
    "a server that was restarted numbers anew, so that nobody takes what was lost for heard",
    async () => {
      await using cluster = await startCluster(bin ?? "");
      await using database = await openPostgres({ url: cluster.url });
      const bus = postgresBus(database);
      const heard: number[] = [];
      await using _ = await bus.subscribe((_message, sequence) => void heard.push(sequence));
      const first = await bus.publish(keyMessage("a"));
      await until(() => heard.length === 1);
      await cluster.stop("immediate");
      await expect(openPostgres({ url: cluster.url, connectMaxMs: 100 })).rejects.toMatchObject({ code: "POSTGRES" });
      await cluster.start();
      await until(() =>
        bus.latest().then(
          (number) => number > first + 1,
          () => false,
        ),
      );
      const second = await bus.publish(keyMessage("b"));
      await until(() => heard.length === 2);
      expect(heard).toEqual([first, second]);
      expect(await bus.latest()).toBe(second);
    },
  );

  test.skipIf(bin === undefined)(
    "a server that acknowledges before it writes, and loses a process, gives no number again that somebody has heard",
    async () => {
      const settings = { synchronous_commit: "off", wal_writer_delay: "10s" };
      await using cluster = await startCluster(bin ?? "", { settings });
      await using database = await openPostgres({ url: cluster.url });
      const bus = postgresBus(database);
      const heard: number[] = [];
      await using _ = await bus.subscribe((_message, sequence) => void heard.push(sequence));
      // The tables are not what is lost.
      await database.query("checkpoint");
      const first = await bus.publish(keyMessage("a"));
      await until(() => heard.length === 1);
      const { rows } = await database.query<{ readonly pid: number }>("select pg_backend_pid() as pid");
      // The server then begins anew by itself, with what its log has on disk, and is the same postmaster still.
      process.kill(rows[0]?.pid ?? Number.NaN, "SIGKILL");
      await until(() =>
        bus.latest().then(
          () => true,
          () => false,
        ),
      );
      const second = await bus.publish(keyMessage("b"));
      await until(() => heard.length === 2);
      expect(heard).toEqual([first, second]);
    },
  );
});
