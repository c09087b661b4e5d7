export { audit, type Invariant, type Totals } from "./audit.ts";
