import { describe, expect, test } from "vitest";
import { decider, eventTypes, reject } from "../mod.ts";
import { specification } from "./mod.ts";

type LightEvent = { readonly type: "Switched"; readonly data: { readonly to: "on" | "off"; readonly by?: string } };

const light = decider<"on" | "off", { readonly to: "on" | "off" }, LightEvent, { readonly already: string }>({
  name: "light",
  events: eventTypes<LightEvent>({ Switched: {} }),
  initial: () => "off",
  decide: (state, { to }) => (state === to ? reject({ already: to }) : [{ type: "Switched", data: { to } }]),
  evolve: (_state, event) => event.data.to,
});

const given = specification(light);
const switchedOn: LightEvent = { type: "Switched", data: { to: "on" } };

describe("specification", () => {
  test("passes when the rules say what was expected", () => {
    const holds = (): void => {
      given([]).when({ to: "on" }).then([switchedOn]);
      given([]).when({ to: "on" }).thenState("on");
      given([switchedOn]).thenState("on");
      given([switchedOn]).when({ to: "on" }).thenRejected({ already: "on" });
      given([])
        .when({ to: "on" })
        .then([{ type: "Switched", data: { to: "on", by: undefined } } as unknown as LightEvent]);
    };
    expect(holds).not.toThrow();
  });

  test.each([
    ["other events", () => given([]).when({ to: "on" }).then([])],
    ["missing events", () => given([]).when({ to: "on" }).thenNothing()],
    ["events instead of a rejection", () => given([]).when({ to: "on" }).thenRejected({ already: "on" })],
    ["a rejection instead of events", () => given([]).when({ to: "off" }).then([])],
    ["another rejection", () => given([]).when({ to: "off" }).thenRejected({ already: "on" })],
    ["another state", () => given([]).when({ to: "on" }).thenState("off")],
  ])("fails on %s", (_name, run) => {
    expect(run).toThrow(expect.objectContaining({ name: "SpecificationError" }));
  });

  test("an event that storage would change fails the specification", () => {
    expect(() => given([{ type: "Switched", data: { to: "on", by: new Date(0) } } as unknown as LightEvent])).toThrow(
      /by/,
    );
  });
});
