export { type Purchase, type ReturnMatch } from "./match-return.ts";
export {
  returnDecider,
  type RequestedReturn,
  type Return,
  type ReturnEvent,
  type ReturnLine,
  type ReturnPart,
} from "./return.ts";
export { returnSaga, type ReturnInput, type ReturnSaga, type ReturnServices } from "./return-saga.ts";
export { Returns, type MatchedReturn, type PlannedReturn, type ReturnRequest, type ReturnsOptions } from "./returns.ts";
