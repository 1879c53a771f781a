import { describe, expect, test } from "@jest/globals";
import { evb } from "../support/evb.ts";

/** `--option value` needs no yargs, and `--option=value` does: a client says the same of both. */
const said = (words: string): unknown => {
  const { code, stdout, stderr } = evb(["client", ...words.split(" ").filter(Boolean)]);
  return { code, stdout, stderr };
};

describe("a client's words mean what they mean to yargs", () => {
  test.each(["wait", "event-timeout", "client-timeout", "read-ahead", "decode-threads", "memory"])(
    "--%s that is no such thing",
    (option) => {
      const plain = said(`none.json --${option} soon`);
      expect(plain).toMatchObject({ code: 2, stderr: expect.stringContaining(`--${option} soon`) });
      expect(said(`none.json --${option}=soon`)).toEqual(plain);
    },
  );

  test("--analysis that is no such thing", () => {
    const plain = said("none.json --analysis nothing");
    expect(plain).toMatchObject({ code: 2, stderr: expect.stringContaining("nothing") });
    expect(said("none.json --analysis=nothing")).toEqual(plain);
  });

  test("--data, which may be repeated, before and behind the connection file", () => {
    const plain = said("--data /a none.json --data /b=/c --wait 0s --quiet --attached");
    expect(plain).toMatchObject({ code: 3, stderr: expect.stringContaining("none.json") });
    expect(said("--data=/a none.json --data=/b=/c --wait=0s --quiet --attached")).toEqual(plain);
  });

  test.each([
    ["", "not enough non-option arguments: got 0, need at least 1"],
    ["a.json b.json", "unknown argument: b.json"],
    ["--quiet true", "not enough non-option arguments: got 0, need at least 1"],
    ["a.json --colour", "unknown argument: colour"],
    ["a.json --constructor", "unknown argument: constructor"],
    ["a.json --wait", "--wait needs a value"],
    ["a.json --wait --quiet", "--wait needs a value"],
    ["a.json --wait 1s --wait 2s", "--wait was given more than once"],
  ])("what can't be understood is yargs' to refuse: %s", (words, sentence) => {
    const ended = said(words) as { code: number; stderr: string };
    expect(ended.code).toBe(2);
    expect(ended.stderr.toLowerCase()).toContain(sentence);
  });

  test("-o is --out", () => {
    expect(said("none.json --wait 0s -o out")).toEqual(said("none.json --wait 0s --out out"));
  });
});
