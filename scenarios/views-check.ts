import { activeView, type EventStore, retireProjection, type Stored } from "ashlar/events";
import { checkConvergence, checkEffects, type Violation } from "ashlar/simulation/checkers";
import { type BedEngine, broken, refuse, soundEngine } from "./bed.ts";
import { diary, lastTexts, typesWithErasure, type Wrote } from "./views-domain.ts";
import type { ViewsHistory } from "./views-history.ts";

/** What the README of ashlar/events promises of erasure, views, parked streams and copies. */
export async function checkViews(history: ViewsHistory, store: EventStore): Promise<void> {
  const { engine } = store;
  const from = history.moment();
  const events = await Array.fromAsync(store.readAll({ types: typesWithErasure }));
  history.read(JSON.stringify(events), { from, where: "the log at the end" });
  for (const space of ["texts@1", "texts@2", "snapshot/main"])
    history.read((await cellsOf(engine, space)).map(({ value }) => value).join(" "), { from, where: space });
  const wrote = events.filter((event): event is Stored<Wrote> => event.type === "Wrote");
  refuse([
    ...broken("events: erasure, views", "something was read that may not be", history.violations),
    ...(await nothingInTheClear(engine)),
    ...markedStreams(events),
    ...(await viewsAreRight(store, events)),
    ...(await effectsRight(history, engine, wrote)),
    ...broken("events: snapshots", "copies are wrong", await store.verifySnapshots(diary)),
    ...(await retired(store)),
    ...(await soundEngine(engine)),
  ]);
}

async function cellsOf(engine: BedEngine, space: string) {
  return await Array.fromAsync(engine.scan({ kind: "cells", space, limit: 1_000 }));
}

/** As it lies in the store, no text of a member can be read in the log. */
async function nothingInTheClear(engine: BedEngine): Promise<readonly Violation[]> {
  const { events } = await engine.read({ log: "main", after: 0, limit: 10_000 });
  return broken(
    "events: sealed",
    "a personal field lies in the clear",
    events.filter(({ data }) => data.includes("secret-")),
  );
}

/** Behind whatever was written before an erasure, its stream is marked. */
function markedStreams(events: readonly Stored[]): readonly Violation[] {
  const wrong = [...Map.groupBy(events, ({ stream }) => stream)].filter(([, all]) => {
    const marked = all.findLastIndex(({ type }) => type === "$erased");
    return all.slice(marked + 1).some(({ data }) => (data as Wrote["data"]).text === "[erased]");
  });
  return broken("events: erasure", "a stream is not marked", wrong);
}

async function viewsAreRight(store: EventStore, events: readonly Stored[]): Promise<readonly Violation[]> {
  const { engine } = store;
  const streams = Map.groupBy(events, ({ stream }) => stream);
  const rows = async (space: string): Promise<unknown> =>
    Object.fromEntries((await cellsOf(engine, space)).map(({ key, value }) => [key, JSON.parse(value) as unknown]));
  const said = (row: (all: readonly Stored[]) => unknown): unknown =>
    Object.fromEntries([...streams].flatMap(([stream, all]) => (row(all) === undefined ? [] : [[stream, row(all)]])));
  const counts = said((all) => all.filter(({ type }) => type === "Wrote").length);
  const last = said((all) => {
    const event = all.at(-1);
    return event?.type === "Wrote" ? (event.data as Wrote["data"]).text : undefined;
  });
  return [
    ...checkConvergence(
      new Map([
        ["log", said((all) => all.length)],
        ["inline view", await rows("versions")],
      ]),
    ),
    ...checkConvergence(
      new Map([
        ["log", counts],
        ["view 2", await rows("texts@2")],
      ]),
    ),
    ...checkConvergence(
      new Map([
        ["log", last],
        ["view 1", await rows("texts@1")],
      ]),
    ),
    ...((await activeView(store, "texts")) === "texts@2"
      ? []
      : broken("events: rebuild", "the new view is not active", [1])),
  ];
}

/** Each event has its effect once and in order; those that are missing were skipped, by somebody who asked for it. */
async function effectsRight(
  { skips }: ViewsHistory,
  engine: BedEngine,
  wrote: readonly Stored[],
): Promise<readonly Violation[]> {
  const { events } = await engine.read({ log: "greetings", after: 0, limit: 10_000 });
  const effects = events.map(({ data }) => data);
  const due = wrote.map(({ stream, version }) => `${stream}@${version}`);
  const missing = Map.groupBy(
    wrote.filter(({ stream, version }) => !effects.includes(`${stream}@${version}`)),
    ({ stream }) => stream,
  );
  const unasked = [...missing].filter(
    ([stream, all]) => skips.filter((one) => one.stream === stream).length < all.length,
  );
  const latest = new Map<string, number>();
  const disorder = effects.filter((effect) => {
    const [stream = "", version] = effect.split("@");
    const isLate = Number(version) <= (latest.get(stream) ?? 0);
    latest.set(stream, Number(version));
    return isLate;
  });
  return [
    ...checkEffects(
      effects.map((key) => ({ key })),
      "at most once",
      due,
    ),
    ...broken("events: skip", "an event was left out and nobody asked for it", unasked),
    ...broken("events: order of effects", "effects of a stream lie in another order than its events", disorder),
  ];
}

/** The old version goes, with its cells; the one that readers use stays. */
async function retired(store: EventStore): Promise<readonly Violation[]> {
  const answer = await retireProjection({ store, projection: lastTexts });
  const left = await cellsOf(store.engine, "texts@1");
  return answer === "retired" && left.length === 0
    ? []
    : broken("events: retire", "the old view is there", [answer, left]);
}
