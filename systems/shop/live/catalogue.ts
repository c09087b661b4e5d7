import type { Product } from "../catalog/mod.ts";

/** A product of the built-in catalogue and how many of it are on the shelf in the morning. */
export interface ShelfProduct extends Product {
  readonly shelf: number;
}

// Code, price, units on the shelf, name; the earlier in the list, the more it is asked for.
const rows = `
MUG-BLUE     8.50  120 Stoneware mug, blue
LAMP-DESK   34.00   60 Desk lamp, brass
CANDLE-3     6.20  110 Beeswax candles, set of three
TOWEL-LIN   11.90   90 Linen tea towel, striped
BOWL-OAK    27.50   50 Oak salad bowl
KETTLE-EN   42.00   45 Enamel kettle, cream
SOAP-OLIVE   4.80  130 Olive soap, hand cut
NOTE-A5      7.25  100 Notebook A5, dotted
SCARF-WOOL  38.00   40 Wool scarf, moss
CLOCK-WALL  46.00   30 Wall clock, birch
MUG-WHITE    8.50  100 Stoneware mug, white
TRAY-TIN    14.40   60 Tin tray, botanical
APRON-DEN   29.00   45 Denim apron
PLANT-TERRA 12.60   70 Terracotta pot with saucer
GLASS-4     19.80   55 Tumblers, set of four
BOARD-OLIVE 24.00   45 Olive wood board
BLANKET-CO  64.00   25 Cotton blanket, waffle
TEAPOT-IRON 52.00   25 Iron teapot, black
FRAME-A4    16.30   50 Picture frame A4, ash
JAR-1L       9.10   80 Preserving jar, one litre
BRUSH-DISH   5.40   90 Dish brush, beech
CUSHION-45  31.50   40 Cushion, rust
VASE-SMALL  18.20   45 Bud vase, recycled glass
SPOON-SET   22.70   40 Wooden spoons, set of five
LUNCHBOX    26.00   40 Steel lunch box
BASKET-WIL  44.80   25 Willow basket
PENCIL-12    6.60   90 Graphite pencils, dozen
COASTER-6   13.50   55 Slate coasters, set of six
MAT-DOOR    28.90   30 Coir door mat
HOOK-3      15.70   45 Wall hooks, set of three
BOTTLE-75   21.00   50 Water bottle, three quarters
TWINE-JUTE   3.90  100 Jute twine
THERMOS-1   36.50   30 Vacuum flask, one litre
PAN-24      58.00   20 Iron pan, 24 cm
MILL-PEPPER 33.20   30 Pepper mill, walnut
SALT-PIG    17.40   35 Salt pig, glazed
CARAFE-1    23.60   30 Carafe with glass
RUG-60      72.00   15 Rag rug, 60 by 90
LAMP-OIL    39.50   20 Storm lantern
STOOL-STEP  68.00   15 Step stool, pine
CADDY-TEA   12.90   45 Tea caddy, tin
STRAINER     5.90   70 Tea strainer
GLOVE-OVEN  14.80   45 Oven glove, quilted
CRUMBLE-DI  19.20   30 Baking dish, oval
PIN-ROLL    16.90   35 Rolling pin, maple
WHISK-BALL  10.40   45 Balloon whisk
SCALE-KITCH 41.00   20 Kitchen scale
CALENDAR    11.20   60 Wall calendar
CARDS-10     8.90   70 Greeting cards, set of ten
WRAP-3       7.80   70 Wrapping paper, three sheets
RIBBON-10    4.20   80 Ribbon, ten metres
STAR-PAPER   9.60   50 Paper star, folded
BELL-BRASS  13.10   35 Brass bell
PUZZLE-500  24.90   30 Puzzle, five hundred pieces
CHESS-TRAV  35.80   20 Travel chess
KITE-SMALL  18.70   25 Pocket kite
BIRD-HOUSE  29.60   20 Bird house, cedar
SEEDS-HERB   5.10   80 Herb seeds, six kinds
TROWEL      13.80   40 Garden trowel
CAN-WATER   32.40   20 Watering can, five litres
`;

const rowPattern = /^(\S+)\s+(\d+)\.(\d\d)\s+(\d+)\s+(.+)$/;

/** What the live shop sells: about sixty products with prices, those that are asked for most first. */
export const catalogue: readonly ShelfProduct[] = rows.trim().split("\n").map(productOf);

function productOf(row: string): ShelfProduct {
  const [, code = "", pounds = "", pence = "", shelf = "", name = ""] = rowPattern.exec(row) ?? [];
  return { code, name, price: Number(pounds) * 10_000 + Number(pence) * 100, shelf: Number(shelf) };
}
