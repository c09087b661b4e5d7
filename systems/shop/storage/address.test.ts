import { expect, test } from "vitest";
import { UsageError } from "../usage-error.ts";
import { namespaceOf, readsAddress, storageAddress } from "./address.ts";

test("an address is files, or a database of one or several hosts, and never shows a password", () => {
  expect(storageAddress()).toEqual({ kind: "files" });
  expect(storageAddress("sqlite")).toEqual({ kind: "files" });
  const url = "postgres://app:secret@db1:5432,db2:5433/shop?sslmode=require";
  expect(storageAddress(url)).toEqual({ kind: "postgres", url, shown: "postgres://app@db1:5432,db2:5433/shop" });
  expect(storageAddress("postgresql://db/shop")).toMatchObject({ kind: "postgres" });
});

test.each([
  ["mysql://app:secret@db/shop", "mysql://"],
  ["postgres://", "not a whole address"],
  ["postgres://app:secret@/shop", "not a whole address"],
  ["files", "sqlite or postgres://"],
  ["app:secret@db", "sqlite or postgres://"],
])("%s is refused without showing a password", (text, says) => {
  expect(() => storageAddress(text)).toThrow(UsageError);
  expect(() => storageAddress(text)).toThrow(says);
  expect(() => storageAddress(text)).not.toThrow("secret");
});

test("reads go to one replica of a database, if they are told to", () => {
  const database = storageAddress("postgres://app:secret@db/shop");
  expect(readsAddress(undefined, storageAddress())).toBeUndefined();
  expect(readsAddress("postgres://app:secret@replica:5433/shop", database)).toMatchObject({
    shown: "postgres://app@replica:5433/shop",
  });
  for (const [text, engine, says] of [
    ["postgres://app:secret@replica/shop", storageAddress(), "files have none"],
    ["postgres://app:secret@one,two/shop", database, "one replica"],
    ["postgres://", database, "--reads is not a whole address"],
    ["sqlite", database, '--reads is "sqlite"'],
    ["app:secret@replica", database, '--reads is "app…"'],
  ] as const) {
    expect(() => readsAddress(text, engine)).toThrow(UsageError);
    expect(() => readsAddress(text, engine)).toThrow(says);
    expect(() => readsAddress(text, engine)).not.toThrow("secret");
  }
});

test("a namespace is a plain word", () => {
  expect(namespaceOf("shop_2")).toBe("shop_2");
  for (const text of ["", "Shop", "a-b", "2", "a".repeat(41)]) expect(() => namespaceOf(text)).toThrow("--namespace");
});
