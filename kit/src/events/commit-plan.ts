import type { Change, CommitResult, Committer, TransactionalEngine } from "../engine/mod.ts";
import { UnsupportedError } from "../errors/mod.ts";
import type { PendingEvent, StoreContext } from "./store-context.ts";

/** What to commit and where. */
export interface CommitRequest {
  readonly changes: readonly Change[];
  readonly pending: readonly PendingEvent[];
  readonly in?: Committer | undefined;
}

/** Commits, with the statements of inline projections in the same transaction when there are any. */
export async function commitPlan(context: StoreContext, request: CommitRequest): Promise<CommitResult> {
  const { sqlInline } = context;
  if (sqlInline === undefined || request.pending.length === 0)
    return (request.in ?? context.engine).commit(request.changes);
  if (request.in !== undefined && request.in !== context.engine) return commitWithSql(context, request, request.in);
  const engine: TransactionalEngine<unknown> = sqlInline.engine;
  return engine.transaction((tx) => commitWithSql(context, request, tx));
}

async function commitWithSql(
  context: StoreContext,
  request: CommitRequest,
  tx: Committer & { readonly sql?: unknown },
): Promise<CommitResult> {
  if (tx.sql === undefined)
    throw new UnsupportedError(
      "inlineSql",
      "a committer without sql",
      "pass the transaction that engine.transaction() hands out",
    );
  const result = await tx.commit(request.changes);
  if (result.committed) for (const apply of context.sqlInline?.apply ?? []) await apply(tx.sql, request.pending);
  return result;
}
