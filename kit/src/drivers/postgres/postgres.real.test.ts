import { beforeEach, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import {
  type Bound,
  openPostgres,
  bigints,
  booleans,
  bound,
  doubles,
  integers,
  type PostgresError,
  statement,
  texts,
} from "./mod.ts";
import { until } from "../network.test-server.ts";
import { cuttingProxy, freshSchema, needsServer, openFresh, dropSchema, serverUrl } from "./server.test-postgres.ts";

beforeEach(needsServer);

test("arrays come over as they were: nulls, empty ones, quotes, the largest integers", async () => {
  await using database = await openFresh();
  const echo = statement("select $1::bigint[]::text, $2::text[]::text, $3::int[]::text, $4::boolean[]::text");
  const ask = (values: readonly (readonly unknown[])[]) =>
    database.run([
      bound(
        echo,
        bigints(values[0] as number[]),
        texts(values[1] as string[]),
        integers(values[2] as number[]),
        booleans(values[3] as boolean[]),
      ),
    ]);
  const [one] = await ask([
    [0, Number.MAX_SAFE_INTEGER, null, 2 ** 32, -5],
    ['a"b\\{}', null, "", "😀"],
    [-1, 7],
    [true, false],
  ]);
  expect(one?.rows[0]).toEqual([
    "{0,9007199254740991,NULL,4294967296,-5}",
    String.raw`{"a\"b\\{}",NULL,"",😀}`,
    "{-1,7}",
    "{t,f}",
  ]);
  const [none] = await ask([[], [], [], []]);
  expect(none?.rows[0]).toEqual(["{}", "{}", "{}", "{}"]);
});

test("doubles come over to the last bit", async () => {
  await using database = await openFresh();
  const numbers = [0, -1.5, 0.1, 1 / 3, Number.MAX_SAFE_INTEGER, 5e-324, 1.7976931348623157e308];
  const echo = statement("select $1::double precision[]");
  const [some, none] = await database.run([bound(echo, doubles(numbers)), bound(echo, doubles([]))]);
  expect(some?.rows[0]?.[0]?.slice(1, -1).split(",").map(Number)).toEqual(numbers);
  expect(none?.rows[0]).toEqual(["{}"]);
});

test("a batch is one transaction: an error in the middle undoes it, and names itself", async () => {
  await using database = await openFresh();
  await database.query(`create table ${database.schema}.t(n int primary key)`);
  const add = statement(`insert into ${database.schema}.t values ($1)`);
  const failed = database.run([bound(add, "1"), bound(add, "1"), bound(add, "2")]);
  await expect(failed).rejects.toMatchObject({ code: "POSTGRES", reason: "constraint", sqlState: "23505" });
  expect((await database.query(`select * from ${database.schema}.t`)).count).toBe(0);
  // The statement can be used again on the same connection.
  const [first, second] = await database.run([bound(add, "1"), bound(add, "2")]);
  expect([first?.count, second?.count]).toEqual([1, 1]);
});

test("a transaction keeps all of its statements or none", async () => {
  await using database = await openFresh();
  await database.query(`create table ${database.schema}.t(n int)`);
  const table = `${database.schema}.t`;
  const failed = database.transaction(async (tx) => {
    await tx.query(`insert into ${table} values (1)`);
    throw new Error("no");
  });
  await expect(failed).rejects.toThrow("no");
  let kept: { readonly query: (text: string) => Promise<unknown> } | undefined;
  await database.transaction(async (tx) => {
    kept = tx;
    await tx.query(`insert into ${table} values ($1)`, [2]);
  });
  expect((await database.query(`select n from ${table}`)).rows).toEqual([{ n: 2 }]);
  await expect(kept?.query("select 1")).rejects.toMatchObject({ code: "DISPOSED" });
});

test("a statement that failed inside a transaction is not committed, although its error was caught", async () => {
  await using database = await openFresh();
  const work = database.transaction(async (tx) => {
    await tx.query("select nonsense").catch(() => undefined);
  });
  await expect(work).rejects.toMatchObject({ code: "POSTGRES" });
});

test("scenario 7: a connection that is lost behind COMMIT is asked after: committed once, and the caller is told so", async () => {
  await using database = await openFresh();
  await database.query(`create table ${database.schema}.t(n int)`);
  await using proxy = await cuttingProxy();
  await using behind = await openPostgres({ url: proxy.url, schema: database.schema });
  for (const n of [1, 2, 3]) {
    const answer = await behind.transaction(async (tx) => {
      await tx.query(`insert into ${database.schema}.t values ($1)`, [n]);
      proxy.next("cut before the answer", n === 1 ? "commit" : "");
      return n;
    });
    expect(answer).toBe(n);
  }
  expect((await database.query(`select n from ${database.schema}.t order by n`)).rows).toEqual([
    { n: 1 },
    { n: 2 },
    { n: 3 },
  ]);
});

test("what became of a commit is asked again when the connection that asks is lost as well", async () => {
  await using database = await openFresh();
  await database.query(`create table ${database.schema}.t(n int)`);
  await using proxy = await cuttingProxy();
  await using behind = await openPostgres({ url: proxy.url, schema: database.schema });
  const answer = behind.transaction(async (tx) => {
    await tx.query(`insert into ${database.schema}.t values (1)`);
    proxy.next("cut before the answer", "commit");
    void proxy.came().then(() => proxy.next("cut before the answer", "epoch = epoch + 1"));
    return "inserted";
  });
  expect(await answer).toBe("inserted");
  expect((await database.query(`select n from ${database.schema}.t`)).rows).toEqual([{ n: 1 }]);
});

test("scenario 8: a connection that is lost before COMMIT arrives leaves nothing, and the caller is told so", async () => {
  await using database = await openFresh();
  await database.query(`create table ${database.schema}.t(n int)`);
  await using proxy = await cuttingProxy();
  await using behind = await openPostgres({ url: proxy.url, schema: database.schema });
  const insert = (how: "cut" | "whole") =>
    behind.transaction(async (tx) => {
      await tx.query(`insert into ${database.schema}.t values (1)`);
      if (how === "cut") proxy.next("cut before the request");
    });
  await expect(insert("cut")).rejects.toMatchObject({ reason: "connection", retryable: true });
  await insert("whole");
  expect((await database.query(`select n from ${database.schema}.t`)).count).toBe(1);
});

test("a transaction that arrives behind the next one of its writer is refused", async () => {
  await using database = await openFresh();
  await using own = database.ownConnection();
  const session = await own.steady.get();
  await own.marker.register(session);
  const [late, next] = [own.marker.next(), own.marker.next()];
  await session.run([next.statement]);
  await expect(session.run([late.statement])).rejects.toMatchObject({ sqlState: "22012" });
  expect(await own.marker.outcome(session, 2)).toEqual({ fate: "committed", note: "" });
});

test("of two transactions one behind the other the second is committed only if the first is, and both can be asked after", async () => {
  await using database = await openFresh();
  await using own = database.ownConnection();
  const session = await own.steady.get();
  await own.marker.register(session);
  const note = (text: string): Bound => bound(statement("select set_config('ashlar.note', $1, true)"), text);
  const wrong = bound(statement("select 1 / $1::integer"), "0");
  const first = own.marker.next();
  const second = own.marker.next(first.number);
  const answers = [session.run([note("1"), first.statement]), session.runBehind([note("2"), second.statement])];
  expect(await Promise.all(answers)).toHaveLength(2);
  expect(await own.marker.outcome(session, first.number)).toEqual({ fate: "committed", note: "1" });
  expect(await own.marker.outcome(session, second.number)).toEqual({ fate: "committed", note: "2" });

  const third = own.marker.next();
  const fourth = own.marker.next(third.number);
  const outcomes = await Promise.allSettled([
    session.run([wrong, third.statement]),
    session.runBehind([note("4"), fourth.statement]),
    session.run([bound(statement("select 5"))]),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(await own.marker.outcome(session, third.number)).toEqual({ fate: "not committed" });
  expect(await own.marker.outcome(session, fourth.number)).toEqual({ fate: "not committed" });
});

test("a batch behind another is with the server before that one is answered", async () => {
  await using database = await openFresh();
  await using proxy = await cuttingProxy();
  await using behind = await openPostgres({ url: proxy.url, schema: database.schema });
  await using own = behind.ownConnection();
  const session = await own.steady.get();
  const order: string[] = [];
  const slow = session.run([bound(statement("select 'slow', pg_sleep(0.3)"))]).then(() => order.push("first"));
  const quick = session.runBehind([bound(statement("select 'quick'"))]).then(() => order.push("second"));
  while (!proxy.requests.some((request) => request.includes("'quick'"))) await systemClock.sleep(5);
  expect(order).toEqual([]);
  await Promise.all([slow, quick]);
  expect(order).toEqual(["first", "second"]);
});

test("statements that fail do not pile up on the server", async () => {
  await using database = await openFresh();
  await using own = database.ownConnection();
  const session = await own.steady.get();
  const wrong = statement("select 1 / $1::integer");
  const later = statement("select 'behind the fault'");
  for (let time = 0; time < 20; time++)
    await expect(session.run([bound(wrong, "0"), bound(later)])).rejects.toMatchObject({ sqlState: "22012" });
  await session.run([bound(wrong, "1"), bound(later)]);
  for (let time = 0; time < 20; time++)
    await expect(session.run([bound(wrong, "0"), bound(later)])).rejects.toMatchObject({ sqlState: "22012" });
  const { rows } = await session.query<{ readonly statement: string }>("select statement from pg_prepared_statements");
  expect(rows.filter((row) => row.statement === wrong.text || row.statement === later.text)).toHaveLength(2);
});

test("a connection that is silent for longer than answerMaxMs counts as lost", async () => {
  await using database = await openFresh();
  await using proxy = await cuttingProxy();
  await using behind = await openPostgres({ url: proxy.url, schema: database.schema, answerMaxMs: 200 });
  proxy.next("swallow");
  await expect(behind.query("select 1")).rejects.toMatchObject({ reason: "connection" });
  expect((await behind.query("select 1")).count).toBe(1);
});

test("the pool is bounded: who finds no place waits, and too many are refused", async () => {
  await using database = await openFresh({ connectionsMax: 2, waitingMax: 2, connectMaxMs: 5_000 });
  const calls = Array.from({ length: 6 }, () => database.query("select pg_sleep(0.1)"));
  const answers = await Promise.allSettled(calls);
  expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(4);
  const refused = answers.filter((answer) => answer.status === "rejected");
  expect(refused.map(({ reason }) => (reason as PostgresError).reason)).toEqual(["busy", "busy"]);
  expect((await database.health()).status).toBe("up");
});

test("a listener hears, also after its connection was cut", async () => {
  await using database = await openFresh();
  await using proxy = await cuttingProxy();
  await using behind = await openPostgres({ url: proxy.url, schema: database.schema });
  const heard: string[] = [];
  let listening = 0;
  await using _listener = behind.listen("bell", {
    notification: (payload) => void heard.push(payload),
    listening: () => void listening++,
  });
  await until(() => listening === 1);
  await database.notify("bell", "one");
  await until(() => heard.length === 1);
  proxy.cutAll();
  await until(() => listening === 2);
  await database.notify("bell", "two");
  await until(() => heard.includes("two"));
  expect(heard).toEqual(["one", "two"]);
});

test("a migration whose connection is cut in the middle is begun again, and applied once", async () => {
  await using database = await openFresh();
  await using other = await openPostgres({ url: serverUrl, schema: database.schema });
  const slow = `select pg_sleep(0.4); create table ${database.schema}.slowly(n int)`;
  const migrated = database.migrate("cut", [{ name: "slowly", sql: slow }]);
  const cut =
    "select pg_terminate_backend(pid) from pg_stat_activity where query like '%slowly(n int)' and pid <> pg_backend_pid()";
  let cuts = 0;
  while (cuts === 0) {
    await systemClock.sleep(5);
    cuts += (await other.query(cut)).count;
  }
  await migrated;
  const { rows } = await other.query(`select step from ${database.schema}.ashlar_migration where family = 'cut'`);
  expect(rows).toEqual([{ step: "slowly" }]);
});

test("an error names the beginning of its statement in one line", async () => {
  await using database = await openFresh();
  await expect(database.query("\n  select *\n    from not_there")).rejects.toThrow(
    /^select \* from not_there: relation/,
  );
});

test("of programs that migrate at once one applies the steps; changed and missing ones are refused", async () => {
  const schema = freshSchema();
  const steps = [
    { name: "first", sql: `create table ${schema}.a(n int)` },
    { name: "second", sql: `create table ${schema}.b(n int); insert into ${schema}.b values (1)`, older: "run" },
  ] as const;
  const opened = await Promise.all(Array.from({ length: 4 }, () => openPostgres({ url: serverUrl, schema })));
  try {
    await Promise.all(opened.map((database) => database.migrate("mine", steps)));
    const [database] = opened;
    expect((await database?.query(`select n from ${schema}.b`))?.count).toBe(1);
    // Older code goes on beside a step that only adds, and not beside one that does not.
    await database?.migrate("mine", steps.slice(0, 1));
    await expect(database?.migrate("mine", [])).rejects.toMatchObject({ code: "MIGRATION", step: "first" });
    const changed = [{ ...steps[0], sql: "select 1" }, steps[1]];
    await expect(database?.migrate("mine", changed)).rejects.toMatchObject({ code: "MIGRATION", step: "first" });
  } finally {
    for (const database of opened) await database[Symbol.asyncDispose]();
    await dropSchema(schema);
  }
});

test("errors are clear: no rights, wrong password, no server, a replica", async () => {
  await using database = await openFresh();
  const role = `${database.schema}_role`;
  await database.query(`create role ${role} login`);
  try {
    const url = new URL(serverUrl);
    url.username = role;
    const weak = openPostgres({ url: url.href, schema: `${database.schema}_none` });
    await expect(weak).rejects.toThrow(/permission denied.*grant the right/);
    const closed = openPostgres({ url: "postgres://postgres@127.0.0.1:1/x", connectMaxMs: 100 });
    await expect(closed).rejects.toMatchObject({ reason: "connection", retryable: true });
    const readonly = openPostgres({
      url: serverUrl,
      connectMaxMs: 100,
      settings: { default_transaction_read_only: "on" },
    });
    await expect(readonly).rejects.toThrow(/read-only replica/);
    await expect(openPostgres({ url: "mysql://x" })).rejects.toMatchObject({ code: "CONFIG" });
  } finally {
    await database.query(`drop role ${role}`);
  }
});
