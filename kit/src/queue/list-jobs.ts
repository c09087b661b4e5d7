import type { MessageEngine } from "../engine/mod.ts";
import type { QueueDefinition } from "./definition.ts";
import { type StoredJob, storedJob } from "./stored-job.ts";

/** Which part of a listing. */
export interface ListOptions {
  /** Most jobs to list. Default: all. */
  readonly limit?: number | undefined;
  /** Continues behind this id. */
  readonly after?: string | undefined;
}

const pageSize = 500;

/** Jobs of a queue by id, read page by page, so that a long listing never holds the store. */
export async function* listJobs<T>(
  source: { readonly engine: MessageEngine; readonly definition: QueueDefinition<T> },
  query: ListOptions & { readonly state?: StoredJob<T>["state"] | undefined },
): AsyncIterable<StoredJob<T>> {
  let left = query.limit ?? Infinity;
  let after = query.after;
  while (left > 0) {
    const limit = Math.min(left, pageSize);
    let seen = 0;
    const page = { kind: "messages", queue: source.definition.name, state: query.state, after, limit } as const;
    for await (const message of source.engine.scan(page)) {
      seen++;
      after = message.id;
      yield storedJob(source.definition, message);
    }
    if (seen < limit) return;
    left -= seen;
  }
}
