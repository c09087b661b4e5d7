import { expect, test } from "vitest";
import { z } from "zod";
import { call, contract } from "../contract/mod.ts";
import { implement } from "./implement.ts";
import { withServices } from "./one-service.test-system.ts";

const nothing = { input: z.object({}), output: z.object({}) };

test("needs and calls may have any name, and a call may be taken out of its client", async () => {
  const trips = contract("trips", { calls: { origin: call(nothing), clients: call(nothing), plan: call(nothing) } });
  const users = contract("users", { calls: { go: call(nothing) } });
  const asked: string[] = [];
  const told = (name: string) => () => (asked.push(name), {});
  const tripsService = implement(trips)({
    calls: { origin: told("origin"), clients: told("clients"), plan: told("plan") },
  });
  const usersService = implement(users)({
    needs: { origin: trips, clients: trips, toString: trips },
    calls: {
      async go({ needs }) {
        await needs.origin.origin({});
        await needs.clients.clients({});
        await needs.toString.plan({});
        const { plan } = needs.origin;
        return await plan({});
      },
    },
  });
  await withServices([tripsService, usersService], async ({ running }) => {
    expect(await running.client(users).go({})).toEqual({});
    expect(asked).toEqual(["origin", "clients", "plan", "plan"]);
  });
});
