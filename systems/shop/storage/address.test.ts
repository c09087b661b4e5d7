import { expect, test } from "vitest";
import { UsageError } from "../usage-error.ts";
import { namespaceOf, storageAddress } from "./address.ts";

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

test("a namespace is a plain word", () => {
  expect(namespaceOf("shop_2")).toBe("shop_2");
  for (const text of ["", "Shop", "a-b", "2", "a".repeat(41)]) expect(() => namespaceOf(text)).toThrow("--namespace");
});
