import { inspect } from "node:util";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { ConfigError } from "../errors/mod.ts";
import {
  bytesOption,
  config,
  ConfigFaultsError,
  describeConfig,
  durationOption,
  intOption,
  listOption,
  loadConfig,
  numberOption,
  oneOfOption,
  onOffOption,
  optional,
  type Secret,
  schemaOption,
  secretOption,
  textOption,
  urlOption,
} from "./mod.ts";

const shop = config({
  port: intOption({ env: "PORT", flag: "port", default: 4_000, min: 0, max: 65_535, describe: "port to listen on" }),
  ratio: numberOption({ flag: "ratio", default: 0.5, min: 0, max: 1 }),
  graceMs: durationOption({ env: "GRACE", flag: "grace", default: 10_000, max: 60_000 }),
  bodyMaxBytes: bytesOption({ flag: "body-max", default: 1_048_576 }),
  engine: oneOfOption({ env: "ENGINE", flag: "engine", choices: ["memory", "sqlite"], default: "memory" }),
  trace: onOffOption({ env: "TRACE", flag: "trace", default: "off" }),
  only: listOption({ flag: "only", default: [], itemsMax: 3 }),
  upstream: optional(urlOption({ env: "UPSTREAM", flag: "upstream", protocols: ["https:"] })),
  token: secretOption({ env: "TOKEN", lengthMin: 4 }),
});

const env = { TOKEN: "hunter2" };

function faultsOf(argv: readonly string[], variables: Record<string, string> = env): readonly string[] {
  try {
    loadConfig(shop, { env: variables, argv });
  } catch (error) {
    if (error instanceof ConfigFaultsError) return error.faults.map(({ message }) => message);
    throw error;
  }
  return [];
}

describe("values", () => {
  test("are the defaults when nothing is given, frozen, with the types of their options", () => {
    const values = loadConfig(shop, { env, argv: [] });
    expect({ ...values, token: values.token.reveal() }).toEqual({
      port: 4_000,
      ratio: 0.5,
      graceMs: 10_000,
      bodyMaxBytes: 1_048_576,
      engine: "memory",
      trace: "off",
      only: [],
      upstream: undefined,
      token: "hunter2",
    });
    expect(Object.isFrozen(values)).toBe(true);
    expectTypeOf(values.port).toEqualTypeOf<number>();
    expectTypeOf(values.engine).toEqualTypeOf<"memory" | "sqlite">();
    expectTypeOf(values.upstream).toEqualTypeOf<Readonly<URL> | undefined>();
    expectTypeOf(values.token).toEqualTypeOf<Secret<string>>();
  });

  test("come from the flag before the variable before the default", () => {
    const both = loadConfig(shop, { env: { ...env, PORT: "81", GRACE: "2s" }, argv: ["--port=80"] });
    expect([both.port, both.graceMs]).toEqual([80, 2_000]);
  });

  test("of an empty variable are as if it were not set, of an empty flag are empty", () => {
    expect(loadConfig(shop, { env: { ...env, PORT: "" }, argv: [] }).port).toBe(4_000);
    const named = config({ name: textOption({ env: "NAME", flag: "name", lengthMin: 0 }) });
    expect(loadConfig(named, { env: {}, argv: ["--name="] }).name).toBe("");
    expect(() => loadConfig(named, { env: { NAME: "" }, argv: [] })).toThrow("name is missing: set --name or NAME");
  });

  test.each([
    [["--trace"], "on"],
    [["--no-trace"], "off"],
    [["--trace=off"], "off"],
    [["--trace=YES"], "on"],
  ])("of the switch %j are %s", (argv, expected) => {
    expect(loadConfig(shop, { env: { ...env, TRACE: "1" }, argv }).trace).toBe(expected);
  });

  test("of a list are joined from repeated flags, trimmed, frozen", () => {
    const { only } = loadConfig(shop, { env, argv: ["--only", "orders, stock,", "--only", "mail"] });
    expect(only).toEqual(["orders", "stock", "mail"]);
    expect(Object.isFrozen(only)).toBe(true);
  });

  test("may be negative numbers after a space", () => {
    const shifted = config({ shift: intOption({ flag: "shift" }) });
    expect(loadConfig(shifted, { env: {}, argv: ["--shift", "-5"] }).shift).toBe(-5);
  });

  test("go through a schema, as text or as JSON", () => {
    const schemas = config({
      level: schemaOption({ flag: "level", schema: z.coerce.number().int() }),
      limits: schemaOption({ flag: "limits", schema: z.record(z.string(), z.number()), as: "json", default: { a: 1 } }),
    });
    expect(loadConfig(schemas, { env: {}, argv: ["--level=3", `--limits={"b":2}`] })).toEqual({
      level: 3,
      limits: { b: 2 },
    });
    expect(loadConfig(schemas, { env: {}, argv: ["--level=3"] }).limits).toEqual({ a: 1 });
    expect(() => loadConfig(schemas, { env: {}, argv: ["--level=x", `--limits={"b":"2"}`] })).toThrow(/level[^]*b: /);
    expect(() => loadConfig(schemas, { env: {}, argv: ["--level=1", "--limits={"] })).toThrow("expected JSON");
  });
});

describe("faults", () => {
  test("are listed all together, with place, what was given and what is expected", () => {
    const variables = { PORT: "99999", TOKEN: "abc", ENGINE: "mongo", GRACE: "30" };
    expect(faultsOf(["--ratio", "2", "--only=a,b,c,d", "--prot=80", "--upstream=ftp://a"], variables)).toEqual([
      `PORT is "99999", expected an integer from 0 to 65535`,
      `--ratio is "2", expected a number from 0 to 1`,
      `GRACE is "30", expected a duration such as 250ms, 5s or 1h30m, of 1m or less`,
      `ENGINE is "mongo", expected one of memory, sqlite`,
      `--only is "a,b,c,d", expected at most 3 texts separated by commas`,
      `--upstream is "ftp://a", expected an absolute URL that begins with https://`,
      "TOKEN holds a secret that does not fit, expected a text of 4 to 4096 characters",
      "--prot is not known; did you mean --port?",
    ]);
  });

  test("name what is missing", () => {
    expect(faultsOf([], {})).toEqual(["token is missing: set TOKEN to a text of 4 to 4096 characters"]);
  });

  test.each([
    [["--port"], "--port needs a value, expected an integer from 0 to 65535"],
    [["--port", "--trace"], "--port is followed by a flag, expected an integer from 0 to 65535"],
    [["--port=1", "--port=2"], "--port is given 2 times, expected once"],
    [["--trace=perhaps"], `--trace is "perhaps", expected on or off`],
    [["--no-trace=off"], "--no-trace needs a value, expected on or off"],
    [["stray"], "the argument stray is not expected"],
    [["--no-port"], "--no-port is not known; --help lists the flags"],
    [["-x"], "-x is not known; --help lists the flags"],
    [["--hlep"], "--hlep is not known; did you mean --help?"],
  ])("of %j: %s", (argv, message) => {
    expect(faultsOf(argv)).toEqual([message]);
  });

  test("of strangers are left out where another part reads them", () => {
    expect(loadConfig(shop, { env, argv: ["--other", "x", "--port=1"], strangers: "ignore" }).port).toBe(1);
  });

  test("beyond 50 are counted in the message and all held", () => {
    const argv = Array.from({ length: 60 }, (_, index) => `stray${index}`);
    const messages = faultsOf(argv);
    expect(messages).toHaveLength(60);
    expect(() => loadConfig(shop, { env, argv })).toThrow("and 10 more");
  });

  test("show at most 120 characters of what was given, and no password of an address", () => {
    expect(faultsOf([`--engine=${"x".repeat(10_000)}`])[0]?.length).toBeLessThan(200);
    expect(faultsOf(["--upstream=http://ada:pass:wo@rd@host/x"])[0]).toContain("http://ada:[secret]@host/x");
  });
});

describe("a secret", () => {
  const values = loadConfig(shop, { env, argv: [] });

  test("does not print itself", () => {
    const { token } = values;
    const printed = [
      // oxlint-disable-next-line typescript/restrict-template-expressions -- that it prints no secret is what is tested
      `${token}`,
      String(token),
      JSON.stringify({ token }),
      inspect(values, { showHidden: true, depth: null }),
      inspect(token, { customInspect: false, showHidden: true }),
      `${new Error("with a token", { cause: token }).stack}`,
      JSON.stringify(describeConfig(shop, { env, argv: [] })),
    ];
    for (const text of printed) expect(text).not.toContain("hunter2");
    expect([printed[0], printed[2], inspect(token)]).toEqual(["[secret]", `{"token":"[secret]"}`, "[secret]"]);
  });

  test("is not shown when its flag is mistyped or does not exist", () => {
    const argv = ["--token=hunter2", "--tokn", "hunter2"];
    expect(faultsOf(argv).join("\n")).not.toContain("hunter2");
    expect(faultsOf(argv)).toHaveLength(3);
  });

  test("is not shown when it does not fit", () => {
    expect(faultsOf([], { TOKEN: "abc" }).join("\n")).not.toContain("abc");
  });
});

describe("a description", () => {
  test("holds the effective values with their origin, and the faults, without throwing", () => {
    const { options, faults, helpAsked } = describeConfig(shop, {
      env: { TOKEN: "hunter2", GRACE: "1500ms", UPSTREAM: "https://ada:pw@host/" },
      argv: ["-h", "--port=x", "--body-max=64KiB"],
    });
    const shown = Object.fromEntries(options.map(({ name, value, origin }) => [name, `${value} ${origin}`]));
    expect(shown).toEqual({
      port: " flag",
      ratio: "0.5 default",
      graceMs: "1500ms env",
      bodyMaxBytes: "64KiB flag",
      engine: "memory default",
      trace: "off default",
      only: " default",
      upstream: "https://ada:[secret]@host/ env",
      token: "[secret] env",
    });
    expect([helpAsked, faults.length]).toEqual([true, 1]);
  });

  test("has a help text of one line an option", () => {
    const { help } = describeConfig(shop, { env: {}, argv: [] });
    expect(help.split("\n")).toHaveLength(10);
    expect(help).toMatch(/--port, PORT +port to listen on \(an integer from 0 to 65535; default 4000\)/);
    expect(help).toMatch(/TOKEN +a text of 4 to 4096 characters; required/);
    expect(help).toMatch(/--help, -h +shows this text/);
  });
});

describe("a definition", () => {
  test.each([
    ["a default outside of its bounds", () => intOption({ env: "A", default: 5, max: 4 })],
    ["bounds that exclude each other", () => intOption({ env: "A", min: 5, max: 4 })],
    ["a flag with dashes", () => textOption({ flag: "--a" })],
    ["the flag help", () => textOption({ flag: "help" })],
    ["a flag that reads like a negation", () => textOption({ flag: "no-a" })],
    ["no place at all", () => textOption({})],
    ["a variable with spaces", () => textOption({ env: "A B" })],
    ["no choices", () => oneOfOption({ env: "A", choices: [] })],
    ["an optional option with a default", () => optional(intOption({ env: "A", default: 1 }))],
    ["one place for two options", () => config({ a: intOption({ env: "A" }), b: textOption({ env: "A" }) })],
  ])("with %s is refused", (_, define) => {
    expect(define).toThrow(ConfigError);
  });
});
