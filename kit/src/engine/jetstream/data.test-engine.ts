import { deleteStream, openNats } from "../../drivers/nats/mod.ts";
import { freshName, serverUrl } from "../../drivers/nats/server.test-nats.ts";
import type { Place } from "../fixture.test-engine.ts";
import { type JetStreamEngine, type JetStreamEngineOptions, openJetStreamEngine } from "./mod.ts";

/** Streams of its own on a server. Default: on the shared one. */
export function freshPlace(
  url: string = serverUrl,
  common: Partial<JetStreamEngineOptions> = {},
): Place<JetStreamEngine, JetStreamEngineOptions> {
  const stream = freshName();
  const small = { stateBytesMax: 4_194_304, streamBytesMax: 16_777_216 };
  return {
    open: (options) => openJetStreamEngine({ url, stream, ...small, ...common, ...options }),
    drop: async () => {
      await using connection = await openNats({ url });
      for (const name of [stream, `${stream}-snapshots`]) await deleteStream(connection, name);
    },
  };
}
