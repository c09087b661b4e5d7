import { expect, test } from "vitest";
import { ConfigError } from "../../errors/mod.ts";
import { addressesOf } from "./addresses.ts";

test("one host is the URL as it is, and must be a primary", () => {
  const url = "postgresql://app:p%40ss@db.internal:5433/shop?sslmode=verify-full";
  expect(addressesOf(url)).toEqual({ urls: [url], role: "primary" });
});

test("several hosts are several URLs in their order, each with its own port", () => {
  const { role, urls } = addressesOf(
    "postgres://app:secret@db1:5432,db2,[::1]:5434/shop?target_session_attrs=standby&sslmode=require",
  );
  expect(role).toBe("replica");
  expect(urls).toEqual([
    "postgres://app:secret@db1:5432/shop?sslmode=require",
    "postgres://app:secret@db2/shop?sslmode=require",
    "postgres://app:secret@[::1]:5434/shop?sslmode=require",
  ]);
});

test.each([
  ["any", "any"],
  ["read-write", "primary"],
  ["primary", "primary"],
  ["read-only", "replica"],
])("target_session_attrs=%s is a %s", (word, role) => {
  expect(addressesOf(`postgres://h1,h2/db?target_session_attrs=${word}`)).toEqual({
    urls: ["postgres://h1/db", "postgres://h2/db"],
    role,
  });
});

test("what is no address, or no word of libpq, is refused without a password", () => {
  for (const url of ["mysql://a:secret@b/c", "postgres://a:secret@h:x,b/c", `postgres://${"h,".repeat(17)}h/db`]) {
    expect(() => addressesOf(url)).toThrow(ConfigError);
    expect(() => addressesOf(url)).not.toThrow("secret");
  }
  expect(() => addressesOf("postgres://h1,h2/db?target_session_attrs=best")).toThrow("target_session_attrs");
});
