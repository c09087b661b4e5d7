import fc from "fast-check";
import { expect, test } from "vitest";
import { compareText } from "../text-order.ts";
import { SortedNames } from "./sorted-names.ts";

const name = fc.string({ unit: fc.constantFrom("a", "b", "%", "\u{1f600}", "\uffee"), minLength: 1, maxLength: 4 });
const step = fc.oneof(
  fc.record({ do: fc.constant("add" as const), name }),
  fc.record({ do: fc.constant("remove" as const), name }),
  fc.record({
    do: fc.constant("scan" as const),
    after: fc.option(name, { nil: undefined }),
    prefix: fc.oneof(name, fc.constant("")),
  }),
);

test("a scan lists what is there, once, in order, behind a name and under a prefix", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const names = new SortedNames();
      const present = new Set<string>();
      for (const each of steps) {
        if (each.do === "add") {
          if (!present.has(each.name)) names.add(each.name);
          present.add(each.name);
        } else if (each.do === "remove") present.delete(each.name);
        else {
          const { after, prefix } = each;
          const listed = [...names.from(after, prefix, (one) => present.has(one))].filter((one) => present.has(one));
          const expected = [...present]
            .filter((one) => one.startsWith(prefix) && (after === undefined || compareText(one, after) > 0))
            .toSorted(compareText);
          expect(listed).toEqual(expected);
        }
      }
    }),
  );
});
