import { linkSignals } from "../abort/mod.ts";
import {
  type AnyContract,
  contractId,
  type Dispatcher,
  errorReply,
  FaultError,
  type FeedRequest,
  isCallError,
  type Request,
} from "../contract/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import type { Implementation } from "./implement.ts";
import { LinkReplyError, type OperationAddress, type ReplyMessage, type RequestMessage } from "./link.ts";

/** What a request from another process comes with. */
export interface Incoming {
  /** Time left, in milliseconds. */
  readonly withinMs: number;
  /** Made when first read. */
  readonly signal: AbortSignal;
}

/** Answers requests that come from other processes. Never rejects: an error is a reply. */
export interface RequestServer {
  call(message: RequestMessage, incoming: Incoming): Promise<ReplyMessage>;
  /** Throws a LinkReplyError. */
  stream(message: RequestMessage, incoming: Incoming): AsyncIterable<unknown>;
  /** Who has called with which fingerprint of a contract that is not ours; at most 1,000 are remembered. */
  readonly outdated: ReadonlyMap<string, number>;
}

const outdatedMax = 1_000;
const pageMax = 1_000;
const waitMaxMs = 60_000;
const stale = telemetryChannel("ashlar.service.outdated");

/** What a request server works with. */
export interface RequestServerParts {
  readonly nextId: () => string;
  /** Gives the fingerprint of a contract. */
  readonly hashOf: (contract: AnyContract) => string;
  /** Aborted when the process begins to close: reads that wait for events, and streams, end then. */
  readonly closing: AbortSignal;
}

/** Puts the services of this process behind a wire. */
export function serveRequests(
  services: readonly Implementation[],
  local: Dispatcher,
  parts: RequestServerParts,
): RequestServer {
  const contracts = new Map(services.map(({ contract }) => [contractId(contract), contract]));
  const outdated = new Map<string, number>();
  const ports = new WeakMap<OperationAddress, (request: Request) => Promise<unknown>>();
  const note = (contract: AnyContract, { to: { hash }, caller }: RequestMessage): void => {
    if (hash === parts.hashOf(contract)) return;
    const id = `${contractId(contract)} ${hash}`;
    if (outdated.has(id) || outdated.size < outdatedMax) outdated.set(id, (outdated.get(id) ?? 0) + 1);
    if (stale.active) stale.publish({ contract: contractId(contract), hash, caller: caller?.id });
  };
  const unknown = (message: RequestMessage): ReplyMessage => ({
    ok: false,
    error: { code: "UNAVAILABLE", reason: `${message.to.contract}.${message.to.name} is not here` },
  });
  const portOf = (
    contract: AnyContract,
    message: RequestMessage,
  ): ((request: Request) => Promise<unknown>) | undefined => {
    const known = ports.get(message.to) ?? newPort(contract, message, { local, closing: parts.closing });
    if (known !== undefined) ports.set(message.to, known);
    return known;
  };
  return {
    outdated,
    async call(message, incoming) {
      const contract = contracts.get(message.to.contract);
      const port = contract === undefined ? undefined : portOf(contract, message);
      if (contract === undefined || port === undefined) return unknown(message);
      note(contract, message);
      try {
        return { ok: true, output: await port(requestOf(message, incoming)) };
      } catch (error) {
        return replyOf(error, message, parts.nextId);
      }
    },
    async *stream(message, incoming) {
      const contract = contracts.get(message.to.contract);
      const reply = unknown(message);
      if (contract === undefined || !Object.hasOwn(contract.streams, message.to.name)) {
        if (!reply.ok) throw new LinkReplyError(reply.error);
        return;
      }
      note(contract, message);
      using ending = linkSignals([incoming.signal, parts.closing]);
      try {
        const request = requestOf(message, { withinMs: incoming.withinMs, signal: ending.signal });
        yield* local.stream(contract, message.to.name)(request);
      } catch (error) {
        // Cut short, and not at its end: its reader has to know.
        if (parts.closing.aborted) throw new LinkReplyError({ code: "OUTCOME_UNKNOWN", retryable: true });
        if (incoming.signal.aborted) return;
        const ended = replyOf(error, message, parts.nextId);
        if (!ended.ok) throw new LinkReplyError(ended.error);
      }
    },
  };
}

function newPort(
  contract: AnyContract,
  { to: { kind, name } }: RequestMessage,
  { local, closing }: { readonly local: Dispatcher; readonly closing: AbortSignal },
): ((request: Request) => Promise<unknown>) | undefined {
  if (kind === "call" && Object.hasOwn(contract.calls, name)) return local.call(contract, name);
  if (kind === "queue" && Object.hasOwn(contract.queues, name)) return local.queue(contract, name);
  if (kind !== "feed") return undefined;
  const feed = local.feed(contract);
  return async ({ input, parent }) => {
    const { after, limit, names, waitMs } = input as Omit<FeedRequest, "signal">;
    using ending = linkSignals([parent?.signal, closing]);
    const { signal } = ending;
    return await feed({ after, limit: Math.min(limit, pageMax), names, waitMs: Math.min(waitMs, waitMaxMs), signal });
  };
}

function requestOf({ input, key, caller, trace }: RequestMessage, incoming: Incoming): Request {
  return { input, key, caller, trace, withinMs: incoming.withinMs, parent: incoming };
}

function replyOf(error: unknown, { to: { contract, name } }: RequestMessage, nextId: () => string): ReplyMessage {
  if (isCallError(error)) return { ok: false, error: errorReply(error) };
  const fault = new FaultError(`${contract}.${name}`, nextId(), { retryable: true, cause: error });
  return { ok: false, error: errorReply(fault) };
}
