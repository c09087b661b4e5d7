import { ImportConflictError } from "./imports/importer.ts";
import { quarantinedPage } from "./imports/quarantine.ts";
import type { OrderCalls } from "./order-desk.ts";

/** Order files. */
export const importCalls: Pick<OrderCalls, "beginImport" | "importInvoices" | "finishImport" | "quarantine"> = {
  beginImport: ({ input, own, fail }) =>
    orConflict(own.imports.begin(input, input.name), (reason) => fail.conflict({ reason })),
  importInvoices: ({ input, own, fail }) =>
    orConflict(own.imports.add(input, input.after, input.invoices), (reason) => fail.conflict({ reason })),
  finishImport: ({ input, own, fail }) =>
    orConflict(own.imports.finish(input, input.end), (reason) => fail.conflict({ reason })),
  quarantine: ({ input, engine }) => quarantinedPage(engine, input),
};

async function orConflict<T>(work: Promise<T>, failure: (reason: string) => Error): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ImportConflictError) throw failure(error.message);
    throw error;
  }
}
