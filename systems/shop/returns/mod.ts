export { matchReturn, type Purchase, type ReturnMatch } from "./match-return.ts";
export {
  returnDecider,
  type RequestedReturn,
  type Return,
  type ReturnEvent,
  type ReturnLine,
  type ReturnPart,
} from "./return.ts";
