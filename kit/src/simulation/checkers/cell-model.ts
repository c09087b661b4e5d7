import type { SequentialModel } from "./linearizability.ts";

/** A call on a cell: read it, or write it under a condition. `undefined` stands for absent. */
export type CellInput =
  | { readonly do: "read"; readonly cell: string }
  | { readonly do: "write"; readonly cell: string; readonly value: string | undefined }
  | { readonly do: "swap"; readonly cell: string; readonly from: string | undefined; readonly to: string | undefined };

/** What the call answered: the value read; whether the write was taken. */
export type CellOutput = { readonly read: string | undefined } | { readonly written: "yes" | "no" };

/** A cell with reads, writes and compare-and-set by value, for {@link checkLinearizable}. Values of one cell should be distinct. */
export const cellModel: SequentialModel<{ readonly value: string | null }, CellInput, CellOutput> = {
  key: ({ cell }) => cell,
  initial: () => ({ value: null }),
  step: (state, input, output) => {
    switch (input.do) {
      case "read":
        if (output === undefined) return { next: state };
        return "read" in output && (output.read ?? null) === state.value ? { next: state } : "impossible";
      case "write":
        return isTaken(output) === "no" ? "impossible" : { next: { value: input.value ?? null } };
      case "swap": {
        const fits = (input.from ?? null) === state.value ? "yes" : "no";
        if (isTaken(output) !== undefined && isTaken(output) !== fits) return "impossible";
        return { next: fits === "yes" ? { value: input.to ?? null } : state };
      }
    }
  },
};

function isTaken(output: CellOutput | undefined): "yes" | "no" | undefined {
  return output !== undefined && "written" in output ? output.written : undefined;
}
