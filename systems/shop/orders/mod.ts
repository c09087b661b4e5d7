export {
  orderDecider,
  takeUnits,
  type Order,
  type OrderEvent,
  type OrderLine,
  type PlacedOrder,
  type Rejection,
  type Returnable,
  type Sale,
  type TakenBack,
} from "./order.ts";
