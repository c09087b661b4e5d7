import {
  isLost,
  type PostgresDatabase,
  type PostgresTransaction,
  type QueryResult,
} from "../../drivers/postgres/mod.ts";
import type { CommitResult } from "../commit-result.ts";
import type { BellTopic, Capabilities, Transaction } from "../engine.ts";
import { validateChanges } from "../validate-change.ts";
import { engineFault } from "./faults.ts";
import { carryOut, type Shared } from "./group.ts";
import type { CommitCall } from "./plan.ts";

/** The caller's own statements, on the caller's own tables. Values are `$1`, `$2` … as the client library converts them. */
export interface PostgresSql {
  query<Row>(text: string, values?: readonly unknown[]): Promise<QueryResult<Row>>;
}

/** What a transaction of the caller's needs of the engine. */
export interface TransactionParts {
  readonly database: PostgresDatabase;
  readonly shared: Shared;
  readonly can: Capabilities;
  readonly shard: number;
}

/** Runs `work` in a transaction of its own, on a connection of its own: nobody waits for it but those who want the same names. */
export async function runTransaction<T>(
  parts: TransactionParts,
  work: (tx: Transaction<PostgresSql>) => T | Promise<T>,
): Promise<{ readonly result: T; readonly topics: ReadonlySet<BellTopic> }> {
  const topics = new Set<BellTopic>();
  let fault: { readonly error: unknown } | undefined;
  const result = await parts.database.transaction(async (tx) => {
    const outcome = await work({
      sql: { query: async (text, values) => await tx.query<never>(text, values).catch(storageFault) },
      commit: async (changes) => {
        validateChanges(changes, parts.can);
        const call: CommitCall = { kind: "commit", changes: changes.slice() };
        try {
          return await commitInside(parts, call, { tx, topics });
        } catch (error) {
          fault = { error: engineFault(error) };
          throw fault.error;
        }
      },
    });
    // A list that failed half-way must not be committed because the caller caught its error.
    if (fault !== undefined) throw fault.error;
    return outcome;
  });
  return { result, topics };
}

/** A server that is away is a fault of the store; what it says of the caller's own statements is his. */
function storageFault(error: unknown): never {
  throw isLost(error) ? engineFault(error) : error;
}

async function commitInside(
  { shared, shard }: TransactionParts,
  call: CommitCall,
  { tx, topics }: { readonly tx: PostgresTransaction; readonly topics: Set<BellTopic> },
): Promise<CommitResult> {
  const done = await carryOut(shared, [call], { runner: tx, shard, transaction: "open" });
  await done.script.run(tx);
  for (const topic of done.work.topics.all) topics.add(topic);
  if (call.answer === undefined) throw new Error("a list that was carried out has an answer");
  return call.answer;
}
