import type { Clock } from "../../clock/mod.ts";
import { deleteStream, openNats } from "../../drivers/nats/mod.ts";
import { freshName } from "../../drivers/nats/server.test-nats.ts";
import type { EngineFixture } from "../conformance/mod.ts";
import { type JetStreamEngine, type JetStreamEngineOptions, openJetStreamEngine } from "./mod.ts";

/** Removes an engine's streams. */
export async function dropData(url: string, stream: string): Promise<void> {
  await using connection = await openNats({ url });
  for (const name of [stream, `${stream}-snapshots`]) await deleteStream(connection, name);
}

/** An engine on streams of its own; `options` besides. */
export function fixtureOn(url: () => string, options: Partial<JetStreamEngineOptions> = {}) {
  return async ({ clock }: { readonly clock: Clock }): Promise<EngineFixture<JetStreamEngine>> => {
    const stream = freshName();
    const opened: JetStreamEngine[] = [];
    const open = async (): Promise<JetStreamEngine> => {
      const engine = await openJetStreamEngine({
        url: url(),
        stream,
        clock,
        stateBytesMax: 4_194_304,
        streamBytesMax: 16_777_216,
        ...options,
      });
      opened.push(engine);
      return engine;
    };
    const engine = await open();
    return {
      engine,
      openAnother: open,
      reopen: async () => {
        for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
        return await open();
      },
      dispose: async () => {
        for (const each of opened) await each[Symbol.asyncDispose]();
        await dropData(url(), stream);
      },
    };
  };
}
