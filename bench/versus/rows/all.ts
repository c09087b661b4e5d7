import type { Row } from "../frame.ts";
import { caches } from "./caches.ts";
import { embedded } from "./calls.ts";
import { hitRatios } from "./hit-ratios.ts";
import { http } from "./http.ts";
import { limits } from "./limits.ts";
import { policies } from "./policies.ts";
import { wireLatency, wireRate } from "./wire.ts";
import { appendOne, appendShared, rehydrate, rehydrateSnapshot } from "./events.ts";
import { backlog, enqueue } from "./queue.ts";
import { backlogsOnPostgres, enqueuesOnPostgres, postgresAppend, postgresSaga, startsOnPostgres } from "./postgres.ts";
import { limitsOnPostgres } from "./postgres-limiter.ts";
import { redisBacklog, redisEnqueue, redisStart } from "./redis-queue.ts";
import { onJetStream } from "./nats.ts";
import { onRabbit } from "./rabbitmq.ts";
import { onRedis } from "./redis.ts";
import { replay } from "./replay.ts";
import { sagaLatency, sagaThroughput, sagaThroughputOther } from "./saga.ts";
import { simulation } from "./simulation.ts";
import { coldStart } from "./start.ts";
import { takeover } from "./takeover.ts";
import { types } from "./types.ts";

/** The table, in the order it prints. */
export const rows: readonly Row[] = [
  enqueue,
  backlog,
  appendShared,
  appendOne,
  rehydrate,
  rehydrateSnapshot,
  sagaThroughput,
  sagaThroughputOther,
  sagaLatency,
  takeover,
  ...enqueuesOnPostgres,
  ...backlogsOnPostgres,
  ...startsOnPostgres,
  postgresAppend,
  postgresSaga,
  redisEnqueue,
  redisBacklog,
  redisStart,
  replay,
  embedded,
  wireRate,
  wireLatency,
  http,
  coldStart,
  types,
  ...policies,
  ...limits,
  ...caches,
  ...onRedis,
  ...limitsOnPostgres,
  ...onJetStream,
  ...onRabbit,
  ...hitRatios,
  ...simulation,
];
