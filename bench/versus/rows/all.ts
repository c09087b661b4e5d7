import type { Row } from "../frame.ts";
import { embeddedEffect, embeddedMoleculer, embeddedTrpc } from "./calls.ts";
import { httpFastify, httpHono, httpMoleculer } from "./http.ts";
import { wireLatency, wireRate } from "./wire.ts";
import { appendOne, appendShared, rehydrate, rehydrateSnapshot } from "./events.ts";
import { backlog, enqueue } from "./queue.ts";
import { replay } from "./replay.ts";
import { sagaLatency, sagaThroughput, sagaThroughputOther } from "./saga.ts";
import { takeover } from "./takeover.ts";

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
  replay,
  embeddedMoleculer,
  embeddedTrpc,
  embeddedEffect,
  wireRate,
  wireLatency,
  httpFastify,
  httpHono,
  httpMoleculer,
];
