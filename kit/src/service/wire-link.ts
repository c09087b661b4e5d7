import type { Caller, ErrorReply } from "../contract/mod.ts";
import {
  openWireServer,
  type WireClient,
  wireClient,
  WireError,
  type WireHandlers,
  type WireIncoming,
  WireReplyError,
} from "../wire/mod.ts";
import { addressOf, type Link, LinkError, LinkReplyError, type OperationAddress, type RequestMessage } from "./link.ts";
import type { RequestServer } from "./serve-requests.ts";
import type { LinkParts, OpenLinks, Transport } from "./transport.ts";

/** Addresses whose connections are kept; beyond it the longest unused is closed. */
const connectionsMax = 1_000;

/** Processes reach each other over TCP, one connection a pair. */
export const wireTransport: Transport = {
  links: wireLinks,
  listen: ({ identity, address, graceMs, clock, requests }) =>
    openWireServer({ identity, address, graceMs, clock, ...wireHandlers(requests) }),
};

function wireLinks(options: LinkParts): OpenLinks {
  const clients = new Map<string, { readonly client: WireClient; readonly link: Link }>();
  return {
    to(address) {
      const known = clients.get(address);
      if (known !== undefined) return known.link;
      const client = wireClient({ address, ...options });
      const link = linkOver(client);
      clients.set(address, { client, link });
      if (clients.size > connectionsMax) void closeOldest(clients);
      return link;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(Array.from(clients.values(), ({ client }) => client[Symbol.asyncDispose]()));
      clients.clear();
    },
  };
}

async function closeOldest(clients: Map<string, { readonly client: WireClient }>): Promise<void> {
  for (const [address, { client }] of clients) {
    clients.delete(address);
    return await client[Symbol.asyncDispose]();
  }
}

function linkOver(client: WireClient): Link {
  return {
    async call(message, settings) {
      try {
        return { ok: true, output: await client.call(wired(message), settings) };
      } catch (error) {
        if (error instanceof WireReplyError) return { ok: false, error: error.reply as ErrorReply };
        throw linkError(error);
      }
    },
    async *stream(message, { signal }) {
      try {
        yield* client.stream(wired(message), { signal });
      } catch (error) {
        if (error instanceof WireReplyError) throw new LinkReplyError(error.reply as ErrorReply);
        throw linkError(error);
      }
    },
  };
}

function linkError(error: unknown): unknown {
  return error instanceof WireError ? new LinkError(error.what, error.reason, error) : error;
}

/** Facts that travel beside the input. */
interface Meta {
  readonly key?: string | undefined;
  readonly caller?: Caller | undefined;
  readonly trace?: string | undefined;
}

// The method is sent once a connection; everything that is the same for all its calls belongs into it.
function wired({ to, input, key, caller, trace }: RequestMessage): {
  method: string;
  body: unknown;
  meta: Meta | undefined;
} {
  const hasMeta = key !== undefined || caller !== undefined || trace !== undefined;
  return {
    method: to.text,
    body: input,
    meta: hasMeta ? { key, caller, trace } : undefined,
  };
}

/** Answers what comes over the wire. */
function wireHandlers(server: RequestServer): WireHandlers {
  const addresses = new Map<string, OperationAddress>();
  const message = (incoming: WireIncoming): RequestMessage => {
    let to = addresses.get(incoming.method);
    if (to === undefined) {
      to = addressOf(incoming.method);
      // Each connection names at most as many methods; what peers make up is not kept beyond that.
      if (addresses.size < addressesMax) addresses.set(incoming.method, to);
    }
    const { key, caller, trace } = (incoming.meta ?? {}) as Meta;
    return { to, input: incoming.body, key, caller, trace };
  };
  return {
    async call(incoming) {
      const reply = await server.call(message(incoming), incoming);
      if (reply.ok) return reply.output;
      throw new WireReplyError(reply.error);
    },
    stream: (incoming) => server.stream(message(incoming), incoming),
    refuse: (error) => {
      if (error instanceof WireReplyError || error instanceof LinkReplyError) return error.reply;
      return { code: "FAULT", reference: "", retryable: true } satisfies ErrorReply;
    },
  };
}

const addressesMax = 10_000;
