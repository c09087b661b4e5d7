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
export { customerOrders, readCustomerOrder } from "./customer-orders.ts";
export { orderSaga, type OrderInput, type OrderSaga, type OrderServices } from "./order-saga.ts";
export { PlacedOrders } from "./placed-orders.ts";
export { openTickets, type Tickets } from "./tickets.ts";
export { Orders, type OrdersOptions } from "./orders.ts";
