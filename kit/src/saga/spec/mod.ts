export { playEveryCrash, playSaga, type Played, type Scenario, type Stage } from "./play.ts";
