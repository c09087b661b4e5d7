import { expect, test } from "vitest";
import { RecentMap } from "./recent-map.ts";

test("the entries used last are kept, those long unused are forgotten", () => {
  const map = new RecentMap<string, number>(10);
  map.set("used", 1);
  map.set("unused", 2);
  for (let n = 0; n < 100; n++) {
    map.set(`n${n}`, n);
    expect(map.get("used")).toBe(1);
  }
  expect(map.get("unused")).toBeUndefined();
  expect(map.get("n99")).toBe(99);
});

test("a value that is written again counts, wherever the old one is", () => {
  const map = new RecentMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 1);
  map.set("a", 2);
  expect(map.get("a")).toBe(2);
});
