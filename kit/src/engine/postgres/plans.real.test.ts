import { beforeEach, describe, expect, test } from "vitest";
import { needsServer, openFresh } from "../../drivers/postgres/server.test-postgres.ts";
import { writerSettings } from "./options.ts";
import { prepareQuick } from "./quick.sql.ts";
import { schemaSteps } from "./schema.ts";
import { prepareStatements } from "./statements.sql.ts";

beforeEach(needsServer);

const receipts = "'{1}', '{1}', '{1}', 1";

describe("the plan of a statement that takes receipts", () => {
  for (const name of ["ack", "hold"] as const)
    for (const rows of [0, 3])
      test(`${name}: looks messages up by id and receipts up in a table of hashes, made while ${rows} messages are there`, async () => {
        await using database = await openFresh();
        const { schema } = database;
        await database.migrate("engine", schemaSteps(schema));
        await database.query(
          `insert into ${schema}.ashlar_message(id, seq, queue, state, lane, token, attempt, enqueued_at, body)
            select n, n, 1, 2, 0, 1, 1, 0, '' from generate_series(1, ${rows}) n`,
        );
        await database.query(`analyze ${schema}.ashlar_message`);
        await using connection = database.ownConnection(writerSettings);
        const session = await connection.steady.get();
        await session.query(`prepare looked(bigint[], bigint[], int[], bigint) as ${prepareQuick(schema)[name].text}`);
        const lines = await session.query<Record<string, string>>(`explain execute looked(${receipts})`);
        const plan = lines.rows.map((row) => row["QUERY PLAN"]).join("\n");
        expect(plan).toContain("Index Cond: (id = ANY ($1))");
        expect(plan).toContain("hashed SubPlan");
        // As a join every message would be compared with every receipt.
        expect(plan).not.toContain("Join");
      });
});

/** Where a plan reads an index from end to end, or compares each row with each. */
const walks = /Join Filter|Seq Scan|Index (?:Only )?Scan using \S+ on \S+(?: \S+)? [^\n]*\n(?!\s*Index Cond)/;

/** Logs and queues are few. Of an empty table either plan costs the same, until the server counts it again, a minute after it has grown. */
const exempt = { 0: ["changeMessages", "saveLogs", "saveQueues"], 3: ["saveLogs", "saveQueues"] } as const;

describe("every statement of commits and claims", () => {
  for (const rows of [0, 3] as const)
    test(`looks up by an index what it names, also when it was planned while ${rows} rows were there`, async () => {
      await using database = await openFresh();
      const { schema } = database;
      await database.migrate("engine", schemaSteps(schema));
      await database.query(
        `insert into ${schema}.ashlar_message(id, seq, queue, state, lane, token, attempt, enqueued_at, body)
          select n, n, 1, 2, 0, 1, 1, 0, '' from generate_series(1, ${rows}) n`,
      );
      await database.query(
        `insert into ${schema}.ashlar_cell(version, space, key, value) select n, 's', n, '' from generate_series(1, ${rows}) n`,
      );
      for (const table of ["message", "cell", "seen", "dedup", "concurrency", "event", "log", "queue", "count"])
        await database.query(`analyze ${schema}.ashlar_${table}`);
      await using connection = database.ownConnection(writerSettings);
      const session = await connection.steady.get();
      const walking: string[] = [];
      const plans: string[] = [];
      for (const made of [prepareQuick(schema), prepareStatements(schema)])
        for (const [name, { text }] of Object.entries(made)) {
          const parameters = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map((found) => Number(found[1])));
          const values = parameters === 0 ? "" : `(${Array.from({ length: parameters }, () => "null").join()})`;
          await session.query(`prepare looked as ${text}`);
          const lines = await session.query<Record<string, string>>(`explain execute looked${values}`);
          await session.query("deallocate looked");
          const plan = lines.rows.map((row) => row["QUERY PLAN"]).join("\n");
          if (!walks.test(plan)) continue;
          walking.push(name);
          plans.push(plan);
        }
      expect(walking, `walked by ${plans.join("\n")}`).toEqual(exempt[rows]);
    });
});
