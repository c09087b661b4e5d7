import type { SqliteEngine } from "../../engine/sqlite/mod.ts";
import type { NodeHost } from "../mod.ts";

/** The engine of a process as its program sees it: once the process is dead, no call ends. */
export function fencedEngine(engine: SqliteEngine, host: NodeHost): SqliteEngine {
  return {
    can: engine.can,
    clock: engine.clock,
    sql: engine.sql,
    commit: (changes) => host.fence(engine.commit(changes)),
    claim: (request) => host.fence(engine.claim(request)),
    extend: (receipts, leaseMs) => host.fence(engine.extend(receipts, leaseMs)),
    read: (request) => host.fence(engine.read(request)),
    stream: (request) => host.fence(engine.stream(request)),
    get: (cells) => host.fence(engine.get(cells)),
    async *scan(query) {
      for (const row of await host.fence(Array.fromAsync(engine.scan(query)))) yield row;
    },
    bell: (topics, ring) => engine.bell(topics, ring),
    transaction: (work) =>
      host.fence(
        engine.transaction((tx) => work({ sql: tx.sql, commit: (changes) => host.fence(tx.commit(changes)) })),
      ),
    migrate: (name, steps) => host.fence(engine.migrate(name, steps)),
    limitSize: (bytes) => host.fence(engine.limitSize(bytes)),
    backup: (target) => host.fence(engine.backup(target)),
    verify: () => host.fence(engine.verify()),
    [Symbol.asyncDispose]: () => host.fence(Promise.resolve(engine[Symbol.asyncDispose]())),
  };
}
