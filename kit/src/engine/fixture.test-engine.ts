import type { Clock } from "../clock/mod.ts";
import type { EngineBase } from "./mod.ts";
import { waitedFor } from "./waited-for.test-engine.ts";

/** Where the engines of one test keep their data, on which no other test looks. */
export interface Place<E extends EngineBase, O> {
  open(options?: Partial<O>): Promise<E>;
  /** Removes the data. */
  drop(): Promise<void>;
}

/** Opens engines on a place. */
export type OpenOn<E extends EngineBase, O> = (options?: Partial<O>) => Promise<E>;

/** Runs the test with engines on one place, which are closed at the end, and the data removed. */
export async function withEngines<E extends EngineBase, O>(
  place: Place<E, O>,
  run: (open: OpenOn<E, O>) => Promise<void>,
): Promise<void> {
  const opened: E[] = [];
  try {
    await run(async (options) => {
      const engine = await place.open(options);
      opened.push(engine);
      return engine;
    });
  } finally {
    for (const engine of opened) await engine[Symbol.asyncDispose]();
    await place.drop();
  }
}

/** An engine on a place, and further ones, for suites. */
export interface Fixture<E extends EngineBase> {
  readonly engine: E;
  readonly openAnother: () => Promise<E>;
  readonly reopen: () => Promise<E>;
  readonly dispose: () => Promise<void>;
}

/** For the suite of the port. */
export async function fixtureOn<E extends EngineBase>(place: Place<E, never>): Promise<Fixture<E>> {
  const opened: E[] = [];
  const open = async (): Promise<E> => {
    const engine = await place.open();
    opened.push(engine);
    return engine;
  };
  const closeAll = async (): Promise<void> => {
    for (const engine of opened.splice(0)) await engine[Symbol.asyncDispose]();
  };
  return {
    engine: await open(),
    openAnother: open,
    reopen: async () => {
      await closeAll();
      return open();
    },
    dispose: async () => {
      await closeAll();
      await place.drop();
    },
  };
}

/** The same for suites of capabilities, whose manual clock waits for the server. */
export async function waitedFixtureOn<E extends EngineBase>(place: Place<E, never>, clock: Clock): Promise<Fixture<E>> {
  const fixture = await fixtureOn({
    open: async () => waitedFor(await place.open(), clock),
    drop: () => place.drop(),
  });
  // Opened before it is asked for: while time flows, a connection to a server would take a lease's worth of it.
  const spares = [await fixture.openAnother()];
  return { ...fixture, openAnother: async () => spares.pop() ?? (await fixture.openAnother()) };
}
