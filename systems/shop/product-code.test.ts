import { expect, test } from "vitest";
import { chargeName, isStocked, productCode } from "./product-code.ts";

test("a code has one spelling", () => {
  expect(productCode(" 85123a ")).toBe("85123A");
  expect(productCode("gift_0001_40")).toBe("GIFT_0001_40");
});

test("charges and vouchers are not kept in stock, everything else is", () => {
  for (const code of ["POST", "DOT", "C2", "M", "D", "B", "S", "BANK CHARGES", "AMAZONFEE", "CRUK", "GIFT_0001_50"])
    expect(isStocked(code)).toBe(false);
  for (const code of ["85123A", "22423", "DCGS0076", "15056BL"]) expect(isStocked(code)).toBe(true);
  expect(chargeName("DOT")).toBe("postage of the web shop");
});
