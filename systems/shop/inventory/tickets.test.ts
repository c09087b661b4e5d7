import { openMemoryEngine } from "ashlar/engine/memory";
import { openEventStore } from "ashlar/events";
import { expect, test } from "vitest";
import { openTickets, type Tickets } from "./tickets.ts";

const never = new AbortController().signal;

async function withTickets(
  run: (tickets: Tickets, took: number[], take: (ticket: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  await using engine = await openMemoryEngine();
  const tickets = await openTickets(await openEventStore({ engine }));
  const took: number[] = [];
  const take = async (ticket: number): Promise<void> => {
    await tickets.turn(ticket, never);
    took.push(ticket);
  };
  await run(tickets, took, take);
}

/** Long enough for every promise that is ready. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

test("tickets are decided in their order, whoever asks first", async () => {
  await withTickets(async (tickets, took, take) => {
    const asked = [3, 2, 1].map(take);
    for (const ticket of [1, 2, 3]) {
      await rest();
      expect(took.at(-1)).toBe(ticket);
      tickets.decided(ticket);
    }
    await Promise.all(asked);
  });
});

test("whoever is refused decides again when the ticket before it is in the log, and not earlier", async () => {
  await withTickets(async (tickets, took, take) => {
    await take(1);
    tickets.decided(1);
    await take(2);
    tickets.decided(2);
    // Both commits were refused. The second comes back first.
    const second = take(2);
    await rest();
    expect(took).toEqual([1, 2]);
    await take(1);
    tickets.decided(1);
    await rest();
    expect(took).toEqual([1, 2, 1]);
    tickets.granted(1);
    await second;
    tickets.decided(2);
    tickets.granted(2);
    await take(3);
    expect(took).toEqual([1, 2, 1, 2, 3]);
  });
});

test("a decision that is told late makes nobody wait for ever", async () => {
  await withTickets(async (tickets, took, take) => {
    await take(1);
    tickets.decided(1);
    await take(2);
    tickets.decided(2);
    const third = take(3);
    tickets.decided(1);
    tickets.granted(2);
    tickets.granted(1);
    await third;
    await take(3);
    expect(took).toEqual([1, 2, 3, 3]);
  });
});

test("who stops waiting leaves the others their turns", async () => {
  await withTickets(async (tickets, took, take) => {
    await take(1);
    const controller = new AbortController();
    const waiting = tickets.turn(2, controller.signal);
    controller.abort(new Error("stopped"));
    await expect(waiting).rejects.toThrow("stopped");
    tickets.decided(1);
    await take(2);
    expect(took).toEqual([1, 2]);
  });
});
