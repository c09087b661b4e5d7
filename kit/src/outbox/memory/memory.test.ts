import { expect, test } from "vitest";
import { exercisePublisher } from "../conformance/mod.ts";
import { memoryPublisher } from "./mod.ts";

exercisePublisher(
  "memory",
  async () => {
    const publisher = memoryPublisher();
    return { publisher, held: async () => publisher.events, repeated: "once", dispose: async () => undefined };
  },
  { test },
);

test("the oldest give way beyond eventsMax", async () => {
  const publisher = memoryPublisher({ eventsMax: 2 });
  const event = { log: "l", stream: "s", version: 1, type: "T", data: "{}", meta: undefined, recordedAtMs: 0 };
  for (const position of [1, 2, 3]) await publisher.publish({ ...event, id: `l@${position}`, position });
  expect(publisher.events.map(({ id }) => id)).toEqual(["l@2", "l@3"]);
});
