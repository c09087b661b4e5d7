import type { SqliteEngine } from "../../engine/sqlite/mod.ts";
import { openQueue, openTopic, openWorker, queue, topic } from "../mod.ts";

export interface Payment {
  readonly order: string;
  readonly cents: number;
}

const payments = queue<Payment>("payments", { requires: "process" });
const paidOrders = topic<Payment>("orders paid");

/** Books payments into the caller's own table. Booking, the message to all who want to hear of it, and the end of the job are one transaction:
 *  whenever this process dies, all of it has happened or none. Answers the sum booked. */
export async function book(engine: SqliteEngine, incoming: readonly Payment[]): Promise<number> {
  await engine.transaction(
    ({ sql }) => void sql.run("create table booked (job text primary key, cents integer) strict"),
  );
  const orders = await openTopic({ engine, topic: paidOrders });
  const shipping = await orders.subscribe("shipping");
  const jobs = await openQueue({ engine, queue: payments });
  {
    await using _worker = await openWorker({
      queue: jobs,
      handle: async (job) => {
        job.also(...(await orders.changes([job.input])));
        await job.tx(({ sql }) => void sql.run("insert into booked values (?, ?)", job.id, job.input.cents));
      },
    });
    await jobs.addMany(incoming);
    while ((await shipping.status()).ready < incoming.length) await engine.clock.sleep(5);
  }
  const sum = "select sum(cents) as cents from booked";
  const row = await engine.transaction(({ sql }) => sql.get<{ cents: number }>(sum));
  return row?.cents ?? 0;
}
