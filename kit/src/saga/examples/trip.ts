// A trip that waits for a person and for news: an approval with a limit, a race between a signal and time, a child saga.
import type { Engine } from "../../engine/mod.ts";
import { openSagas, saga, signal } from "../mod.ts";

const dayMs = 86_400_000;
const confirmed = signal<{ readonly seat: string }>("confirmed");

const hotel = saga("hotel", { version: "1" }, async (nights: number, { step }) => {
  return await step("book", ({ key }) => `${nights} nights as ${key}`);
});

const trip = saga("trip", { version: "1" }, async (input: { readonly nights: number }, context) => {
  const decision = await context.approval("budget", { withinMs: 2 * dayMs, otherwise: "reject", assignee: "finance" });
  if (!decision.approved) context.fail("no budget", { by: decision.by });
  const room = await context.child(hotel, `${context.id}-hotel`, input.nights);
  const answer = await context.race({
    seat: context.signal(confirmed),
    silence: context.sleep("patience", 10 * dayMs),
  });
  return { room, seat: answer.winner === "seat" ? answer.value.seat : "none" };
});

/** Plays a trip in which finance agrees and the airline confirms, and tells what it ended with. */
export async function travel(engine: Engine): Promise<unknown> {
  await using sagas = await openSagas({ engine, sagas: [trip, hotel] });
  const run = await sagas.start(trip, "t1", { nights: 3 });
  await sagas.approve(trip, "t1", { name: "budget", by: "kim" });
  // Kept until the trip takes it, and dropped when it is sent again.
  await sagas.signal(trip, "t1", confirmed, { seat: "12A" }, { dedupId: "airline-77" });
  await sagas.signal(trip, "t1", confirmed, { seat: "12A" }, { dedupId: "airline-77" });
  const outcome = await run.result({ withinMs: 10_000 });
  return outcome.status === "completed" ? outcome.output : outcome.status;
}
