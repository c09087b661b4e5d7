import { UnsupportedError } from "../../errors/mod.ts";
import { RedisError } from "./redis-error.ts";
import type { RedisReply } from "./wire-client.ts";

/** What a server said of itself when the connection was made. */
export interface RedisFacts {
  /** "7.0.15" */
  readonly version: string;
  /** Another one after each start of the server. */
  readonly runId: string;
  readonly role: "primary" | "replica";
  /** What a crash of the server loses. `each-write`: nothing that was acknowledged; `each-second`: about the last second; `snapshots`:
   *  all since the last one; `none`: everything; `unknown`: the user may not ask. */
  readonly persistence: "each-write" | "each-second" | "snapshots" | "none" | "unknown";
  /** Which keys the server drops when its memory is full: "noeviction" or another `maxmemory-policy`. */
  readonly evictionPolicy: string;
  /** 0: no limit. */
  readonly memoryMaxBytes: number;
  /** Whether the server may drop keys of its own accord: it has a limit of memory and a policy other than "noeviction". */
  readonly mayEvict: boolean;
}

/** What is asked at every connection. A user without the right to CONFIG is told no, and persistence then is unknown. */
export const factQuestions: readonly (readonly string[])[] = [
  ["INFO"],
  ["CONFIG", "GET", "appendfsync"],
  ["CONFIG", "GET", "save"],
];

// Older ones hand scripts on to their replicas, so that one that takes over seems to live on as the old primary (`valuesWhenUnknown`), and hide in a
// script's fault the word that says what it is.
const majorMin = 7;

/** Reads the answers. Throws RedisError when the server is too old, UnsupportedError for a node of a cluster and a sentinel. */
export function readFacts([info, fsync, save]: readonly RedisReply[]): RedisFacts {
  const fields = fieldsOf(String(info));
  const version = fields.get("redis_version") ?? "0.0";
  refuseOthers(version, fields.get("redis_mode") ?? "standalone");
  const memoryMaxBytes = Number(fields.get("maxmemory") ?? 0);
  const evictionPolicy = fields.get("maxmemory_policy") ?? "noeviction";
  return {
    version,
    runId: fields.get("run_id") ?? "",
    role: fields.get("role") === "slave" ? "replica" : "primary",
    persistence: persistenceOf(fields.get("aof_enabled"), setting(fsync), setting(save)),
    evictionPolicy,
    memoryMaxBytes,
    mayEvict: memoryMaxBytes > 0 && evictionPolicy !== "noeviction",
  };
}

/** Throws RedisError `readonly` unless the server takes writes. */
export function refuseReplica({ role }: RedisFacts): void {
  if (role === "replica")
    throw new RedisError("readonly", "the server is a read-only replica; give the address of the primary");
}

function refuseOthers(version: string, mode: string): void {
  if (Number.parseInt(version, 10) < majorMin)
    throw new RedisError("other", `the server is Redis ${version}; ${majorMin}.0 is the oldest that fits`);
  if (mode === "cluster")
    throw new UnsupportedError("a node of Redis Cluster", "the Redis driver", "give a primary that holds all keys");
  if (mode === "sentinel")
    throw new UnsupportedError("a sentinel", "the Redis driver", "give a name that always leads to the primary");
}

function persistenceOf(
  appends: string | undefined,
  fsync: string | undefined,
  save: string | undefined,
): RedisFacts["persistence"] {
  if (appends !== "1") return save === undefined ? "unknown" : save === "" ? "none" : "snapshots";
  if (fsync === undefined) return "unknown";
  return fsync === "always" ? "each-write" : "each-second";
}

function fieldsOf(info: string): ReadonlyMap<string, string> {
  const pairs = info.split("\r\n").map((line): [string, string] => {
    const at = line.indexOf(":");
    return [line.slice(0, Math.max(at, 0)), line.slice(at + 1)];
  });
  return new Map(pairs);
}

function setting(reply: RedisReply | undefined): string | undefined {
  const value: unknown = Array.isArray(reply) ? reply[1] : undefined;
  return typeof value === "string" ? value : undefined;
}
