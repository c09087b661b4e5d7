import { beforeEach, describe, expect, test } from "vitest";
import { needsServer, openFresh } from "../../drivers/postgres/server.test-postgres.ts";
import { writerSettings } from "./options.ts";
import { prepareQuick } from "./quick.sql.ts";
import { schemaSteps } from "./schema.ts";

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
