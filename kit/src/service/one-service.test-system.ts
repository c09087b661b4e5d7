import { type ManualClock, manualClock } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { engineToken, provide } from "./engine-token.ts";
import type { Implementation } from "./implement.ts";
import type { LogLine } from "./log.ts";
import { openServices, type OpenServices, type OpenServicesOptions } from "./open-services.ts";
import { system } from "./system.ts";

/** The engine that implementations of a test name. */
export const testEngine: ReturnType<typeof engineToken> = engineToken("test");

export interface ServiceWorld {
  readonly running: OpenServices;
  readonly clock: ManualClock;
  readonly lines: LogLine[];
}

/** Runs implementations in this process under a manual clock, and closes them. */
export async function withServices(
  services: readonly Implementation[],
  run: (world: ServiceWorld) => Promise<void>,
  options: OpenServicesOptions & { readonly engine?: (clock: ManualClock) => Promise<Engine> } = {},
): Promise<void> {
  const clock = manualClock();
  const lines: LogLine[] = [];
  const { engine = (): Promise<Engine> => openMemoryEngine({ clock }), ...more } = options;
  const engines = [provide(testEngine, { open: () => engine(clock) })];
  const running = await openServices(system("alone", { services, engines }), {
    clock,
    random: seededRandom("alone"),
    log: (line) => void lines.push(line),
    ...more,
  });
  try {
    await run({ running, clock, lines });
  } finally {
    const closed = running[Symbol.asyncDispose]();
    await clock.advance(120_000);
    await closed;
  }
}

/** What a promise is rejected with; waited for from the start. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
