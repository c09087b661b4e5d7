import { expect, test } from "vitest";
import { readConfig, UsageError } from "./config.ts";

test("a replay has sound defaults", () => {
  expect(readConfig(["replay", "orders.csv"])).toEqual({
    command: "replay",
    file: "orders.csv",
    data: "shop-data",
    engine: "sqlite",
    namespace: "shop",
    cache: undefined,
    bus: undefined,
    reads: undefined,
    stock: "plenty",
    faults: "none",
    seed: 1,
    limit: undefined,
    durability: "process",
    output: "text",
    spread: "off",
    services: "here",
  });
});

test.each([
  [[], "unknown command"],
  [["reply", "x"], "unknown command"],
  [["replay"], "needs a file"],
  [["replay", "a", "b"], "one file"],
  [["replay", "a", "--stock", "some"], "--stock"],
  [["replay", "a", "--seed", "-1"], '--seed is "-1"; give it an integer of 0 or more'],
  [["replay", "a", "--data", "-x"], "--data needs a value that does not begin with a dash"],
  [["replay", "a", "--spread", "-1"], "--spread"],
  [["replay", "a", "--seed", "x"], "--seed"],
  [["replay", "a", "--limit", "0"], "--limit"],
  [["replay", "a", "--colour"], "--colour"],
  [["replay", "a", "--spread", "--elsewhere"], "choose one"],
  [["replay", "a", "--engine", "mysql://a"], "mysql://"],
  [["replay", "a", "--cache", "memcached://a"], "--cache is memcached://"],
  [["replay", "a", "--bus", "amqp://a"], "--bus is amqp://"],
  [["replay", "a", "--reads", "postgres://replica/a"], "files have none"],
  [["replay", "a", "--engine", "postgres://a", "--reads", "mysql://a"], "--reads is an address of mysql://"],
  [["replay", "a", "--engine", "postgres://a", "--reads", "postgres://b,c/a"], "one replica"],
  [["replay", "a", "--namespace", "A"], "--namespace"],
  [["replay", "a", "--durability", "replicated"], "needs a database"],
])("%o is refused in one sentence", (args, text) => {
  expect(() => readConfig(args)).toThrow(UsageError);
  expect(() => readConfig(args)).toThrow(text);
});
