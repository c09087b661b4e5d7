import { call, contract } from "ashlar/contract";
import { z } from "zod";
import { nothingSchema } from "./schemas.ts";

/** Tells customers how their orders and returns went. */
export const notifications = contract("notifications", {
  owner: "customer care",
  responsibilities: ["Tells each customer once, by the channel that reaches them"],
  calls: {
    status: call({
      summary: "How far the events of the orders have been told.",
      input: nothingSchema,
      output: z.object({
        through: z.int().describe("Position up to which events were taken in."),
        waiting: z.int(),
        dead: z.int().describe("Messages that no channel will ever deliver."),
      }),
      semantics: "safe",
    }),
    audit: call({
      summary: "Counts what the channels really delivered.",
      input: nothingSchema,
      output: z.object({ delivered: z.int(), repeated: z.int(), dead: z.int(), waiting: z.int() }),
      semantics: "safe",
    }),
  },
});
