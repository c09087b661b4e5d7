export { openPostgresBus, type PostgresBusOptions } from "./open.ts";
