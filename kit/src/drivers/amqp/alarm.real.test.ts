import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { type PrivateBroker, programs, startBroker } from "./broker.test-broker.ts";
import { openAmqp } from "./mod.ts";

let own: PrivateBroker | undefined;
const sbin = programs();

beforeAll(async () => {
  if (sbin !== undefined) own = await startBroker(sbin);
}, 120_000);
afterAll(async () => own?.[Symbol.asyncDispose](), 60_000);
beforeEach((context) => {
  if (own === undefined)
    context.skip("the programs of RabbitMQ are not installed, so that no broker of its own can be started");
});

async function eventually<T>(ask: () => Promise<T> | T, holds: (answer: T) => boolean): Promise<T> {
  for (let look = 0; look < 1_000; look++) {
    const answer = await ask();
    if (holds(answer)) return answer;
    await systemClock.sleep(20);
  }
  return expect.unreachable("it does not come about");
}

function broker(): PrivateBroker {
  return own ?? expect.unreachable("there is a broker");
}

test("scenario 19: while an alarm lasts, publishing is refused at once and said to be blocked, consuming goes on, and it works again after", async () => {
  // Long: what the broker was sent before it told of the alarm is confirmed behind it, and its program for commands takes seconds on a busy machine.
  await using open = await openAmqp({ url: broker().url, answerMaxMs: 100_000 });
  await open.ask("declaring", (wire) => wire.assertQueue("alarmed"));
  await using publisher = open.publisher();
  const publish = (): Promise<void> => publisher.publish({ exchange: "", routingKey: "alarmed", content: "x" });
  await publish();
  await broker().control("set_vm_memory_high_watermark", "absolute", "1MB");
  await eventually(
    async () => broker().control("eval", "rabbit_alarm:get_alarms()."),
    (alarms) => alarms.includes("memory"),
  );
  // The broker tells a connection of the alarm when it publishes first.
  const attempts: Promise<unknown>[] = [];
  const refused = await eventually(
    () => {
      attempts.push(publish().catch((error: unknown) => error));
      return Promise.race([attempts.at(-1), systemClock.sleep(50)]);
    },
    (answer) => answer instanceof Error,
  );
  expect(refused).toMatchObject({ code: "AMQP", reason: "blocked", retryable: true });
  expect(await open.health()).toMatchObject({ status: "blocked" });
  // Settlements are on another connection.
  expect(await open.ask("reading", (wire) => wire.get("alarmed", { noAck: true }))).toMatchObject({ fields: {} });
  await broker().control("set_vm_memory_high_watermark", "0.6");
  await eventually(
    () => open.health(),
    ({ status }) => status === "up",
  );
  await publish();
  // Those that were under way when the alarm came were taken when it was over.
  expect(
    (await Promise.all(attempts)).filter(
      (answer) => answer instanceof Error && !answer.message.includes("no messages"),
    ),
  ).toEqual([]);
}, 120_000);

test("scenario 9: a broker that is killed and started again is found again, and has kept what it confirmed", async () => {
  await using open = await openAmqp({ url: broker().url, connectMaxMs: 60_000 });
  await open.ask("declaring", (wire) =>
    wire.assertQueue("kept", { durable: true, arguments: { "x-queue-type": "quorum" } }),
  );
  await using publisher = open.publisher();
  for (let n = 0; n < 50; n++) await publisher.publish({ exchange: "", routingKey: "kept", content: String(n) });
  // One that is declared in the last moments before the kill may come back without a leader (3.10): see the README.
  await systemClock.sleep(3_000);
  await broker().kill();
  const starting = broker().start();
  await publisher.publish({ exchange: "", routingKey: "kept", content: "after" });
  await starting;
  const { messageCount } = await eventually(
    () => open.ask("counting", (wire) => wire.checkQueue("kept")),
    (answer) => answer.messageCount >= 51,
  );
  expect(messageCount).toBe(51);
}, 120_000);
